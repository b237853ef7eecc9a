"""Identify the animals of a run again, while it is reviewed."""

from __future__ import annotations

from murid.store import RunDirectory


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
