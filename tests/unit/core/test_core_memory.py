"""Memory of freed arrays goes back to the operating system (measured in processes of their own)."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps it")

# Frees arrays below others that are still in use, and prints how much memory the process has, in
# MB. Freeing an array of 8 MB first makes glibc take later ones from the heap.
CODE = """
import numpy as np
from murid.core.memory import map_large_arrays, release_memory

def get_rss_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

{before}
del_first = np.ones(2**20)
del del_first
arrays = [np.ones(2**20) for _ in range(40)]
full = get_rss_mb()
del arrays[:-1]
{after}
print(full - get_rss_mb())
"""


def measure_freed_mb(before: str = "", after: str = "") -> float:
    code = CODE.format(before=before, after=after)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return float(done.stdout)


def test_freed_memory_is_returned_when_asked() -> None:
    assert measure_freed_mb(after="release_memory()") > 250


def test_large_arrays_are_returned_at_once() -> None:
    assert measure_freed_mb() < 100
    assert measure_freed_mb(before="map_large_arrays()") > 250
