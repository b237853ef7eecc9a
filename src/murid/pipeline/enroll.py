"""A gallery of known animals, filled from videos and runs; the same names in several runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from murid.core.progress import ProgressCallback, no_progress
from murid.errors import ConfigError
from murid.pipeline.run import Run
from murid.pipeline.track import track
from murid.reid.gallery import Gallery
from murid.reid.reidentify import check_names, enroll_run, match_across_runs
from murid.store import RunDirectory


def enroll(
    gallery: str | Path,
    solos: Mapping[str, str | Path] | None = None,
    *,
    run: str | Path | None = None,
    names: Mapping[int, str] | None = None,
    detector: str | Path | None = None,
    report: ProgressCallback = no_progress,
) -> Gallery:
    """Put animals into a gallery: from videos of one animal each, or from a run with several.

    Parameters
    ----------
    gallery : str or Path
        Gallery file; made if it is not there, else it grows.
    solos : mapping of str to path, optional
        Video of each animal alone, by the animal's name; each is tracked into a run beside it.
    run : str or Path, optional
        Run whose identities were told and looked through.
    names : mapping of int to str, optional
        Names of the run's identities; by default those that it has.
    detector : str or Path, optional
        As for `track`, for the solos.
    report : callable
        Told of progress.

    Returns
    -------
    Gallery

    Raises
    ------
    MuridError
        `ConfigError` where a name is used twice or is none, or an animal is hardly seen; else as
        `track` and `identify`.
    """
    solos = solos or {}
    if bool(solos) == (run is not None):
        raise ConfigError(
            "enroll: expected videos of single animals or a run, got "
            + ("both" if solos else "neither")
        )
    check_names([*solos, *(names or {}).values()])
    found = []
    for name, video in solos.items():
        solo = track(video, animals=1, detector=detector, report=report)
        found.append((solo.path, {1: name}))
    if run is not None:
        found.append((Path(run), dict(names or {})))
    for path, own in found:
        with RunDirectory.open(path, writable=True) as directory:
            enrolled = enroll_run(directory, gallery, own)
    return enrolled


def match_runs(runs: Sequence[str | Path]) -> list[Run]:
    """Give the same animals the same names in several runs whose identities were told, without a gallery.

    Raises
    ------
    ConfigError
        If there are fewer than two runs, or two are of one video.
    RunError, StorageError
        If one is no run, has no identities, or embeddings of other weights than the first, or
        cannot be written to.
    """
    if len(runs) < 2:
        raise ConfigError(f"runs: expected two or more, got {len(runs)}")
    twice = next((run for k, run in enumerate(runs) if Path(run) in map(Path, runs[:k])), None)
    if twice is not None:
        raise ConfigError(f"runs: expected each once, got {twice} twice")
    with ExitStack() as stack:
        match_across_runs(
            [stack.enter_context(RunDirectory.open(run, writable=True)) for run in runs]
        )
    return [Run.open(run) for run in runs]
