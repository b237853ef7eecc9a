"""Fixtures for all tests."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real clips; the test skips where it is absent."""
    root = Path(__file__).parents[1]
    directory = Path(os.environ.get("MURID_DATA", root.parent / "shared" / "data"))
    if not (directory / "rodents").is_dir():
        pytest.skip(f"no real clips at {directory} (set MURID_DATA)")
    return directory


@pytest.fixture(autouse=True)
def restore_child_signal() -> Iterator[None]:
    """Remove PyTorch's handler of ended child processes, which it leaves behind after a loader.

    Together with the signal stack of pytest's fault handler it crashed later tests of other
    processes.
    """
    number = getattr(signal, "SIGCHLD", None)
    before = None if number is None else signal.getsignal(number)
    yield
    if number is not None:
        signal.signal(number, before)
