"""How long work tells its caller how far it is."""

from __future__ import annotations

from collections.abc import Callable

ProgressCallback = Callable[[str, int, int | None], None]
"""Called with the stage, what is done of it (frames or steps), and how much there is in all, if
known."""


def no_progress(_stage: str, _done: int, _total: int | None) -> None:
    """Report nothing."""
