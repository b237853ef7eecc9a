"""The whole training: prepare data, train, validate, export, and write the model card."""

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
from murid.core.settings import list_settings
from murid.datasets.labels import LabelledSequence
from murid.errors import ConfigError
from murid.metrics import MIN_GAP_S
from murid.networks.checkpoint import save_checkpoint
from murid.networks.onnx_export import compute_weights_id, export_onnx, find_export_problem
from murid.training.config import TrainConfig, to_plain
from murid.training.data import count_synthetic_identities
from murid.training.fit import (
    CLIPS_NAME,
    LOG_NAME,
    TrainingData,
    TrainingResult,
    fit,
    make_held_out_images,
)
from murid.training.labelled_images import build_labelled_images, hold_out, list_class_names
from murid.training.report import draw_curves, draw_samples, read_log, write_model_card
from murid.training.second_views import make_second_views
from murid.training.synthetic_sources import SyntheticSources, collect_sources
from murid.training.training_clips import ClipMaker, render_clips

# Maximum number of held-out images for validation. More make the selection of the best weights less
# noisy and each validation slower.
_MAX_HELD_OUT = 300

# Synthetic clips of a training have seeds from (seed + 1) times this on.
_CLIP_SEEDS_PER_TRAINING = 10**6

# Text of the model card on limitations.
_LIMITS = (
    "Validated on images of the same kind as the training images; "
    "on other recordings, check the results first."
)


def prepare_data(
    config: TrainConfig,
    sequences: Sequence[LabelledSequence],
    solo: Sequence[str | Path],
    out: str | Path,
    report: ProgressCallback = no_progress,
) -> TrainingData:
    """Return the data of a training, and write its labelled images to `out`.

    Parameters
    ----------
    config : TrainConfig
    sequences : sequence of LabelledSequence
        Labelled data; may be empty. `config.validation_share` of it is held out. If that is 0,
        validation uses the training images.
    solo : sequence of path
        Videos of one animal each.
    out : str or Path
        Directory of the training.
    report : callable
        Receives progress.

    Raises
    ------
    ConfigError
        If the labels have more classes than the network, and the network has more than one.
    SourceError
        If a video or image cannot be read.
    StorageError
        If the directory cannot be written.
    """
    maker = ClipMaker(Path(out) / CLIPS_NAME, config.n_workers)
    sources = _collect_synthetic_sources(config, solo, maker, report)
    if not sequences:
        return TrainingData(sources)
    class_names = list_class_names(sequences)
    _check_classes(config, class_names)
    kept, held_out = hold_out(sequences, config.validation_share, config.seed)
    # Images have the size at which tracking shows them to the network.
    side_px = max(config.size_px, config.network_config.max_side_px)
    # Identities of labelled animals follow those of synthetic ones.
    first_identity = count_synthetic_identities(config, sources, has_labels=True)
    labelled = build_labelled_images(
        kept,
        Path(out) / "images",
        side_px,
        config.identity_source,
        first_identity,
        report,
        class_names=class_names,
    )
    validation = labelled
    if held_out:
        validation = build_labelled_images(
            held_out,
            Path(out) / "held-out",
            side_px,
            config.identity_source,
            report=report,
            prefer_tracks=True,
            class_names=class_names,
        )
    validation = validation.subsample(_MAX_HELD_OUT)
    return TrainingData(
        sources=sources,
        labelled=labelled,
        held_out=validation,
        n_identities=labelled.n_identities,
        second_views=make_second_views(validation, config),
    )


def _check_classes(config: TrainConfig, class_names: Sequence[str]) -> None:
    """Raise `ConfigError` if the network tells some classes apart, but not all of the labels'."""
    n_classes = config.network_config.n_classes
    if 1 < n_classes < len(class_names):
        expected = f"1, or {len(class_names)} for the classes {', '.join(class_names)}"
        raise ConfigError(f"network.n_classes: expected {expected}, got {n_classes}")


def _collect_synthetic_sources(
    config: TrainConfig,
    solo: Sequence[str | Path],
    maker: ClipMaker,
    report: ProgressCallback,
) -> SyntheticSources:
    """Return the sources of synthetic images; empty if the training uses no such images."""
    if config.synthetic_share == 0:
        return SyntheticSources()
    # Single synthetic images have the first identities, then come composed and synthetic clips.
    first_identity = config.stills.n_identities
    # Clips of a kind that is never chosen are not made, and their animals are no identities.
    clips = config.clips
    n_composed = clips.n_composed if clips.composed_share > 0 else 0
    n_synthetic = clips.n_synthetic if clips.synthetic_share > 0 else 0
    sources = collect_sources(
        solo,
        n_composed,
        seed=config.seed,
        first_identity=first_identity,
        report=report,
        maker=maker,
    )
    first_identity = max(first_identity, sources.n_identities)
    seed = (config.seed + 1) * _CLIP_SEEDS_PER_TRAINING
    synthetic_clips = render_clips(
        n_synthetic,
        seed,
        first_identity,
        report,
        no_background=clips.no_background,
        poor_background=clips.poor_background,
        maker=maker,
    )
    return replace(sources, synthetic_clips=synthetic_clips)


