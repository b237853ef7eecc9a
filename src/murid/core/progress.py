"""Progress callbacks: how long operations report how much is done."""

from __future__ import annotations

from collections.abc import Callable

# Called with the stage, the number of frames or steps done, and their total where it is known.
ProgressCallback = Callable[[str, int, int | None], None]


def no_progress(_stage: str, _done: int, _total: int | None) -> None:
    """Report nothing."""
