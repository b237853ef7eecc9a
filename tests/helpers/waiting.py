"""Wait for what other threads, processes and browsers do."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], bool], timeout_s: float = 20) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
