"""Penalised least squares over time (Whittaker 1923; Eilers, Analytical Chemistry 2003).

What boxes and keypoints have in common when they are smoothed: where to cut, and the penalties of
motion.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from murid.core.types import Bool, Float64

# Penalties of changes of the velocity of a point and of its position, at 30 frames per second;
# larger ones smooth over a longer time.
VELOCITY_PENALTY = 3.0
POSITION_PENALTY = 0.03
# Lower limit of weights, which keeps the equations solvable where nothing was detected.
MIN_WEIGHT = 1e-6
# Minimum number of rows that are fitted at once: bounds memory.
_BLOCK = 1 << 17


def split_at_gaps(is_consecutive: Bool) -> Iterator[slice]:
    """Yield slices of rows that begin and end at gaps, several short runs of rows at a time.

    `is_consecutive` ``(n - 1,)`` bool says whether each row is followed by the next without a gap.
    """
    n_rows = len(is_consecutive) + 1
    bounds = np.concatenate([[0], np.flatnonzero(~is_consecutive) + 1, [n_rows]])
    # Cut at the first gap after each full block.
    chosen = bounds[np.searchsorted(bounds, np.arange(_BLOCK, n_rows, _BLOCK))]
    chosen = np.unique(np.concatenate([[0], chosen, [n_rows]]))
    yield from (slice(start, stop) for start, stop in pairwise(chosen.tolist()))


def build_motion_penalties(is_consecutive: Bool, frames_per_30th_s: float) -> Float64:
    """Return the penalties on the motion of a point between consecutive rows.

    Parameters
    ----------
    is_consecutive : ndarray
        ``(n - 1,)`` bool, as of `split_at_gaps`.
    frames_per_30th_s : float
        Frames per second divided by 30.

    Returns
    -------
    ndarray
        ``(3, n)`` float64: the diagonals of the lower half of a banded matrix.
    """
    bands = np.zeros((3, len(is_consecutive) + 1))
    consecutive = is_consecutive.astype(np.float64)
    bands[:2] += build_difference_penalties(POSITION_PENALTY * frames_per_30th_s * consecutive)
    # Second differences, (1, -2, 1).
    three_consecutive = consecutive[1:] * consecutive[:-1]
    penalty = VELOCITY_PENALTY * frames_per_30th_s**3 * three_consecutive
    n = len(penalty)
    bands[0, :n] += penalty
    bands[0, 1 : n + 1] += 4 * penalty
    bands[0, 2 : n + 2] += penalty
    bands[1, :n] -= 2 * penalty
    bands[1, 1 : n + 1] -= 2 * penalty
    bands[2, :n] += penalty
    return bands


def build_difference_penalties(penalty: Float64) -> Float64:
    """Return penalties ``(n - 1,)`` on the differences between consecutive rows as a banded matrix.

    Returns
    -------
    ndarray
        ``(2, n)`` float64: the diagonals of its lower half.
    """
    bands = np.zeros((2, len(penalty) + 1))
    bands[0, :-1] += penalty
    bands[0, 1:] += penalty
    bands[1, :-1] -= penalty
    return bands
