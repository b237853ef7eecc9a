"""Frames in which an animal is missing: how long frames last, and gaps bridged on request."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Bool, Float64
from murid.errors import ArrayError


def compute_durations(time_s: Float64) -> Float64:
    """How long each frame lasts, ``(F,)`` seconds: until the next one, the last as long as is usual (the median)."""
    if len(time_s) < 2:
        return np.zeros(len(time_s))
    steps = np.diff(time_s)
    return np.append(steps, np.median(steps))


def find_runs(mask: Bool) -> NDArray[np.int64]:
    """First frame and frame after the last of each run of True in ``(F,)``, ``(K, 2)``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2)


def find_missing(position: Float64) -> Bool:
    """Where animals are missing, ``(F, I)``, from positions ``(F, 2, I)``."""
    return np.isnan(position[:, 0]) | np.isnan(position[:, 1])


def bridge_gaps(position: Float64, time_s: Float64, longest_s: float) -> Float64:
    """Bridge short gaps by straight lines, longer ones not at all.

    Parameters
    ----------
    position : ndarray
        ``(F, 2, I)`` in any unit of length, NaN = missing.
    time_s : ndarray
        ``(F,)`` seconds.
    longest_s : float
        Longest time between the sightings around a gap that is bridged; 0 = none.

    Returns
    -------
    ndarray
        A copy, bridged. Before the first sighting and after the last nothing is made up.
    """
    if longest_s < 0:
        raise ArrayError("longest_s", "0 or more", f"{longest_s:g}")
    bridged = position.copy()
    for animal in range(position.shape[2]):
        missing = find_missing(position[:, :, [animal]])[:, 0]
        seen = np.flatnonzero(~missing)
        for first, after in find_runs(missing):
            if first and after < len(time_s) and time_s[after] - time_s[first - 1] <= longest_s:
                for axis in range(2):
                    bridged[first:after, axis, animal] = np.interp(
                        time_s[first:after], time_s[seen], position[seen, axis, animal]
                    )
    return bridged
