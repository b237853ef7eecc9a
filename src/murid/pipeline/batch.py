"""Track many videos, one after the other; an error in one does not stop the others."""

from __future__ import annotations

import glob
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from murid.core.validation import find_repeated
from murid.errors import ConfigError, MuridError
from murid.pipeline.run import Run
from murid.pipeline.track import default_run_path
from murid.video.image_sequence import is_image_file

# Tracks a source into a run directory.
TrackOne = Callable[[str, Path], Run]


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Result of tracking one of many videos: its run or its error, and the seconds it took."""

    source: str
    run: Run | None
    error: str | None
    seconds: float


def find_sources(names: Iterable[str]) -> list[str]:
    """Return the sources that match names and globs.

    A glob of videos is replaced by the videos in order of their names; a glob of images is one
    source. Annotated videos inside run directories are left out.

    Raises
    ------
    ConfigError
        If a glob matches both videos and images, or a source comes twice.
    """
    sources: list[str] = []
    for name in names:
        files = _match_files(name)
        n_images = sum(is_image_file(file) for file in files)
        if 0 < n_images < len(files):
            got = f"{n_images} images of {len(files)} files"
            raise ConfigError(f"{name}: expected videos only or images only, got {got}")
        sources += [name] if n_images or not files else map(str, files)
    repeated = find_repeated(sources)
    if repeated is not None:
        raise ConfigError(f"videos: expected each once, got {repeated} twice")
    return sources


def default_run_paths(sources: Sequence[str], folder: Path | None = None) -> list[Path]:
    """Return the run directory of each source: beside it, or in a folder.

    Raises
    ------
    ConfigError
        If two sources would have the same run directory.
    """
    runs = [default_run_path(source) for source in sources]
    if folder is not None:
        runs = [folder / run.name for run in runs]
    for k, run in enumerate(runs):
        if run in runs[:k]:
            both = f"{sources[runs.index(run)]} and {sources[k]}"
            got = f"{run} for {both} (track them one by one, with --out)"
            raise ConfigError(f"videos: expected different run directories, got {got}")
    return runs


def track_videos(
    sources: Sequence[str], runs: Sequence[Path], track_one: TrackOne
) -> Iterator[BatchResult]:
    """Track one video after the other; an error in one does not stop the others.

    Parameters
    ----------
    sources, runs : sequence of str, sequence of Path
        Videos and their run directories.
    track_one : callable
        Tracks one of them.

    Yields
    ------
    BatchResult
    """
    for source, path in zip(sources, runs, strict=True):
        started = time.monotonic()
        run = None
        error = None
        try:
            run = track_one(source, path)
        except MuridError as caught:
            error = str(caught)
        except Exception as caught:  # an unforeseen error must not cost the other videos
            error = f"unexpected {type(caught).__name__}: {caught}"
        yield BatchResult(source, run, error, time.monotonic() - started)


def _match_files(name: str) -> list[Path]:
    """Return the files that a glob matches, sorted; none for the name of a file or folder."""
    if not glob.has_magic(name) or Path(name).exists():
        return []
    matches = map(Path, sorted(glob.glob(name, recursive=True)))  # noqa: PTH207 (absolute globs)
    return [file for file in matches if file.is_file() and not _is_in_run(file)]


def _is_in_run(file: Path) -> bool:
    """Whether a file lies in a run directory, as annotated videos do."""
    return any(parent.suffix == ".murid" for parent in file.parents)
