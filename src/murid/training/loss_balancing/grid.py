"""Grid search over settings; an interrupted search resumes."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from murid.core.files import write_text
from murid.errors import ConfigError, FormatError

# Weights of identity relative to detection in the default search: FairMOT's 0.1, and a decade to
# either side in steps of a factor of about three.
IDENTITY_WEIGHT_GRID = (0.01, 0.03, 0.1, 0.3, 1.0)

# Length of a line of the file that an error message quotes.
_MAX_QUOTE = 80


@dataclass(frozen=True, slots=True)
class Trial:
    """Settings and their score: higher is better, NaN where the training failed."""

    settings: dict[str, float]
    score: float


def iterate_grid(grid: Mapping[str, Sequence[float]]) -> Iterator[dict[str, float]]:
    """Yield every combination of the settings' values; the last setting changes fastest.

    Raises
    ------
    ConfigError
        If a setting has no values, or one of them twice.
    """
    for name, values in grid.items():
        if not values or len(set(values)) < len(values):
            raise ConfigError(
                f"grid.{name}: expected one or more different values, got {list(values)}"
            )
    for combination in itertools.product(*grid.values()):
        yield dict(zip(grid, combination, strict=True))


def search_grid(
    train_one: Callable[[dict[str, float]], float],
    grid: Mapping[str, Sequence[float]],
    path: str | Path,
) -> list[Trial]:
    """Train once with each combination of settings that the file of results does not contain.

    Parameters
    ----------
    train_one : callable
        Trains with the given settings and returns the score.
    grid : mapping of str to sequence of float
        Values to try of each setting.
    path : str or Path
        File of results, one line of JSON per trial, rewritten after each trial. Results of
        combinations outside the grid are kept.

    Returns
    -------
    list of Trial
        In the order of the grid.

    Raises
    ------
    ConfigError
        If a setting has no values, or one of them twice.
    FormatError
        If the file has another content.
    StorageError
        If the file cannot be written.
    """
    path = Path(path)
    combinations = list(iterate_grid(grid))
    trials = read_trials(path)
    for settings in combinations:
        if _find(trials, settings) is None:
            score = float(train_one(settings))
            trials.append(Trial(settings, score))
            # Write after each trial, so that an interrupted search keeps its results.
            write_text(path, "".join(_to_line(trial) for trial in trials))
    return [trial for settings in combinations if (trial := _find(trials, settings))]


def read_trials(path: str | Path) -> list[Trial]:
    """Return the trials of a file, none if it does not exist; raise `FormatError` if damaged."""
    path = Path(path)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [_from_line(path, number, line) for number, line in enumerate(lines, 1)]


def choose_best(trials: Iterable[Trial]) -> Trial:
    """Return the trial with the highest score, the first of equal ones.

    Raises
    ------
    ConfigError
        If no trial has a score.
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
        settings = {str(name): float(value) for name, value in row["settings"].items()}
        return Trial(settings, score)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(
            path, f"line {number}", "settings and score as JSON", line[:_MAX_QUOTE]
        ) from error
