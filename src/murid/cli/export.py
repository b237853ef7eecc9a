"""``murid export``."""

from __future__ import annotations

from pathlib import Path

from murid.run import Run


def export(run: Path, /, *, out: Path, format: str | None = None) -> None:  # noqa: A002 (the option's name)
    """Write the tracks of a run to a file.

    Parameters
    ----------
    run : Path
        Run directory.
    out : Path
        File to write.
    format : str
        mot or csv; by the suffix of the file if not given.
    """
    print(Run.open(run).export(format, out))
