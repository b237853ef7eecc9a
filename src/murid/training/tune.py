"""Which settings train best: short trainings over a grid of them, on the same data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from murid.core.progress import ProgressCallback, no_progress
from murid.errors import ConfigError
from murid.training.config import TrainConfig, change_config, read_settings
from murid.training.fit import TrainingData, fit
from murid.training.loss_balancing.grid import IDENTITY_GRID, Trial, search_grid
from murid.training.validate import Validation

TRIALS = "trials.jsonl"
"""Name of the results in a search's directory."""
DEFAULT_GRID: dict[str, Sequence[float]] = {"balance.identity_weight": IDENTITY_GRID}
"""Weights of identity beside detection."""


def load_grid(path: str | Path, base: TrainConfig) -> dict[str, Sequence[float]]:
    """Read lists of numbers from a TOML file, one for each setting; those of a table are named ``table.setting``.

    Raises
    ------
    ConfigError
        If the file cannot be read, a setting is unknown or refuses a value, or a value is no list
        of numbers.
    """
    grid: dict[str, Sequence[float]] = {}
    given = _flatten(read_settings(path))
    try:
        for name, values in given.items():
            if not isinstance(values, list) or not all(isinstance(v, int | float) for v in values):
                raise ConfigError(f"{name}: expected a list of numbers, got {values!r}")
            for value in values:
                apply(base, {name: value})
            grid[name] = values
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return grid


def search(
    config: TrainConfig,
    grid: Mapping[str, Sequence[float]],
    data: TrainingData,
    out: str | Path,
    report: ProgressCallback = no_progress,
) -> list[Trial]:
    """Train once with each combination of settings; those that an earlier call has done are not done again.

    Parameters
    ----------
    config : TrainConfig
        What all trainings share.
    grid : mapping of str to sequence of float
        Values to try of each setting.
    data : TrainingData
    out : str or Path
        Directory of the results, and of a training each.
    report : callable
        Told of progress.

    Returns
    -------
    list of Trial
        In the order of the grid, scored by `score`.
    """
    done = 0

    def train_one(settings: dict[str, float]) -> float:
        nonlocal done
        name = "-".join(f"{key.rpartition('.')[2]}={value:g}" for key, value in settings.items())
        result = score(fit(apply(config, settings), data, Path(out) / name).validation)
        done += 1
        report("try", done, None)
        return result

    return search_grid(train_one, grid, Path(out) / TRIALS)


def score(validation: Validation) -> float:
    """Mean of what was measured of AP50, AP75 and rank one, in [0, 1]."""
    measured = [validation.ap50, validation.ap75, validation.rank1]
    known = [value for value in measured if value is not None]
    return sum(known) / len(known)


def apply(config: TrainConfig, settings: Mapping[str, float]) -> TrainConfig:
    """Change settings, ``table.setting`` being that of a table; raises `ConfigError` as `change_config`."""
    for name, value in settings.items():
        table, _, inner = name.rpartition(".")
        config = change_config(config, {table: {inner: value}} if table else {inner: value})
    return config


def _flatten(given: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in given.items():
        flat |= (
            _flatten(value, f"{prefix}{name}.")
            if isinstance(value, Mapping)
            else {prefix + name: value}
        )
    return flat
