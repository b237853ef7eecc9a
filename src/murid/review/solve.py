"""Identify the animals of a run again, while it is reviewed."""

from __future__ import annotations

from collections.abc import Callable

from murid.store import RunDirectory

Solve = Callable[[RunDirectory], None]
"""Identifies the animals of a run that is open for writing."""


def solve(directory: RunDirectory) -> None:
    """Identify the animals with the settings of the run, from what it has stored.

    Parameters
    ----------
    directory : RunDirectory
        Opened for writing.

    Raises
    ------
    SourceError, RunError, StorageError, ConfigError
        As `murid.identify`.
    """
    # The page is there sooner without it: it takes as long to import as everything else.
    from murid.pipeline.identify import identify_as_before

    identify_as_before(directory)


def complete_identities(directory: RunDirectory, solve: Solve = solve) -> bool:
    """Identify the animals if a killed process left the identities half-written.

    Returns whether that was so; raises as `solve`.
    """
    if directory.manifest.stages["identification"].state != "running":
        return False
    solve(directory)
    return True
