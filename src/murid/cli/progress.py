"""Progress of long work on standard error: a bar on a terminal, else one line per stage."""

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
    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.0f} frames/s")


@contextmanager
def show_progress() -> Iterator[ProgressCallback]:
    """Return a function to report progress to, for the time of a ``with`` block."""
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
    started: dict[str, tuple[float, int]] = {}

    def report(stage: str, done: int, total: int | None) -> None:
        begun, first = started.setdefault(stage, (time.monotonic(), done))
        if done == total:
            seconds = time.monotonic() - begun
            rate = (
                f" ({(done - first) / seconds:.0f} frames/s)"
                if done > first and seconds > 0
                else ""
            )
            print(f"{_LABELS.get(stage, stage)}: {done} frames{rate}", file=sys.stderr)

    return report
