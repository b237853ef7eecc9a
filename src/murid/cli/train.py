"""``murid train``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
    from murid.training.fit import TrainingData, TrainingResult


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Data and settings of a training; the same for ``murid train`` and ``murid tune``."""

    solo: Annotated[list[Path] | None, Parameter(consume_multiple=True)] = None
    """Videos of one animal alone; scenes are composed of its cut-outs. Needs no labels."""

    preset: PresetName | None = None
    """Network: nano, s, m, l by size; the others are the paper's comparisons."""

    profile: Literal["murid", "paper"] = "murid"
    """murid's own settings, or the paper's protocol."""

    start: Path | None = None
    """Weights to start from: ``NAME.pt`` of an earlier training of the same preset."""

    config: Path | None = None
    """TOML file with settings that change the profile."""

    seed: int | None = None
    """Seed of weights and images."""

    skip_bad: Annotated[bool, Parameter(negative=())] = False
    """Leave out labels that have a problem, and print how many there were."""

    def load(self, minutes: float | None) -> "TrainConfig":
        """Return the profile, changed by the file and the options; raises `ConfigError`."""
        from murid.training.config import PROFILES

        settings = PROFILES[self.profile]()
        if self.config is not None:
            settings = load_settings(self.config, settings)
        options = {
            "preset": self.preset,
            "minutes": minutes,
            "seed": self.seed,
            "start": None if self.start is None else str(self.start),
        }
        given = {name: value for name, value in options.items() if value is not None}
        return change_settings(settings, given)

    def prepare_data(
        self,
        settings: "TrainConfig",
        data: Sequence[Path],
        out: Path,
        report: ProgressCallback,
    ) -> "TrainingData":
        """Read labels and solo videos, and return what to train on."""
        from murid.training.recipe import prepare_data

        sequences = []
        if data:
            sequences = load_sequences(data, ReadOptions(), skip_bad=self.skip_bad)
        return prepare_data(settings, sequences, self.solo or (), out, report)


def train(
    *data: Path,
    out: Path,
    options: TrainingOptions | None = None,
    recipe: str | None = None,
    minutes: float | None = None,
    restart: Annotated[bool, Parameter(negative="--resume")] = False,
) -> None:
    """Train a network on labelled data, on videos of single animals, or on synthetic scenes.

    Parameters
    ----------
    data : Path
        Labelled data sets; see the documentation of formats.
    out : Path
        Directory for the network, logs and model card; an interrupted training there goes on.
    recipe : str
        Train a network in the stages of a recipe, from the videos of --solo: nano (the shipped
        network), nano-gpu, s-gpu, or a TOML file.
    minutes : float
        Maximum time to train; of a recipe, with all preparation.
    restart : bool
        Start over; by default an interrupted training goes on.
    """
    import_training("train")
    chosen = options or TrainingOptions()
    if recipe is not None:
        _train_recipe(recipe, data, chosen, out, minutes, restart=restart)
        return
    if restart:
        _remove_checkpoints(out)
    from murid.training import recipe as training

    settings = chosen.load(minutes)
    # The model card names files and folders without the directories of this machine.
    sources = ["/".join(path.absolute().parts[-2:]) for path in (*data, *(chosen.solo or ()))]
    with show_progress() as report:
        training_data = chosen.prepare_data(settings, data, out, report)
        fitted = training.train(settings, training_data, out, sources=sources, report=report)
    _print_result(fitted, training.describe_validation_images(settings, training_data))
    print(f"waiting for images: {100 * fitted.waiting_share:.0f} % of the time")


def _train_recipe(
    name: str,
    data: Sequence[Path],
    options: TrainingOptions,
    out: Path,
    minutes: float | None,
    *,
    restart: bool,
) -> None:
    """Train the stages of a recipe; raises `ConfigError` for options that a recipe decides."""
    from murid.training.stages import get_weights_path, load_recipe, train_stages

    allowed = TrainingOptions(solo=options.solo, seed=options.seed)
    if data or options != allowed:
        raise ConfigError(
            "--recipe: expected no labels and no options but --solo, --seed, --minutes"
        )
    recipe = load_recipe(name)
    if restart:
        for stage in recipe.stages:
            _remove_checkpoints(out / stage.name)
            get_weights_path(out, stage).unlink(missing_ok=True)
    with show_progress() as report:
        fitted = train_stages(
            recipe,
            options.solo or (),
            out,
            seed=options.seed or 0,
            minutes=minutes,
            report=report,
        )
    _print_result(fitted, "held-out images")


def _print_result(fitted: "TrainingResult", images: str) -> None:
    """Print how good a trained network is, and how to use it."""
    from murid.networks.onnx_export import find_export_problem

    result = fitted.validation
    scores = {"AP50": result.ap50, "AP75": result.ap75, "recall": result.recall}
    if result.rank1 is not None:
        scores["rank 1"] = result.rank1
    listed = "  ".join(f"{name} {100 * value:.1f}" for name, value in scores.items())
    print(f"{images}: {listed}")
    preset = fitted.network.config.name
    problem = find_export_problem(fitted.network.config)
    if problem is None:
        detector = fitted.directory / f"{preset}-detector.onnx"
        print(f"to use it: murid track VIDEO --detector {detector}")
    else:
        print(f"weights: {fitted.directory / f'{preset}.pt'}; no ONNX files: {problem}")


def import_training(verb: str) -> None:
    """Import what training needs; raises `ConfigError` that says how to install it."""
    try:
        import murid.training.recipe  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"murid {verb} needs {error.name}; install it with: pip install 'murid[train]'"
        ) from error


def _remove_checkpoints(out: Path) -> None:
    """Remove what a training would be resumed from."""
    for name in ("last.ckpt", "best.ckpt", "log.jsonl"):
        (out / name).unlink(missing_ok=True)
