"""Identify the animals of a run again, while it is reviewed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from murid.store import RunDirectory

if TYPE_CHECKING:
    from murid.identification.recording_stitcher import StitchedPaths
    from murid.identification.stitch_cache import StitchCache

Solve = Callable[[RunDirectory], None]
"""Identifies the animals of a run that is open for writing."""


# Results that are kept for each arena: those before any correction, and those after the last one,
# where it names a detection that was on no path.
_N_KEPT = 2


class Solver:
    """Identifies the animals with the settings of the run, from what it has stored.

    Calling it raises `SourceError`, `RunError`, `StorageError` and `ConfigError` as
    `murid.identify`. From the second call on it is faster, since stitching is kept.
    """

    def __init__(self) -> None:
        self._stitch_cache: StitchCache[StitchedPaths] | None = None

    def __call__(self, directory: RunDirectory) -> None:
        """Identify the animals of a run that is open for writing, always the same one."""
        # The page is there sooner without it: it takes as long to import as everything else.
        from murid.identification.stitch_cache import StitchCache
        from murid.pipeline.identify import identify_as_before
        from murid.pipeline.run import read_layout

        if self._stitch_cache is None:
            self._stitch_cache = StitchCache(_N_KEPT * len(read_layout(directory).arena_names))
        identify_as_before(directory, self._stitch_cache)


def complete_identities(directory: RunDirectory, solve: Solve | None = None) -> bool:
    """Identify the animals if a killed process left the identities half-written.

    Returns whether that was so; raises as `Solver`.
    """
    if directory.manifest.stages["identification"].state != "running":
        return False
    (solve or Solver())(directory)
    return True
