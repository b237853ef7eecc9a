"""Train a network: data in; best weights, checkpoints and logs out."""

from __future__ import annotations

import hashlib
import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from murid.core.files import make_directory
from murid.core.progress import ProgressCallback, no_progress
from murid.detection.detector import SHIPPED_NAMES, WEIGHTS_DIRECTORY
from murid.errors import ModelError
from murid.networks.checkpoint import check_same_network, from_stored, load_network
from murid.networks.comparison.yolox_head import Yolox
from murid.networks.network import Network
from murid.networks.presets import PRESETS, NetworkConfig
from murid.synthetic.still import Still
from murid.training.config import TrainConfig, describe_images
from murid.training.data import (
    Batch,
    EpochSampler,
    TrainingImages,
    count_synthetic_identities,
    make_loader,
    make_synthetic_image,
)
from murid.training.image_pool import ImagePool, PooledBatches, build_image_pool
from murid.training.module import TrainingModule, rename_old_keys
from murid.training.precision import choose_precision
from murid.training.report import EpochLog
from murid.training.synthetic_sources import SyntheticSources
from murid.training.training_clips import Clip, ClipMaker, render_clips
from murid.training.validate import ValidationResult, validate

# Name of the log in the directory of a training.
LOG_NAME = "log.jsonl"
# Name of the folder of clips there.
CLIPS_NAME = "clips"

# Synthetic images for validation have seeds from this on, which no training reaches. More images
# make the selection of the best weights less noisy and each validation slower.
_VALIDATION_SEED = 5 * 10**12
_N_VALIDATION_IMAGES = 300
_N_VALIDATION_CLIPS = 20

# Steps per epoch without labelled images. Synthetic images are endless, so an epoch is not a pass
# through the data.
_STEPS_WITHOUT_LABELS = 250

# Minimum number of classes of the identity classifier, whose scale is zero with two.
_MIN_IDENTITIES = 3

# Steps over which the decay of the moving average rises, so that it forgets the random initial
# weights (YOLOX).
_EMA_RAMP_STEPS = 2000


@dataclass(frozen=True)
class TrainingData:
    """Data to train on and to validate on.

    Attributes
    ----------
    sources : SyntheticSources
        Cut-outs, backgrounds and clips for synthetic images; may be empty.
    labelled, held_out : sequence of Still
        Labelled images of the training size; may be empty. Without held-out images, validation uses
        synthetic ones.
    n_identities : int
        Number of identities in the labelled images.
    second_views : sequence of Still
        Other views of held-out images, which validate re-identification; may be empty.
    """

    sources: SyntheticSources = field(default_factory=SyntheticSources)
    labelled: Sequence[Still] = ()
    held_out: Sequence[Still] = ()
    n_identities: int = 0
    second_views: Sequence[Still] = ()


@dataclass(frozen=True)
class TrainingResult:
    """A trained network, its validation, and the time that it took.

    Attributes
    ----------
    network : Network or Yolox
        With the best weights, in evaluation mode.
    validation : ValidationResult
        Of these weights on the held-out images.
    steps : int
    seconds : float
        Duration of the training with its validation.
    waiting_share : float
        Share of `seconds` spent waiting for images, in [0, 1].
    directory : Path
    """

    network: Network | Yolox
    validation: ValidationResult
    steps: int
    seconds: float
    waiting_share: float
    directory: Path


class EmaWeights(WeightAveraging):
    """Exponential moving average of the weights with a ramp of the decay (YOLOX)."""

    def __init__(self, decay: float) -> None:
        # All tensors of one type at once, which is much faster than one after the other.
        def average(means: Any, current: Any, _n_averaged: torch.Tensor | int) -> None:
            if not means[0].is_floating_point():
                torch._foreach_copy_(means, current)  # counters are not averaged
                return
            # Reading the number of averages from the device would wait for it in each step.
            ramp = 1 - math.exp(-(self._latest_update_step + 1) / _EMA_RAMP_STEPS)
            torch._foreach_lerp_(means, current, 1 - decay * ramp)

        super().__init__(multi_avg_fn=average)


