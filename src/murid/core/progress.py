"""Callbacks of long operations: how much is done, and what is done next, and why."""

from __future__ import annotations

from collections.abc import Callable

# Called with the stage, the number of frames or steps done, and their total where it is known.
ProgressCallback = Callable[[str, int, int | None], None]


def no_progress(_stage: str, _done: int, _total: int | None) -> None:
    """Report nothing."""


# Called with a sentence on what is done next, why, and how long it takes.
AnnounceCallback = Callable[[str], None]


def no_announcement(_message: str) -> None:
    """Announce nothing."""
