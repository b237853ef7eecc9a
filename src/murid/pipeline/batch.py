"""Many videos, one after the other: a broken one does not stop the rest."""

from __future__ import annotations

import glob
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from murid.errors import ConfigError, MuridError
from murid.pipeline.run import Run
from murid.pipeline.track import default_run_path
from murid.video.image_sequence import is_image_file

TrackOne = Callable[[str, Path], Run]
"""Tracks a source into a run directory."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one of many videos: a run, or why there is none; and the seconds that it took."""

    source: str
    run: Run | None
    error: str | None
    seconds: float


def find_sources(names: Iterable[str]) -> list[str]:
    """Replace each glob that matches videos by these, in order of their names; a glob of pictures is one source.

    Raises
    ------
    ConfigError
        If a glob matches both, or a source comes twice.
    """
    sources: list[str] = []
    for name in names:
        found = (
            sorted(glob.glob(name, recursive=True))  # noqa: PTH207
            if glob.has_magic(name) and not Path(name).exists()
            else []
        )
        files = [file for file in found if Path(file).is_file() and not _is_in_run(Path(file))]
        pictures = sum(is_image_file(Path(file)) for file in files)
        if 0 < pictures < len(files):
            raise ConfigError(
                f"{name}: expected videos only or pictures only, got {pictures} pictures of {len(files)}"
            )
        sources += [name] if pictures or not files else files
    twice = next((s for k, s in enumerate(sources) if s in sources[:k]), None)
    if twice is not None:
        raise ConfigError(f"videos: expected each once, got {twice} twice")
    return sources


def _is_in_run(file: Path) -> bool:
    """Whether a file is murid's own, such as an annotated video."""
    return any(parent.suffix == ".murid" for parent in file.parents)


def default_run_paths(sources: Sequence[str], folder: Path | None = None) -> list[Path]:
    """Run directory of each source: beside it, or in a folder.

    Raises
    ------
    ConfigError
        If two would have the same.
    """
    beside = [default_run_path(source) for source in sources]
    runs = beside if folder is None else [folder / run.name for run in beside]
    for k, run in enumerate(runs):
        if run in runs[:k]:
            other = sources[runs.index(run)]
            raise ConfigError(
                f"videos: expected names that give different runs, got {other} and {sources[k]}: {run}"
            )
    return runs


def track_videos(
    sources: Sequence[str], runs: Sequence[Path], track_one: TrackOne
) -> Iterator[Outcome]:
    """Track each video in turn; whatever stops one of them is its outcome, and the next one begins.

    Parameters
    ----------
    sources, runs : sequence of str, sequence of Path
        Videos and their run directories.
    track_one : callable
        Tracks one.

    Yields
    ------
    Outcome
    """
    for source, path in zip(sources, runs, strict=True):
        started, run, error = time.monotonic(), None, None
        try:
            run = track_one(source, path)
        except MuridError as caught:
            error = str(caught)
        except Exception as caught:  # whatever it is, the other videos are worth their night
            error = f"unexpected {type(caught).__name__}: {caught}"
        yield Outcome(source, run, error, time.monotonic() - started)
