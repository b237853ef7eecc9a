"""Train a network: data in; checkpoints, curves, pictures, ONNX pair and model card out."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger

from murid.core.files import make_directory
from murid.errors import ModelError
from murid.networks.checkpoint import load_network
from murid.networks.comparison.yolox_head import Yolox
from murid.networks.network import Network
from murid.networks.presets import PRESETS
from murid.synthetic.still import Still
from murid.training.config import TrainConfig
from murid.training.data import EpochSampler, PictureSet, load_batches, make_scene
from murid.training.module import TrainingModule
from murid.training.report import Log
from murid.training.synthetic_material import Material, film_reels
from murid.training.validate import Validation, validate

LOG = "log.jsonl"
"""Name of the log in a training's directory."""
_VALIDATION_SEED = 5 * 10**12
_N_VALIDATION = 300
_N_HELD_OUT_REELS = 20
_STREAM_STEPS = 250


@dataclass(frozen=True)
class TrainingData:
    """What to learn from, and what to measure on.

    Attributes
    ----------
    material : Material
        Real cut-outs and backgrounds, possibly none.
    labelled, held_out : sequence of Still
        Labelled pictures of the training size, possibly none; without any held out, synthetic ones
        are.
    n_identities : int
        Identities in the labelled pictures.
    """

    material: Material = field(default_factory=Material)
    labelled: Sequence[Still] = ()
    held_out: Sequence[Still] = ()
    n_identities: int = 0


@dataclass(frozen=True)
class Fitted:
    """A trained network, how it did on held-out pictures, how long it took, and what share of that it had to wait."""

    network: Network | Yolox
    validation: Validation
    steps: int
    seconds: float
    waiting: float
    directory: Path


class EmaWeights(WeightAveraging):
    """Exponential running mean of the weights, its decay reached after a ramp of 2000 steps (YOLOX)."""

    def __init__(self, decay: float) -> None:
        def average(
            mean: torch.Tensor, current: torch.Tensor, n_averaged: torch.Tensor | int
        ) -> torch.Tensor:
            kept = decay * (1 - math.exp(-(float(n_averaged) + 1) / 2000))
            return mean.lerp(current.to(mean), 1 - kept) if mean.is_floating_point() else current

        super().__init__(avg_fn=average)


def fit(
    config: TrainConfig,
    data: TrainingData,
    directory: str | Path,
    callbacks: Sequence[Callback] = (),
) -> Fitted:
    """Train, going on from the last checkpoint in `directory` if there is one.

    Parameters
    ----------
    config : TrainConfig
    data : TrainingData
    directory : str or Path
        Where checkpoints, logs and event files for TensorBoard are kept.
    callbacks : sequence of lightning.pytorch.Callback
        Told of progress.

    Raises
    ------
    ModelError
        If the checkpoint in `directory` is of another preset or cannot be read.
    StorageError
        If nothing can be written there.
    """
    directory = Path(directory)
    make_directory(directory)
    checkpoint = find_checkpoint(directory, config)
    lightning.seed_everything(config.seed, verbose=False)
    torch.set_num_threads(config.n_threads)
    steps = count_steps(config, len(data.labelled))
    n_scenes = max(config.stills.n_identities, data.material.n_identities)
    module = TrainingModule(config, max(3, n_scenes + data.n_identities), config.epochs * steps)
    if config.start is not None and checkpoint is None:
        module.network.load_state_dict(load_start(config.start, config.preset).state_dict())
    pictures = PictureSet(config, data.material, data.labelled)
    held_out = data.held_out if len(data.held_out) else make_held_out(config, data.material)
    with _quiet():
        trainer = _make_trainer(config, directory, steps, callbacks)
        trainer.fit(
            module,
            load_batches(pictures, EpochSampler(steps * config.batch_size), config),
            load_batches(_Fixed(held_out), None, config),
            ckpt_path=checkpoint,
            weights_only=True,
        )
    network = load_best(trainer, module)
    waiting = module.waited_s / max(module.spent_s, 1e-9)
    return Fitted(
        network, validate(network, held_out), module.global_step, module.spent_s, waiting, directory
    )


def count_steps(config: TrainConfig, n_labelled: int) -> int:
    """Steps of an epoch."""
    if config.steps_per_epoch is not None:
        return config.steps_per_epoch
    return max(1, round(n_labelled / config.batch_size)) if n_labelled else _STREAM_STEPS


def load_start(path: str, preset: str) -> Network | Yolox:
    """Read the network to start from; raises `ModelError` if it is not of the preset."""
    network = load_network(path)
    if network.config != PRESETS[preset]:
        raise ModelError(path, "preset", preset, network.config.name)
    return network


def make_held_out(config: TrainConfig, material: Material, n: int | None = None) -> list[Still]:
    """Make `n` (None = 300) synthetic pictures, and windows of recordings, whose seeds no training comes to."""
    recorded = film_reels(_N_HELD_OUT_REELS, _VALIDATION_SEED) if material.recorded else ()
    unseen = replace(material, recorded=recorded)
    seeds = range(_VALIDATION_SEED, _VALIDATION_SEED + (_N_VALIDATION if n is None else n))
    return [make_scene(config, unseen, seed) for seed in seeds]


def find_checkpoint(directory: Path, config: TrainConfig) -> Path | None:
    """Find the last checkpoint of a training; raises `ModelError` if it is of another preset or damaged."""
    path = directory / "last.ckpt"
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        preset = state["murid"]["preset"]
    except Exception as error:
        raise ModelError(
            path, "checkpoint", "a whole checkpoint of murid", type(error).__name__
        ) from error
    if preset != config.preset:
        raise ModelError(path, "preset", config.preset, str(preset))
    return path


def load_best(trainer: lightning.Trainer, module: TrainingModule) -> Network | Yolox:
    """Network with the weights that did best in validation, or the last where none was measured."""
    keeper = trainer.checkpoint_callback
    path = getattr(keeper, "best_model_path", "")
    if path:
        state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        module.load_state_dict(state)
    return module.network.cpu().eval()


def _make_trainer(
    config: TrainConfig, directory: Path, steps: int, callbacks: Sequence[Callback]
) -> Any:
    best = ModelCheckpoint(directory, "best", "val/ap50", mode="max", enable_version_counter=False)
    last = ModelCheckpoint(
        directory, "last", save_on_train_epoch_end=True, enable_version_counter=False
    )
    stop = EarlyStopping("val/ap50", patience=config.patience, mode="max")
    own: list[Callback] = [best, last, Log(directory / LOG), stop]
    if config.ema_decay is not None:
        own.append(EmaWeights(config.ema_decay))
    return lightning.Trainer(
        default_root_dir=directory,
        max_epochs=config.epochs,
        limit_train_batches=steps,
        precision="bf16-mixed" if config.bf16 else "32-true",
        gradient_clip_val=config.clip_norm or None,
        callbacks=[*own, *callbacks],
        logger=TensorBoardLogger(directory, name="", version="events"),
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=False,
        log_every_n_steps=min(10, steps),
    )


class _Fixed(torch.utils.data.Dataset[Still]):
    """Pictures that are there."""

    def __init__(self, stills: Sequence[Still]) -> None:
        self.stills = stills

    def __len__(self) -> int:
        return len(self.stills)

    def __getitem__(self, number: int) -> Still:
        return self.stills[number]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning from talking about its own machinery."""
    loggers = [
        logging.getLogger(f"lightning.{name}")
        for name in ("pytorch", "fabric", "pytorch.utilities.rank_zero")
    ]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", message=".*isinstance.*LeafSpec.*")
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
