"""From data to a network that can be used: train, look, export, describe."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from murid.core.progress import ProgressCallback, no_progress
from murid.datasets.labels import LabelledSequence
from murid.networks.checkpoint import save_checkpoint
from murid.networks.onnx_export import compute_weights_id, export_onnx, find_obstacle
from murid.networks.presets import PRESETS
from murid.training.config import TrainConfig, to_plain
from murid.training.fit import LOG, Fitted, TrainingData, fit, make_held_out
from murid.training.labelled_images import build_labelled_images, hold_out
from murid.training.report import draw_curves, draw_samples, read_log, write_card
from murid.training.synthetic_material import Material, film_reels, gather_material

_MOST_HELD_OUT = 300
_LIMITS = "Measured on pictures of the training's own kind; on other recordings look at the results first."


def gather_data(
    config: TrainConfig,
    sequences: Sequence[LabelledSequence],
    solo: Sequence[str | Path],
    out: str | Path,
    report: ProgressCallback = no_progress,
) -> TrainingData:
    """Prepare what to train on: labelled pictures under ``out/pictures`` and ``out/held-out``, and cut-outs.

    Parameters
    ----------
    config : TrainConfig
    sequences : sequence of LabelledSequence
        Labelled data, possibly none; a share of it is held out. If that is 0, measured is what is
        trained on.
    solo : sequence of path
        Videos of one animal alone.
    out : str or Path
        Directory of the training.
    report : callable
        Told of progress.

    Raises
    ------
    SourceError
        If a video or picture cannot be read.
    StorageError
        If nothing can be written.
    """
    material = _gather_scenes(config, solo, report)
    if not sequences:
        return TrainingData(material)
    kept, held_out = hold_out(sequences, config.validation, config.seed)
    n_scenes = max(config.stills.n_identities, material.n_identities)
    side = max(config.size_px, PRESETS[config.preset].longest_side)  # as tracking will show them
    labelled = build_labelled_images(
        kept, Path(out) / "pictures", side, config.identity_source, n_scenes, report
    )
    measured = (
        build_labelled_images(held_out, Path(out) / "held-out", side, "none", 0, report)
        if held_out
        else labelled
    )
    return TrainingData(material, labelled, measured.thin(_MOST_HELD_OUT), labelled.n_identities)


def _gather_scenes(
    config: TrainConfig, solo: Sequence[str | Path], report: ProgressCallback
) -> Material:
    """What scenes are made of; nothing where no picture is to be one."""
    footage = config.footage
    if config.scenes == 0:
        return Material()
    first = config.stills.n_identities
    material = gather_material(
        solo, footage.n_composed, seed=config.seed, first_identity=first, report=report
    )
    seed, first = (config.seed + 1) * 10**6, max(first, material.n_identities)
    return replace(material, recorded=film_reels(footage.n_recorded, seed, first, report))


def train(
    config: TrainConfig,
    data: TrainingData,
    out: str | Path,
    *,
    sources: Sequence[str] = (),
    report: ProgressCallback = no_progress,
) -> Fitted:
    """Train a network and write all that belongs to it.

    ``<preset>-detector.onnx`` and ``<preset>-embedder.onnx`` for `murid.track`, ``<preset>.pt`` to
    train on from, ``curves.png``, ``samples.png``, ``log.jsonl``, ``config.json``, event files for
    TensorBoard, and the model card ``README.md``.

    Parameters
    ----------
    config : TrainConfig
    data : TrainingData
    out : str or Path
        Directory; a training that was interrupted there goes on.
    sources : sequence of str
        Names of the data, for the model card.
    report : callable
        Told of progress.

    Raises
    ------
    ModelError, StorageError
        As `murid.training.fit.fit`.
    """
    out = Path(out)
    if not len(data.held_out):
        data = replace(data, held_out=make_held_out(config, data.material))
    fitted = fit(config, data, out, [Progress(report)])
    _write_files(config, data, fitted, sources)
    return fitted


def describe_measured(config: TrainConfig, data: TrainingData) -> str:
    """Say what results were measured on."""
    seen = len(data.labelled) > 0 and config.validation == 0
    return "pictures that it was trained on" if seen else "held-out pictures"


def _write_files(
    config: TrainConfig, data: TrainingData, fitted: Fitted, sources: Sequence[str]
) -> None:
    out, network, result = fitted.directory, fitted.network, fitted.validation
    if find_obstacle(network.config) is None:
        export_onnx(
            network,
            out,
            config.preset,
            score_scale=result.score_scale,
            score_bias=result.score_bias,
        )
    save_checkpoint(out / f"{config.preset}.pt", network, {"config": json.dumps(to_plain(config))})
    (out / "config.json").write_text(
        json.dumps(to_plain(config), indent=2) + "\n", encoding="utf-8"
    )
    draw_curves(read_log(out / LOG), out / "curves.png")
    draw_samples(network, data.held_out, out / "samples.png")
    facts = _describe(config, data, fitted, sources)
    write_card(out / "README.md", f"{config.preset}: a network for murid", facts, _LIMITS)


def _describe(
    config: TrainConfig, data: TrainingData, fitted: Fitted, sources: Sequence[str]
) -> dict[str, Any]:
    result, network = fitted.validation, fitted.network
    n_parameters = sum(p.numel() for p in network.parameters())
    return {
        "Network": {
            "preset": config.preset,
            "parameters": n_parameters,
            "weights": compute_weights_id(network),
        },
        "Data": {
            "sources": ", ".join(sources) or "none; synthetic scenes alone",
            "labelled pictures": len(data.labelled),
            "cut-outs of real animals": len(data.material.cutouts),
            "recordings composed of them": len(data.material.composed),
            "synthetic recordings": len(data.material.recorded),
            "share of scenes": config.scenes if len(data.labelled) else 1,
        },
        "Training": {
            "murid": version("murid"),
            "seed": config.seed,
            "steps": f"{fitted.steps} of {config.batch_size} pictures of {config.size_px} px",
            "time": f"{fitted.seconds / 60:.0f} min, {100 * fitted.waiting:.0f} % of it waiting for pictures",
            "settings": "config.json",
        },
        f"Results on {len(data.held_out)} {describe_measured(config, data)}": {
            "AP50": f"{100 * result.ap50:.1f}",
            "AP75": f"{100 * result.ap75:.1f}",
            "recall at even odds": f"{100 * result.recall:.1f}",
            "re-identification, rank 1": "-"
            if result.rank1 is None
            else f"{100 * result.rank1:.1f}",
        },
    }


class Progress(Callback):
    """Tells how far a training is, under the name of a stage."""

    def __init__(self, report: ProgressCallback, stage: str = "train") -> None:
        self.report, self.stage = report, stage

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: Any
    ) -> None:
        """Report the step."""
        total = int(pl_module.n_steps)  # type: ignore[arg-type]
        self.report(self.stage, trainer.global_step, total)
