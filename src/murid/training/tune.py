"""Grid search over training settings: short trainings on the same data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from murid.core.progress import ProgressCallback, no_progress
from murid.core.settings import change_settings, flatten_settings, read_toml
from murid.errors import ConfigError
from murid.training.config import TrainConfig
from murid.training.fit import TrainingData, fit
from murid.training.loss_balancing.grid import IDENTITY_WEIGHT_GRID, Trial, search_grid
from murid.training.recipe import ReportProgress
from murid.training.validate import ValidationResult

# Name of the file of results in the directory of a search.
TRIALS_NAME = "trials.jsonl"
# Grid that is searched by default: weights of the identity loss beside the detection loss.
DEFAULT_GRID: dict[str, Sequence[float]] = {"balance.identity_weight": IDENTITY_WEIGHT_GRID}


def load_grid(path: str | Path, base: TrainConfig) -> dict[str, Sequence[float]]:
    """Read a list of numbers for each setting from a TOML file.

    Settings of a table are named ``table.setting``.

    Raises
    ------
    ConfigError
        If the file cannot be read, a setting is unknown, a value is invalid, or a value is not a
        list of numbers.
    """
    grid: dict[str, Sequence[float]] = {}
    given = flatten_settings(read_toml(path))
    try:
        for name, values in given.items():
            if not isinstance(values, list) or not all(isinstance(v, int | float) for v in values):
                raise ConfigError(f"{name}: expected a list of numbers, got {values!r}")
            for value in values:
                apply_settings(base, {name: value})  # raises if the value is invalid
            grid[name] = values
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return grid


def tune(
    config: TrainConfig,
    grid: Mapping[str, Sequence[float]],
    data: TrainingData,
    out: str | Path,
    report: ProgressCallback = no_progress,
) -> list[Trial]:
    """Train once with each combination of settings that an earlier call has not completed.

    Parameters
    ----------
    config : TrainConfig
        Settings that all trainings have in common.
    grid : mapping of str to sequence of float
        Values to try of each setting.
    data : TrainingData
    out : str or Path
        Directory of the results, with a subdirectory for each training.
    report : callable
        Receives progress.

    Returns
    -------
    list of Trial
        In the order of the grid, with scores of `compute_score`.
    """
    n_completed = 0

    def train_one(settings: dict[str, float]) -> float:
        nonlocal n_completed
        name = "-".join(f"{key.rpartition('.')[2]}={value:g}" for key, value in settings.items())
        progress = ReportProgress(report, f"training, {name}")
        directory = Path(out) / name
        result = fit(apply_settings(config, settings), data, directory, [progress], report)
        n_completed += 1
        report("tune", n_completed, None)
        return compute_score(result.validation)

    return search_grid(train_one, grid, Path(out) / TRIALS_NAME)


def compute_score(validation: ValidationResult) -> float:
    """Return the mean of AP50, AP75 and, where held-out animals have identities, rank 1, in [0, 1].

    The validation is that of the weights with the highest AP50 of a training.
    """
    measured = [validation.ap50, validation.ap75, validation.rank1]
    known = [value for value in measured if value is not None]
    return sum(known) / len(known)


def apply_settings(config: TrainConfig, settings: Mapping[str, float]) -> TrainConfig:
    """Return `config` with settings changed; ``table.setting`` names a setting of a table.

    Raises
    ------
    ConfigError
        If a name is unknown, or a value has the wrong type or is out of range.
    """
    for name, value in settings.items():
        table, _, inner = name.rpartition(".")
        changed = {table: {inner: value}} if table else {inner: value}
        config = change_settings(config, changed)
    return config
