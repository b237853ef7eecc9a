"""Fixtures for all tests."""

import os
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
