"""``murid export``."""

from __future__ import annotations

from pathlib import Path

from murid.cli.messages import warn_of_result
from murid.pipeline.run import Run


def export(
    run: Path,
    /,
    *,
    out: Path,
    format: str | None = None,  # noqa: A002 (the option's name)
    metadata: Path | None = None,
) -> None:
    """Write the tracks of a run in another program's format.

    Parameters
    ----------
    run : Path
        Run directory.
    out : Path
        File to write. For nwb, a name without suffix is a directory of one file per animal.
    format : str
        mot, csv, parquet, movement, via, nwb, sleap, deeplabcut, idtracker or coco; by the suffix
        of the file by default.
    metadata : Path
        For nwb: TOML file with the start of the session, species, sex and age of the animals
        and more.
    """
    opened = Run.open(run)
    print(opened.export(format, out, metadata))
    warn_of_result(opened.warnings())