def train(
    config: TrainConfig,
    data: TrainingData,
    out: str | Path,
    *,
    sources: Sequence[str] = (),
    report: ProgressCallback = no_progress,
) -> TrainingResult:
    """Train a network and write its files.

    - ``<preset>-detector.onnx`` and ``<preset>-embedder.onnx``: the network for `murid.track`
    - ``<preset>.pt``: its weights, the start of another training
    - ``README.md``: model card
    - ``curves.png``, ``samples.png``: learning curves and sample predictions
    - ``log.jsonl``, ``config.json``: metrics of each epoch and settings
    - ``events``: event files of TensorBoard

    Parameters
    ----------
    config : TrainConfig
    data : TrainingData
    out : str or Path
        Directory; an interrupted training there is resumed.
    sources : sequence of str
        Names of the data, for the model card.
    report : callable
        Receives progress.

    Raises
    ------
    ModelError, StorageError
        As `murid.training.fit.fit`.
    """
    out = Path(out)
    if not len(data.held_out):
        data = replace(data, held_out=make_held_out_images(config, data.sources, out))
    result = fit(config, data, out, [ReportProgress(report)], report)
    write_files(config, data, result, sources)
    return result


def describe_validation_images(config: TrainConfig, data: TrainingData) -> str:
    """Return "held-out images" or "training images", whichever the validation used."""
    if len(data.labelled) > 0 and config.validation_share == 0:
        return "training images"
    return "held-out images"


def describe_retrieval(data: TrainingData) -> str:
    """Return in words between which boxes of an animal the validation finds it again."""
    if len(data.second_views):
        return "a box and its second, augmented view; frames where there are tracks"
    if len(data.labelled):
        return f"frames of a recording, at least {MIN_GAP_S:g} s apart"
    return "synthetic images with the same coat"


def _describe_changes(config: TrainConfig) -> str:
    changes = [
        f"{setting.name} = {setting.default}"
        for setting in list_settings(config.network)
        if setting.default is not None
    ]
    return ", ".join(changes) or "none"


def write_files(
    config: TrainConfig, data: TrainingData, result: TrainingResult, sources: Sequence[str]
) -> None:
    """Write the network in both formats, the settings, the figures and the model card."""
    out = result.directory
    network = result.network
    if find_export_problem(network.config) is None:
        export_onnx(
            network,
            out,
            config.preset,
            score_scale=result.validation.score_scale,
            score_bias=result.validation.score_bias,
        )
    settings = to_plain(config)
    save_checkpoint(out / f"{config.preset}.pt", network, {"config": json.dumps(settings)})
    text = json.dumps(settings, indent=2) + "\n"
    (out / "config.json").write_text(text, encoding="utf-8")
    draw_curves(read_log(out / LOG_NAME), out / "curves.png")
    draw_samples(network, data.held_out, out / "samples.png")
    facts = _list_facts(config, data, result, sources)
    write_model_card(out / "README.md", f"{config.preset}: a network for murid", facts, _LIMITS)


def _list_facts(
    config: TrainConfig, data: TrainingData, result: TrainingResult, sources: Sequence[str]
) -> dict[str, Any]:
    """Return the sections of the model card."""
    network = result.network
    validation = result.validation
    waiting = f"{100 * result.waiting_share:.0f} % of it waiting for images"
    measured_on = f"{len(data.held_out)} {describe_validation_images(config, data)}"
    return {
        "Network": {
            "preset": config.preset,
            "changes to the preset": _describe_changes(config),
            "parameters": sum(p.numel() for p in network.parameters()),
            "weights": compute_weights_id(network),
        },
        "Data": {
            "sources": ", ".join(sources) or "none; synthetic images only",
            "labelled images": len(data.labelled),
            "cut-outs of real animals": len(data.sources.cutouts),
            "composed clips": len(data.sources.composed_clips),
            "synthetic clips": len(data.sources.synthetic_clips),
            "share of synthetic images": config.synthetic_share if len(data.labelled) else 1,
        },
        "Training": {
            "murid": version("murid"),
            "seed": config.seed,
            "steps": f"{result.steps} of {config.batch_size} images of {config.size_px} px",
            "time": f"{result.seconds / 60:.0f} min, {waiting}",
            "settings": "config.json",
        },
        f"Results on {measured_on}": {
            "AP50": f"{100 * validation.ap50:.1f}",
            "AP75": f"{100 * validation.ap75:.1f}",
            "recall at probability 0.5": f"{100 * validation.recall:.1f}",
            "re-identification, rank 1": _format_percent(validation.rank1),
            "re-identification, mAP": _format_percent(validation.reid_map),
            "re-identification between": describe_retrieval(data),
            "nose, median error in % of body length": _format_percent(validation.nose_error),
            "body axis reversed, % of animals": _format_percent(validation.reversed_share),
        },
    }


def _format_percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


class ReportProgress(Callback):
    """Callback that reports the steps of a training under the name of a stage."""

    def __init__(self, report: ProgressCallback, stage: str = "train") -> None:
        self.report = report
        self.stage = stage

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: Any
    ) -> None:
        """Report the step."""
        total = int(pl_module.n_steps)  # type: ignore[arg-type]
        self.report(self.stage, trainer.global_step, total)
