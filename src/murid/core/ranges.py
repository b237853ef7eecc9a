"""Ranges of consecutive integers, and runs of equal values, in arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Int64


def concatenate_ranges(counts: Int64) -> Int64:
    """Return the numbers from 0 to ``count - 1`` for each count, concatenated."""
    ranges: Int64 = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return ranges


def find_run_starts(values: NDArray[Any]) -> Int64:
    """Return the indices at which runs of equal values ``(n,)`` start."""
    is_start = np.append(True, values[1:] != values[:-1])
    return np.flatnonzero(is_start[: len(values)])