def fit(
    config: TrainConfig,
    data: TrainingData,
    directory: str | Path,
    callbacks: Sequence[Callback] = (),
    report: ProgressCallback = no_progress,
    began_s: float | None = None,
) -> TrainingResult:
    """Train a network, and resume from the last checkpoint in `directory` if there is one.

    Parameters
    ----------
    config : TrainConfig
    data : TrainingData
    directory : str or Path
        Directory for checkpoints, logs and event files of TensorBoard.
    callbacks : sequence of lightning.pytorch.Callback
        Further callbacks of Lightning.
    report : callable
        Receives the progress of the preparation.
    began_s : float, optional
        When the preparation of the data began, in seconds of `time.monotonic`. It then counts as
        time of the training.

    Raises
    ------
    ModelError
        If the checkpoint in `directory` or `config.start` is of another network, or cannot be read.
    StorageError
        If the directory cannot be written.
    """
    directory = Path(directory)
    make_directory(directory)
    checkpoint = find_checkpoint(directory, config)
    lightning.seed_everything(config.seed, verbose=False)
    torch.set_num_threads(config.n_threads)
    steps = count_steps(config, len(data.labelled))

    module = TrainingModule(config, count_identities(config, data), config.epochs * steps)
    if began_s is not None:
        module.spent_s = time.monotonic() - began_s
    if config.start is not None and checkpoint is None:
        initial = load_initial_weights(config.start, config.network_config)
        # Missing weights keep their random values.
        module.network.load_state_dict(module.network.state_dict() | initial)

    images = TrainingImages(config, data.sources, data.labelled)
    pool = _make_pool(images, directory, report)
    held_out = data.held_out
    if not len(held_out):
        held_out = make_held_out_images(config, data.sources, directory)
    validation = [_ImageList(held_out), _ImageList(data.second_views)]
    with _silence_lightning():
        trainer = _make_trainer(config, directory, steps, callbacks)
        trainer.fit(
            module,
            _make_training_loader(config, images, pool, steps, lambda: trainer.global_step),
            [make_loader(images, None, config) for images in validation if len(images)],
            ckpt_path=checkpoint,
            weights_only=True,
        )

    network = load_best(trainer, module)
    return TrainingResult(
        network=network,
        validation=validate(network, held_out, data.second_views),
        steps=module.global_step,
        seconds=module.spent_s,
        waiting_share=module.waited_s / max(module.spent_s, 1e-9),
        directory=directory,
    )


def _make_pool(
    images: TrainingImages, directory: Path, report: ProgressCallback
) -> ImagePool | None:
    """Return the images that are made ahead, or None if each is made when it is needed."""
    config = images.config
    if config.pool_images == 0:
        return None
    data = f"{_compute_hash(images.labelled)} {images.sources.compute_hash()}"
    return build_image_pool(
        images,
        config.pool_images,
        directory / "pool",
        f"{describe_images(config)} {data}",
        config.n_workers,
        report,
    )


def _compute_hash(labelled: Sequence[Still]) -> str:
    """Return a hash of labelled images and their labels."""
    digest = hashlib.sha256()
    for still in labelled:
        for values in (still.image, still.boxes, still.identities):
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def make_training_batches(
    config: TrainConfig,
    data: TrainingData,
    directory: Path,
    report: ProgressCallback = no_progress,
) -> Iterator[Batch]:
    """Yield the batches of a training from its beginning, one epoch of them."""
    images = TrainingImages(config, data.sources, data.labelled)
    pool = _make_pool(images, directory, report)
    steps = count_steps(config, len(data.labelled))
    yield from _make_training_loader(config, images, pool, steps, lambda: 0)


def _make_training_loader(
    config: TrainConfig,
    images: TrainingImages,
    pool: ImagePool | None,
    steps: int,
    count_steps_done: Callable[[], int],
) -> DataLoader[Any]:
    """Return the loader of training batches, which goes on where a resumed training stopped."""
    network = config.network_config
    sampler: EpochSampler
    if pool is not None:
        batches = PooledBatches(pool, config.batch_size, config.seed)
        sampler = EpochSampler(steps, count_steps_done)
        return make_loader(batches, sampler, config, batched=True, network=network)
    n_images = config.batch_size
    sampler = EpochSampler(steps * n_images, lambda: n_images * count_steps_done())
    return make_loader(images, sampler, config, network=network)


def count_steps(config: TrainConfig, n_labelled: int) -> int:
    """Return the number of steps of an epoch."""
    if config.steps_per_epoch is not None:
        return config.steps_per_epoch
    if n_labelled == 0:
        return _STEPS_WITHOUT_LABELS
    return max(1, round(n_labelled / config.batch_size))


def count_identities(config: TrainConfig, data: TrainingData) -> int:
    """Return the number of classes of the identity classifier: identities that can occur."""
    n_synthetic = count_synthetic_identities(config, data.sources, len(data.labelled) > 0)
    return max(_MIN_IDENTITIES, n_synthetic + data.n_identities)


