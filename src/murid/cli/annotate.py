"""``murid annotate``."""

from __future__ import annotations

from pathlib import Path

from murid.cli.messages import warn_of_result
from murid.cli.progress import show_progress
from murid.pipeline.run import Run


def annotate(
    run: Path,
    /,
    *,
    out: Path | None = None,
    start: str | None = None,
    end: str | None = None,
    video: str | None = None,
) -> None:
    """Draw the tracks of a run on its video: boxes, numbers or names, trails, frame and time.

    A video that was drawn before is replaced when the new one is complete.

    Parameters
    ----------
    run : Path
        Run directory.
    out : Path
        The .mp4 file to write; exports/annotated.mp4 in the run by default.
    start : str
        Draw from this time on: seconds, or a time such as 90s, 5min or 00:03:12.5.
    end : str
        Draw up to this time.
    video : str
        The video, where it is no longer where it was tracked.
    """
    opened = Run.open(run)
    with show_progress() as report:
        path = opened.annotate(out, report, start=start, end=end, source=video)
    print(path)
    warn_of_result(opened.warnings())
