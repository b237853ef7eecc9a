"""Frames in which an animal is missing, and interpolation of short gaps."""

from __future__ import annotations

import numpy as np

from murid.core.types import Bool, Float64, Int64
from murid.errors import ArrayError


def find_runs(mask: Bool) -> Int64:
    """Return first frame and end (exclusive) of each run of True in a mask ``(F,)``, ``(K, 2)``."""
    padded = np.concatenate([[False], mask, [False]]).astype(np.int8)
    edges: Int64 = np.flatnonzero(np.diff(padded))
    return edges.reshape(-1, 2)


def find_missing(position: Float64) -> Bool:
    """Return where animals are missing, ``(F, I)``, from positions ``(F, 2, I)``."""
    return np.isnan(position[:, 0]) | np.isnan(position[:, 1])


def interpolate_gaps(position: Float64, time_s: Float64, max_gap_s: float) -> Float64:
    """Interpolate short gaps by straight lines; longer gaps stay NaN.

    Parameters
    ----------
    position : ndarray
        ``(F, 2, I)`` in any unit of length, NaN = missing.
    time_s : ndarray
        ``(F,)`` seconds.
    max_gap_s : float
        Maximum time between the known positions before and after an interpolated gap; 0 = none.

    Returns
    -------
    ndarray
        A copy. Nothing is extrapolated before the first known position and after the last.
    """
    if max_gap_s < 0:
        raise ArrayError("max_gap_s", "0 or more", f"{max_gap_s:g}")
    interpolated = position.copy()
    for animal in range(position.shape[2]):
        missing = find_missing(position[:, :, [animal]])[:, 0]
        known = np.flatnonzero(~missing)
        for first, end in find_runs(missing):
            is_inner = first > 0 and end < len(time_s)
            if not is_inner or time_s[end] - time_s[first - 1] > max_gap_s:
                continue
            for axis in range(2):
                interpolated[first:end, axis, animal] = np.interp(
                    time_s[first:end], time_s[known], position[known, axis, animal]
                )
    return interpolated
