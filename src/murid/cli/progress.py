"""Progress on long work: a bar with frames per second and time left, or a line at the end where nobody watches."""

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

_WORDS = {
    "detect": "finding animals",
    "redetect_damaged": "mending parts",
    "live": "tracking live",
    "track": "linking tracks",
    "identify": "telling identities",
    "draw": "drawing video",
    "score": "scoring",
    "picture": "taking pictures",
    "record": "making clip",
    "look": "looking through",
    "train": "training",
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
    """Lend a function to report progress to; what it shows goes to standard error."""
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
                tasks[stage] = progress.add_task(_WORDS.get(stage, stage), total=total)
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
            print(f"{_WORDS.get(stage, stage)}: {done} frames{rate}", file=sys.stderr)

    return report
