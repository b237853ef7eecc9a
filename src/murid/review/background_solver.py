"""Identify the animals in a background thread, once for all answers that came in meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition, Thread

from murid.errors import MuridError


class BackgroundSolver:
    """Calls a function in a thread whenever it is asked to; requests meanwhile are one more call.

    Parameters
    ----------
    solve : callable
        Identifies the animals; a `MuridError` is kept as `error`.
    """

    def __init__(self, solve: Callable[[], None]) -> None:
        self._solve = solve
        self._condition = Condition()
        self._is_requested = False
        self._is_solving = False
        self._is_closed = False
        self._error: str | None = None
        self._thread = Thread(target=self._run, name="murid-solve", daemon=True)
        self._thread.start()

    @property
    def is_solving(self) -> bool:
        """Whether identities are being computed, or will be."""
        with self._condition:
            return self._is_solving or self._is_requested

    @property
    def error(self) -> str | None:
        """Why the last call failed, or None."""
        with self._condition:
            return self._error

    def request(self) -> None:
        """Identify the animals as soon as the running call, if there is one, has ended."""
        with self._condition:
            self._is_requested = True
            self._condition.notify_all()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing is requested or running; return False if the time is over."""
        with self._condition:
            return self._condition.wait_for(
                lambda: not (self._is_requested or self._is_solving), timeout_s
            )

    def close(self) -> None:
        """Take no more requests, and wait for the call that is running.

        Otherwise the identities would be half-written.
        """
        with self._condition:
            self._is_closed = True
            self._is_requested = False
            self._condition.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._is_requested or self._is_closed)
                if self._is_closed:
                    return
                self._is_requested = False
                self._is_solving = True
            error = None
            try:
                self._solve()
            except MuridError as reason:
                error = str(reason)
            except Exception as reason:
                error = f"unexpected {type(reason).__name__}: {reason}"
            with self._condition:
                self._error = error
                self._is_solving = False
                self._condition.notify_all()
