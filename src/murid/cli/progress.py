"""Progress on standard error: a bar on a terminal, else one line per stage."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from murid.core.progress import ProgressCallback

# What users read for each stage; the functions of `murid.pipeline` report these names.
_LABELS = {
    "detect": "detecting",
    "redetect": "repairing parts",
    "live": "tracking live",
    "track": "tracking",
    "identify": "identifying",
    "refine": "second pass",
    "draw": "drawing video",
    "score": "scoring",
    "crop": "cutting images",
    "record": "making clip",
    "inspect": "inspecting",
    "train": "training",
    "tune": "trying settings",
    "compose": "composing",
    "prepare": "preparing data",
}


class _Rate(TextColumn):
    """Column of a progress bar that shows frames per second."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.0f} frames/s")


@contextmanager
def show_progress() -> Iterator[ProgressCallback]:
    """Yield a callback that shows progress until the ``with`` block ends."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _make_plain_report()
        return
    columns = (
        TextColumn("{task.description:>16}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(_LABELS.get(stage, stage), total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield report


def _make_plain_report() -> ProgressCallback:
    """Return a callback that prints one line when a stage is finished."""
    # Time and number of frames at the first report of each stage: a resumed stage does not begin
    # at frame 0, and what was done before counts for no rate.
    started_s: dict[str, float] = {}
    first_done: dict[str, int] = {}

    def report(stage: str, done: int, total: int | None) -> None:
        now_s = time.monotonic()
        seconds = now_s - started_s.setdefault(stage, now_s)
        n_frames = done - first_done.setdefault(stage, done)
        if done == total:
            rate = f" ({n_frames / seconds:.0f} frames/s)" if n_frames > 0 and seconds > 0 else ""
            print(f"{_LABELS.get(stage, stage)}: {done} frames{rate}", file=sys.stderr)

    return report
