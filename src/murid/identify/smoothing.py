"""Boxes of an animal made to go together: among others the detector sees parts of it, before and after the whole of it.

Penalised least squares (Whittaker 1923; Eilers, Analytical Chemistry 2003): centres that change their velocity little,
sizes that change little, both as near to what was seen as that was to be trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from murid.core.types import Float32, Float64, Int32

UNCLEAR = 0.1
"""Weight of a sight of an animal that others cover in part; that of a clear one is 1."""
INERTIA, TENSION, STIFFNESS = 3.0, 0.03, 1.0
"""Penalty of a change of velocity, of way, and of size, at 30 frames a second."""
_UNSEEN = 1e-6
_BLOCK = 1 << 17


def smooth_boxes(frames: Int32, boxes: Float32, seen: NDArray[np.bool_], clear: NDArray[np.bool_], fps: float) -> None:
    """Smooth the boxes of an animal over time, in place.

    Parameters
    ----------
    frames : ndarray
        ``(n,)`` int32 frame of each box, ascending.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels.
    seen, clear : ndarray
        ``(n,)`` bool: whether the animal was seen there, and whether no other covered it.
    fps : float
        Frames per second.
    """
    joined = frames[1:] == frames[:-1] + 1
    weights = np.where(seen, np.where(clear, 1.0, UNCLEAR), _UNSEEN)
    for part in _split(joined):
        joints, own = joined[part.start : part.stop - 1], boxes[part].astype(np.float64)
        middles, sizes = (own[:, :2] + own[:, 2:]) / 2, own[:, 2:] - own[:, :2]
        pace = fps / 30
        middles = _solve(weights[part], middles, joints, TENSION * pace, INERTIA * pace**3)
        halves = _solve(weights[part], sizes, joints, STIFFNESS * pace, 0.0) / 2
        boxes[part] = np.concatenate([middles - halves, middles + halves], axis=1)


def _split(joined: NDArray[np.bool_]) -> Iterator[slice]:
    """Yield stretches of rows that nothing joins, several short ones at a time."""
    bounds = np.concatenate([[0], np.flatnonzero(~joined) + 1, [len(joined) + 1]])
    last = np.searchsorted(bounds, np.arange(_BLOCK, bounds[-1], _BLOCK))
    yield from (slice(a, b) for a, b in pairwise(np.unique(np.concatenate([[0], bounds[last], bounds[-1:]])).tolist()))


def _solve(weights: Float64, values: Float64, joined: NDArray[np.bool_], first: float, second: float) -> Float64:
    """Values ``(n, k)`` that differ least from those given, with penalties on their first and second differences."""
    n = len(weights)
    bands = np.zeros((3, n))
    bands[0] = weights
    at = np.flatnonzero(joined)
    bands[0, at] += first
    bands[0, at + 1] += first
    bands[1, at] -= first
    at = np.flatnonzero(joined[1:] & joined[:-1])
    for place, factor in ((at, 1), (at + 1, 4), (at + 2, 1)):
        bands[0, place] += factor * second
    bands[1, at] -= 2 * second
    bands[1, at + 1] -= 2 * second
    bands[2, at] += second
    solved: Float64 = solveh_banded(bands, weights[:, None] * values, lower=True)
    return solved
