"""``murid train``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from murid.cli.labelled_data import load_sequences
from murid.cli.progress import show_progress
from murid.core.progress import ProgressCallback
from murid.core.settings import change_settings, load_settings
from murid.datasets.raw_labels import ReadOptions
from murid.errors import ConfigError
from murid.networks.presets import PresetName

if TYPE_CHECKING:
    from murid.training.config import TrainConfig
    from murid.training.fit import TrainingData


def train(
    *data: Path,
    out: Path,
    solo: Annotated[list[Path] | None, Parameter(consume_multiple=True)] = None,
    preset: PresetName | None = None,
    profile: Literal["murid", "paper"] = "murid",
    start: Path | None = None,
    config: Path | None = None,
    minutes: float | None = None,
    seed: int | None = None,
    skip_bad: Annotated[bool, Parameter(negative=())] = False,
    restart: Annotated[bool, Parameter(negative="--resume")] = False,
) -> None:
    """Train a network on labelled data, on videos of single animals, or on synthetic scenes.

    Parameters
    ----------
    data : Path
        Labelled data sets; see the documentation of formats.
    out : Path
        Directory for the network, logs and model card; an interrupted training there goes on.
    solo : list of Path
        Videos of one animal alone; scenes are composed of its cut-outs. Needs no labels.
    preset : str
        Network: nano, s, m, l by size; the others are the paper's comparisons.
    profile : str
        murid's own settings, or the paper's protocol.
    start : Path
        Weights to start from: ``NAME.pt`` of an earlier training of the same preset.
    config : Path
        TOML file with settings that change the profile.
    minutes : float
        Maximum time to train.
    seed : int
        Seed of weights and images.
    skip_bad : bool
        Leave out labels that have a problem, and print how many there were.
    restart : bool
        Start over; by default an interrupted training goes on.
    """
    import_training("train")
    from murid.networks.onnx_export import find_export_problem
    from murid.training import recipe

    settings = read_options(profile, config, preset=preset, minutes=minutes, seed=seed, start=start)
    if restart:
        _remove_checkpoints(out)
    sources = ["/".join(path.absolute().parts[-2:]) for path in (*data, *(solo or ()))]
    with show_progress() as report:
        training_data = gather(settings, data, solo or (), out, skip_bad, report)
        fitted = recipe.train(settings, training_data, out, sources=sources, report=report)
    result = fitted.validation
    scores = {"AP50": result.ap50, "AP75": result.ap75, "recall": result.recall}
    print(
        f"{recipe.describe_validation_images(settings, training_data)}: "
        + "  ".join(f"{name} {100 * value:.1f}" for name, value in scores.items())
    )
    print(f"waiting for images: {100 * fitted.waiting_share:.0f} % of the time")
    problem = find_export_problem(fitted.network.config)
    use = f"to use it: murid track VIDEO --detector {out / f'{settings.preset}-detector.onnx'}"
    print(
        use
        if problem is None
        else f"weights: {out / f'{settings.preset}.pt'}; no ONNX files: {problem}"
    )


def import_training(verb: str) -> None:
    """Import what training needs; raises `ConfigError` that says how to install it."""
    try:
        import murid.training.recipe  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"murid {verb} needs {error.name}; install it with: pip install 'murid[train]'"
        ) from error


def read_options(profile: str, config: Path | None, **given: Any) -> TrainConfig:
    """Return the profile, changed by the file and the options; raises `ConfigError`."""
    from murid.training.config import PROFILES

    settings = PROFILES[profile]()
    settings = load_settings(config, settings) if config else settings
    changed = {k: str(v) if isinstance(v, Path) else v for k, v in given.items() if v is not None}
    return change_settings(settings, changed)


def gather(
    settings: TrainConfig,
    data: Sequence[Path],
    solo: Sequence[Path],
    out: Path,
    skip_bad: bool,
    report: ProgressCallback,
) -> TrainingData:
    """Read labels, and prepare what to train on."""
    from murid.training.recipe import prepare_data

    sequences = load_sequences(data, ReadOptions(), skip_bad=skip_bad) if data else []
    return prepare_data(settings, sequences, solo, out, report)


def _remove_checkpoints(out: Path) -> None:
    for name in ("last.ckpt", "best.ckpt", "log.jsonl"):
        (out / name).unlink(missing_ok=True)