def load_initial_weights(name_or_path: str, config: NetworkConfig) -> dict[str, torch.Tensor]:
    """Return the weights of a shipped network or a checkpoint, of the given configuration.

    Checkpoints of versions without keypoints have no weights of their head.

    Raises
    ------
    ModelError
        If the file cannot be read or its network has another configuration.
    """
    path = Path(name_or_path)
    if name_or_path in SHIPPED_NAMES:
        path = WEIGHTS_DIRECTORY / f"{name_or_path}.pt"
    network = load_network(path)
    check_same_network(path, config, replace(network.config, keypoints=config.keypoints))
    return network.state_dict()


def make_held_out_images(
    config: TrainConfig,
    sources: SyntheticSources,
    directory: Path | None = None,
    n: int | None = None,
) -> list[Still]:
    """Return `n` synthetic images (default 300) with seeds that no training reaches.

    Clips that they are cut from are kept in the directory of the training, if it is given.
    """
    synthetic_clips: tuple[Clip, ...] = ()
    if sources.synthetic_clips:
        maker = ClipMaker(None if directory is None else directory / CLIPS_NAME, config.n_workers)
        synthetic_clips = render_clips(_N_VALIDATION_CLIPS, _VALIDATION_SEED, maker=maker)
    sources = replace(sources, synthetic_clips=synthetic_clips)
    n_images = _N_VALIDATION_IMAGES if n is None else n
    seeds = range(_VALIDATION_SEED, _VALIDATION_SEED + n_images)
    return [make_synthetic_image(config, sources, seed) for seed in seeds]


def find_checkpoint(directory: Path, config: TrainConfig) -> Path | None:
    """Return the last checkpoint of a training, or None.

    Raises
    ------
    ModelError
        If it is of another network or damaged.
    """
    path = directory / "last.ckpt"
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        stored = state["murid"]
        # Earlier versions stored the preset only.
        got = from_stored(stored["network"]) if "network" in stored else PRESETS[stored["preset"]]
    except Exception as error:
        raise ModelError(
            path, "checkpoint", "a complete checkpoint of murid", type(error).__name__
        ) from error
    check_same_network(path, config.network_config, got)
    return path


def load_best(trainer: lightning.Trainer, module: TrainingModule) -> Network | Yolox:
    """Return the network with the weights of the best validation, or the last without any."""
    path = getattr(trainer.checkpoint_callback, "best_model_path", "")
    if path:
        state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        module.load_state_dict(rename_old_keys(state))
    return module.network.cpu().eval()


def _make_trainer(
    config: TrainConfig, directory: Path, steps: int, callbacks: Sequence[Callback]
) -> Any:
    """Return a trainer that keeps the best and the last weights, logs, and stops early."""
    best = ModelCheckpoint(directory, "best", "val/ap50", mode="max", enable_version_counter=False)
    last = ModelCheckpoint(
        directory, "last", save_on_train_epoch_end=True, enable_version_counter=False
    )
    stop = EarlyStopping("val/ap50", patience=config.patience, mode="max")
    regular = ModelCheckpoint(
        directory,
        "last",
        train_time_interval=timedelta(minutes=config.checkpoint_minutes),
        enable_version_counter=False,
    )
    own: list[Callback] = [best, last, regular, EpochLog(directory / LOG_NAME), stop]
    if config.ema_decay is not None:
        own.append(EmaWeights(config.ema_decay))
    return lightning.Trainer(
        default_root_dir=directory,
        max_epochs=config.epochs,
        limit_train_batches=steps,
        precision=choose_precision(config.bf16),
        gradient_clip_val=config.max_gradient_norm or None,
        callbacks=[*own, *callbacks],
        logger=TensorBoardLogger(directory, name="", version="events"),
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=False,
        log_every_n_steps=min(10, steps),
    )


class _ImageList(torch.utils.data.Dataset[Still]):
    """A sequence of images as a data set of PyTorch."""

    def __init__(self, stills: Sequence[Still]) -> None:
        self.stills = stills

    def __len__(self) -> int:
        return len(self.stills)

    def __getitem__(self, number: int) -> Still:
        return self.stills[number]


@contextmanager
def _silence_lightning() -> Iterator[None]:
    """Hide messages and warnings of Lightning about its own configuration."""
    names = ("pytorch", "fabric", "pytorch.utilities.rank_zero")
    loggers = [logging.getLogger(f"lightning.{name}") for name in names]
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
