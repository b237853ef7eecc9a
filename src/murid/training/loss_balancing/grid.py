"""Grid search over settings, for fixed weights; a killed search goes on where it was."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from murid.core.files import write_text
from murid.errors import ConfigError, FormatError

IDENTITY_GRID = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Weights of identity beside detection that are worth trying."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Settings that were tried, and how good they were: higher is better, NaN where training failed."""

    settings: dict[str, float]
    score: float


def iterate_grid(grid: Mapping[str, Sequence[float]]) -> Iterator[dict[str, float]]:
    """Every combination of the values of each setting; the last setting changes fastest.

    Raises
    ------
    ConfigError
        If a setting has no values, or one twice.
    """
    for name, values in grid.items():
        if not values or len(set(values)) < len(values):
            raise ConfigError(
                f"grid.{name}: expected different values, at least one, got {list(values)}"
            )
    for combination in itertools.product(*grid.values()):
        yield dict(zip(grid, combination, strict=True))


def search_grid(
    train_one: Callable[[dict[str, float]], float],
    grid: Mapping[str, Sequence[float]],
    path: str | Path,
) -> list[Trial]:
    """Train once with each combination of settings that is not in the file of results yet.

    Parameters
    ----------
    train_one : callable
        Trains with the settings it is given and returns the score.
    grid : mapping of str to sequence of float
        Values to try of each setting.
    path : str or Path
        File of results, a line of JSON each, written anew after each trial. Results of combinations
        that are not in the grid stay in it.

    Returns
    -------
    list of Trial
        In the order of the grid.

    Raises
    ------
    ConfigError
        If a setting has no values, or one twice.
    FormatError
        If the file holds something else.
    StorageError
        If it cannot be written.
    """
    path = Path(path)
    combinations = list(iterate_grid(grid))
    done = read_trials(path)
    for settings in combinations:
        if _find(done, settings) is None:
            done.append(Trial(settings, float(train_one(settings))))
            write_text(path, "".join(_to_line(trial) for trial in done))
    return [trial for settings in combinations if (trial := _find(done, settings))]


def read_trials(path: str | Path) -> list[Trial]:
    """Trials in a file of results, none if there is no file; raises `FormatError`."""
    path = Path(path)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [_from_line(path, number, line) for number, line in enumerate(lines, 1)]


def choose_best(trials: Iterable[Trial]) -> Trial:
    """Trial with the highest score, the first of equals.

    Raises
    ------
    ConfigError
        If there is none with a score.
    """
    scored = [trial for trial in trials if not math.isnan(trial.score)]
    if not scored:
        raise ConfigError("grid: expected at least one trial with a score, got none")
    return max(scored, key=lambda trial: trial.score)


def _find(trials: Iterable[Trial], settings: dict[str, float]) -> Trial | None:
    return next((trial for trial in trials if trial.settings == settings), None)


def _to_line(trial: Trial) -> str:
    score = None if math.isnan(trial.score) else trial.score
    return json.dumps({"settings": trial.settings, "score": score}) + "\n"


def _from_line(path: Path, number: int, line: str) -> Trial:
    try:
        row = json.loads(line)
        score = math.nan if row["score"] is None else float(row["score"])
        return Trial({str(name): float(value) for name, value in row["settings"].items()}, score)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(
            path, f"line {number}", "settings and score as JSON", line[:80]
        ) from error
