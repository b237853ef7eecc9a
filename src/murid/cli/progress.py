"""Progress on standard error: a bar on a terminal, else lines for a log file."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread

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

from murid.core.durations import format_duration
from murid.core.plurals import format_count
from murid.core.progress import ProgressCallback

# What users read for each stage; the functions of `murid.pipeline` report these names.
_LABELS = {
    "detect": "detecting",
    "redetect": "repairing parts",
    "live": "tracking live",
    "track": "tracking",
    "identify": "identifying",
    "sample": "sampling fur",
    "refine": "second pass",
    "gaps": "filling gaps",
    "draw": "drawing video",
    "clips": "drawing clips",
    "score": "scoring",
    "crop": "cutting images",
    "record": "making clip",
    "render": "making clips",
    "inspect": "inspecting",
    "train": "training",
    "tune": "trying settings",
    "compose": "composing",
    "prepare": "preparing data",
    "pool": "making images",
    "statistics": "measuring",
}

# What one step of a stage is called, where it is not frames.
_UNITS = {
    "train": "step",
    "training": "step",
    "tune": "training",
    "clips": "clip",
    "compose": "clip",
    "render": "clip",
    "prepare": "image",
    "pool": "image",
    "statistics": "batch",
}

# Seconds between two lines of a stage in a log file. Short enough to see within a moment whether
# a job makes progress, long enough for a log of a day to be read: 8640 lines.
_PERIOD_S = 10.0

# Seconds without any report after which a line says that the program still runs. Some stages,
# such as the min-cost flow, take minutes and cannot tell how far they are.
_SILENCE_S = 30.0

# The first lines of short stages come at most so often, so that they do not flood a log.
_MIN_INTERVAL_S = 0.5


class _Rate(TextColumn):
    """Column of a progress bar that shows frames per second."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.0f} {task.fields['unit']}s/s")


@contextmanager
def show_progress() -> Iterator[ProgressCallback]:
    """Yield a callback that shows progress until the ``with`` block ends."""
    console = Console(stderr=True)
    if not console.is_terminal:
        with _keep_log() as report:
            yield report
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
                label = _LABELS.get(stage, stage)
                tasks[stage] = progress.add_task(label, total=total, unit=_get_unit(stage))
            task = progress.tasks[tasks[stage]]
            # A stage that begins again, as for the next of several videos.
            if done < task.completed:
                progress.reset(tasks[stage], total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield report


@contextmanager
def _keep_log() -> Iterator[ProgressCallback]:
    """Yield a callback that prints lines, also while a stage is silent."""
    log = ProgressLog(_print)
    stop = Event()

    def watch() -> None:
        while not stop.wait(1.0):
            log.break_silence()

    watcher = Thread(target=watch, name="murid-progress", daemon=True)
    watcher.start()
    try:
        yield log.report
    finally:
        stop.set()
        watcher.join()


class ProgressLog:
    """Progress as lines of text: stage, share, rate and time left.

    A line comes when a stage begins, every 10 seconds, when it ends, and after 30 seconds of
    silence.

    Parameters
    ----------
    write : callable
        Called with each line.
    clock : callable
        Seconds that only increase.
    """

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._clock = clock
        self._lock = Lock()
        self._stage = ""
        self._done = 0
        self._first_done = 0
        self._total: int | None = None
        self._opened_s = clock()
        self._started_s = self._opened_s
        self._written_s = -math.inf

    def report(self, stage: str, done: int, total: int | None) -> None:
        """Write a line if it is time for one."""
        with self._lock:
            now_s = self._clock()
            # A stage also begins again, for the next of several videos.
            is_new = stage != self._stage or done < self._done
            if is_new:
                # A resumed stage does not begin at frame 0; what was done before counts for no
                # rate.
                self._stage = stage
                self._first_done = done
                self._started_s = now_s
            is_finished = done == total and (is_new or self._done != done)
            self._done = done
            self._total = total
            period_s = _MIN_INTERVAL_S if is_new else _PERIOD_S
            if is_finished or now_s - self._written_s >= period_s:
                self._write(self._describe(now_s))
                self._written_s = now_s

    def break_silence(self) -> None:
        """Write a line if there was none for long."""
        with self._lock:
            now_s = self._clock()
            last_s = max(self._written_s, self._opened_s)
            if now_s - last_s < _SILENCE_S:
                return
            passed = format_duration(now_s - self._opened_s)
            state = self._describe(now_s) if self._stage else "preparing"
            self._write(f"{state}; still running, {passed} since the start")
            self._written_s = now_s

    def _describe(self, now_s: float) -> str:
        """Return the line about the current stage."""
        label = _LABELS.get(self._stage, self._stage)
        unit = _get_unit(self._stage)
        seconds = now_s - self._started_s
        n_done = self._done - self._first_done
        rate = n_done / seconds if n_done > 0 and seconds > 0 else 0.0
        if self._done == self._total:
            shown = f" ({_format_rate(rate)} {unit}s/s)" if rate else ""
            return f"{label}: {format_count(self._done, unit)}{shown}"
        parts = [format_count(self._done, unit)]
        if self._total:
            share = 100 * self._done / self._total
            parts = [f"{share:.0f} %, {self._done} of {format_count(self._total, unit)}"]
        if rate:
            parts.append(f"{_format_rate(rate)} {unit}s/s")
        if rate and self._total:
            parts.append(f"{format_duration((self._total - self._done) / rate)} left")
        return f"{label}: {', '.join(parts)}"


def _format_rate(rate: float) -> str:
    """Return a number per second; slow stages need a decimal."""
    return f"{rate:.1f}" if rate < 10 else f"{rate:.0f}"


def _get_unit(stage: str) -> str:
    """Return what a stage counts; ``training, nano`` is a stage of training."""
    return _UNITS.get(stage.partition(",")[0], "frame")


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
