"""Add animals to a gallery from videos and runs; give several runs the same names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from murid.core.progress import ProgressCallback, no_progress
from murid.core.validation import find_repeated
from murid.errors import ConfigError
from murid.pipeline.config import Config
from murid.pipeline.run import Run
from murid.pipeline.track import track
from murid.reid.animal_names import check_names
from murid.reid.gallery import Gallery
from murid.reid.reidentify import enroll_run, match_across_runs
from murid.store import RunDirectory


def enroll(
    gallery: str | Path,
    solos: Mapping[str, str | Path] | None = None,
    *,
    run: str | Path | None = None,
    names: Mapping[int, str] | None = None,
    config: Config | None = None,
    report: ProgressCallback = no_progress,
) -> Gallery:
    """Add animals to a gallery: from videos of one animal each, or from a run with several.

    Parameters
    ----------
    gallery : str or Path
        Gallery file; it is made if there is none.
    solos : mapping of str to path, optional
        Video of each animal alone, by the animal's name; each is tracked into a run beside it.
    run : str or Path, optional
        Run with identities that a person has checked.
    names : mapping of int to str, optional
        Names of the run's identities; by default those that it has.
    config : Config, optional
        Settings of tracking the solos.
    report : callable
        Called with progress.

    Returns
    -------
    Gallery

    Raises
    ------
    MuridError
        `ConfigError` if a name is used twice or cannot be a name, or an animal is detected in too
        few frames; else as `track` and `identify`.
    """
    solos = solos or {}
    if bool(solos) == (run is not None):
        got = "both" if solos else "neither"
        raise ConfigError(f"enroll: expected videos of single animals or a run, got {got}")
    check_names([*solos, *(names or {}).values()])
    # Track all videos first: an error then leaves the gallery as it was.
    enrolled_from = []
    for name, video in solos.items():
        solo = track(video, animals=1, config=config, report=report)
        enrolled_from.append((solo.path, {1: name}))
    if run is not None:
        enrolled_from.append((Path(run), dict(names or {})))
    for path, own_names in enrolled_from:
        with RunDirectory.open(path, writable=True) as directory:
            enrolled = enroll_run(directory, gallery, own_names)
    return enrolled


def match_runs(runs: Sequence[str | Path]) -> list[Run]:
    """Give the same animals the same names in several runs with identities, without a gallery.

    Raises
    ------
    ConfigError
        If there are fewer than two runs, or two are of one video.
    RunError, StorageError
        If one is not a run, has no identities or embeddings of other weights than the first, or
        cannot be written to.
    """
    if len(runs) < 2:
        raise ConfigError(f"runs: expected two or more, got {len(runs)}")
    paths = [Path(run) for run in runs]
    repeated = find_repeated(paths)
    if repeated is not None:
        raise ConfigError(f"runs: expected each once, got {repeated} twice")
    with ExitStack() as stack:
        directories = [
            stack.enter_context(RunDirectory.open(path, writable=True)) for path in paths
        ]
        match_across_runs(directories)
    return [Run.open(path) for path in paths]
