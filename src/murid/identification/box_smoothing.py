"""Boxes of an animal made to go together: among others the detector sees parts of it, before and after the whole of it.

Penalised least squares (Whittaker 1923; Eilers, Analytical Chemistry 2003): centres that change
their velocity little, sizes that change little, every edge as near to where it was seen as that is
to be trusted. An edge that lies in another animal's box may only be where that one begins to cover
it: that the animal reaches further counts less against a place than that it does not reach so far
(asymmetric least squares; Eilers & Boelens 2005).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from murid.core.types import Float32, Float64, Int32, UInt8

SHARED = 0.1
"""Weight of a sight that may be of two animals; that of a clear and sure one is 1."""
POWER = 4
"""Power in which a score counts, as a share of what it usually is."""
TOUCHED, ENCLOSED = 0.3, 0.05
"""Weight of an edge that just lies in another one's box, and of one that lies in it as a whole."""
FURTHER = 0.1
"""What is left of the weight of an edge that is mostly covered where the animal reaches further."""
INERTIA, TENSION, STIFFNESS = 3.0, 0.03, 1.0
"""Penalty of a change of velocity, of way, and of size, at 30 frames a second."""
_LEAST = 1e-6
_ROUNDS = 3
_BLOCK = 1 << 17


def weight_boxes(
    scores: Float32, usual: float, seen: NDArray[np.bool_], merged: NDArray[np.bool_]
) -> Float32:
    """Weigh sights of an animal.

    Parameters
    ----------
    scores : ndarray
        ``(n,)`` float32 of its detections.
    usual : float
        That of a good detection of this recording.
    seen, shared : ndarray
        ``(n,)`` bool: whether the animal was seen there, and whether another one may be in its box.

    Returns
    -------
    ndarray
        ``(n,)`` float32 from 0 to 1.
    """
    sure = np.minimum(scores / max(usual, 1e-6), 1) ** POWER
    weights: Float32 = np.where(seen, np.where(merged, SHARED, 1.0) * sure, 0.0).astype(np.float32)
    return weights


def smooth_boxes(
    frames: Int32, boxes: Float32, weights: Float32, covers: UInt8, fps: float
) -> None:
    """Smooth the boxes of an animal over time, in place.

    Parameters
    ----------
    frames : ndarray
        ``(n,)`` int32 frame of each box, ascending.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels.
    weights : ndarray
        ``(n,)`` float32 how far each is to be trusted as a whole, as of `weight_boxes`.
    covers : ndarray
        ``(n, 4)`` uint8 share of each edge in the box of another animal, as of
        `find_occluded_edges`.
    fps : float
        Frames per second.
    """
    if not len(frames):
        return
    joined = frames[1:] == frames[:-1] + 1
    for part in _split(joined):
        joints, own = joined[part.start : part.stop - 1], boxes[part].astype(np.float64)
        covered = covers[part] / 255
        shown = np.where(covered > 0, np.maximum(TOUCHED * (1 - covered), ENCLOSED), 1.0)
        calibration_weight = np.maximum(weights[part, None] * shown, _LEAST)
        penalties = _penalise(joints, fps / 30)
        for first in (0, 1):
            axis, hidden = np.s_[:, first::2], covered[:, first::2] > 0.5
            boxes[part][axis] = _fit_edges(own[axis], calibration_weight[axis], hidden, penalties)


def _fit_edges(
    edges: Float64, weights: Float64, hidden: NDArray[np.bool_], penalties: Float64
) -> Float64:
    """Low and high edges ``(n, 2)`` over time; those that are hidden may well be further out than they were seen."""
    out, now = np.array([-1.0, 1.0]), weights
    fitted = _solve(now, edges, penalties)
    for _ in range(_ROUNDS - 1 if hidden.any() else 0):
        further = hidden & (out * (fitted - edges) > 0)
        before, now = now, np.where(further, FURTHER * weights, weights)
        if np.array_equal(now, before):
            break
        fitted = _solve(now, edges, penalties)
    return fitted


def _split(joined: NDArray[np.bool_]) -> Iterator[slice]:
    """Yield stretches of rows that nothing joins, several short ones at a time."""
    bounds = np.concatenate([[0], np.flatnonzero(~joined) + 1, [len(joined) + 1]])
    last = np.searchsorted(bounds, np.arange(_BLOCK, bounds[-1], _BLOCK))
    yield from (
        slice(a, b)
        for a, b in pairwise(np.unique(np.concatenate([[0], bounds[last], bounds[-1:]])).tolist())
    )


def _penalise(joined: NDArray[np.bool_], pace: float) -> Float64:
    """Bands ``(5, 2n)`` of the penalties on what changes, of middles and sizes in turn."""
    bands = np.zeros((5, 2 * len(joined) + 2))
    middles, sizes = bands[:, ::2], bands[:, 1::2]
    for values, penalty in (
        (middles, TENSION * pace * joined),
        (sizes, STIFFNESS * pace / 4 * joined),
    ):
        values[0, :-1] += penalty
        values[0, 1:] += penalty
        values[2, :-1] -= penalty
    inertia = INERTIA * pace**3 * (joined[1:] & joined[:-1])
    n = len(inertia)
    for first, factor in ((0, 1), (1, 4), (2, 1)):
        middles[0, first : first + n] += factor * inertia
    middles[2, :n] -= 2 * inertia
    middles[2, 1 : n + 1] -= 2 * inertia
    middles[4, :n] += inertia
    return bands


def _solve(weights: Float64, edges: Float64, penalties: Float64) -> Float64:
    """Edges ``(n, 2)`` nearest to those given, with penalties on what changes; solved for as middles and sizes."""
    (low, high), bands = weights.T, penalties.copy()
    bands[0, ::2] += (low + high) / 2
    bands[1, ::2] += (high - low) / 4
    bands[0, 1::2] += (low + high) / 8
    seen = weights * edges
    wanted = np.column_stack([(seen[:, 0] + seen[:, 1]) / 2, (seen[:, 1] - seen[:, 0]) / 4]).ravel()
    solved = solveh_banded(bands, wanted, lower=True, overwrite_ab=True, overwrite_b=True).reshape(
        -1, 2
    )
    return np.column_stack([solved[:, 0] - solved[:, 1] / 2, solved[:, 0] + solved[:, 1] / 2])
