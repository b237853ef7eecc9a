"""Box smoothing: boxes of one animal made consistent over time by penalised least squares.

Where animals touch, a detector often finds only a part of an animal. The fit (Whittaker 1923;
Eilers, Analytical Chemistry 2003) penalises changes of the velocity of the centre and of the size;
each edge is weighted by how reliable it is. An edge inside another animal's box may be the border
of the occlusion rather than of the animal. So a fit further out than the detected edge costs less
than one further in (asymmetric least squares; Eilers and Boelens 2005).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

from murid.core.types import Bool, Float32, Float64, Int32, UInt8
from murid.identification.whittaker import (
    MIN_WEIGHT,
    build_difference_penalties,
    build_motion_penalties,
    split_at_gaps,
)

# Weight of a box that may hold two animals; that of an unoccluded box with a good score is 1.
MERGED_WEIGHT = 0.1
# Minimum weight of a detected box that is not merged. With less, a series of poor detections
# follows the penalties instead, and its boxes drift off the animal by up to a body length.
MIN_DETECTED_WEIGHT = 0.03
# Weight of a box in a gap that is completely held to the foreground.
HELD_WEIGHT = 0.1
# Boxes are weighted by this power of their score, as a share of a good score. With a higher power,
# the fit follows the best boxes alone.
SCORE_POWER = 4
# Weight of an edge that just touches another box, and minimum weight, that of an edge that lies
# inside another box.
TOUCHING_EDGE_WEIGHT = 0.3
MIN_EDGE_WEIGHT = 0.05
# Factor of the weight of a mostly occluded edge if the fit lies further out.
OUTWARD_FACTOR = 0.1
# Penalty of changes of the size at 30 frames per second; a larger one smooths over a longer time.
SIZE_PENALTY = 1.0
# Maximum number of fits of the asymmetric least squares, which stop when no weight changes.
_MAX_FITS = 3


def weight_boxes(scores: Float32, good_score: float, merged: Bool) -> Float32:
    """Return the weight of each detected box of an animal, by its score and whether it is merged.

    Parameters
    ----------
    scores : ndarray
        ``(n,)`` float32 score of each detection.
    good_score : float
        Score of a good detection of this recording.
    merged : ndarray
        ``(n,)`` bool: whether the box may hold two animals.

    Returns
    -------
    ndarray
        ``(n,)`` float32 from 0 to 1.
    """
    score_weights = np.minimum(scores / max(good_score, 1e-6), 1) ** SCORE_POWER
    score_weights = np.maximum(score_weights, MIN_DETECTED_WEIGHT)
    weights = np.where(merged, MERGED_WEIGHT, 1.0) * score_weights
    return np.asarray(weights, np.float32)


def smooth_boxes(
    frames: Int32, boxes: Float32, weights: Float32, occluded_edges: UInt8, fps: float
) -> None:
    """Smooth the boxes of an animal over time, in place.

    Parameters
    ----------
    frames : ndarray
        ``(n,)`` int32 frame of each box, ascending.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels.
    weights : ndarray
        ``(n,)`` float32, as of `weight_boxes`.
    occluded_edges : ndarray
        ``(n, 4)`` uint8 share of each edge inside the box of another animal, as of
        `find_occluded_edges`.
    fps : float
        Frames per second.
    """
    if not len(frames):
        return
    is_consecutive = frames[1:] == frames[:-1] + 1
    for rows in split_at_gaps(is_consecutive):
        penalties = _build_penalties(is_consecutive[rows.start : rows.stop - 1], fps / 30)
        # The more of an edge is occluded, the lower its weight.
        occluded = occluded_edges[rows] / 255
        touching = np.maximum(TOUCHING_EDGE_WEIGHT * (1 - occluded), MIN_EDGE_WEIGHT)
        edge_weights = weights[rows, None].astype(np.float64) * np.where(
            occluded > 0, touching, 1.0
        )
        edge_weights = np.maximum(edge_weights, MIN_WEIGHT)
        # Left and right edges, then upper and lower ones.
        edges = boxes[rows].astype(np.float64)
        for axis in (slice(0, 4, 2), slice(1, 4, 2)):
            boxes[rows, axis] = _fit_edges(
                edges[:, axis], edge_weights[:, axis], occluded[:, axis] > 0.5, penalties
            )


def _build_penalties(is_consecutive: Bool, frames_per_30th_s: float) -> Float64:
    """Return the penalties on changes between consecutive rows as a banded matrix.

    Returns
    -------
    ndarray
        ``(5, 2 n)`` float64: diagonals of the lower half, for centres and sizes in turn.
    """
    n_rows = len(is_consecutive) + 1
    bands = np.zeros((5, 2 * n_rows))
    # Rows of centres and sizes alternate, so every second diagonal is used.
    bands[::2, ::2] = build_motion_penalties(is_consecutive, frames_per_30th_s)
    # Of a change of size, an edge moves by half.
    penalty = SIZE_PENALTY * frames_per_30th_s / 4 * is_consecutive.astype(np.float64)
    bands[:4:2, 1::2] = build_difference_penalties(penalty)
    return bands


def _fit_edges(edges: Float64, weights: Float64, occluded: Bool, penalties: Float64) -> Float64:
    """Return the fitted low and high edges ``(n, 2)``; occluded ones may lie further out."""
    outward = np.array([-1.0, 1.0])
    fit_weights = weights
    fitted = _solve(fit_weights, edges, penalties)
    for _ in range(_MAX_FITS - 1 if occluded.any() else 0):
        further_out = occluded & (outward * (fitted - edges) > 0)
        previous_weights = fit_weights
        fit_weights = np.where(further_out, OUTWARD_FACTOR * weights, weights)
        if np.array_equal(fit_weights, previous_weights):
            break
        fitted = _solve(fit_weights, edges, penalties)
    return fitted


def _solve(weights: Float64, edges: Float64, penalties: Float64) -> Float64:
    """Return the edges ``(n, 2)`` of least squares, solved for as centres and sizes."""
    # Normal equations of low = centre - size / 2 and high = centre + size / 2.
    low_weights, high_weights = weights.T
    bands = penalties.copy()
    bands[0, ::2] += (low_weights + high_weights) / 2
    bands[1, ::2] += (high_weights - low_weights) / 4
    bands[0, 1::2] += (low_weights + high_weights) / 8
    weighted_low, weighted_high = (weights * edges).T
    centre_sums = (weighted_low + weighted_high) / 2
    size_sums = (weighted_high - weighted_low) / 4
    right_side = np.column_stack([centre_sums, size_sums]).ravel()
    solution = solveh_banded(bands, right_side, lower=True, overwrite_ab=True, overwrite_b=True)
    centres, sizes = solution.reshape(-1, 2).T
    return np.column_stack([centres - sizes / 2, centres + sizes / 2])
