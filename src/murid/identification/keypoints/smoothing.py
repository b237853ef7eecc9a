"""Keypoint smoothing: keypoints of one animal made consistent over time, as boxes are.

The same penalised least squares as in `box_smoothing`, for each keypoint by itself, weighted by its
confidence.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

from murid.core.keypoints import CENTRE, CONFIDENCE, KEYPOINTS
from murid.core.types import Bool, Float32, Float64, Int64
from murid.identification.keypoints.axis_evidence import get_axes
from murid.identification.whittaker import MIN_WEIGHT, build_motion_penalties, split_at_gaps

# Quantile of the confidences of a keypoint that counts as that of a good one of this animal, whose
# weight is 1. A lower one would give poor keypoints more weight.
GOOD_CONFIDENCE_QUANTILE = 0.9
# Minimum weight of a detected keypoint: with less, a series of poor ones follows the penalties
# instead, as with boxes.
MIN_DETECTED_WEIGHT = 0.03


def smooth_keypoints(slots: Int64, keypoints: Float32, fps: float) -> None:
    """Smooth the keypoints of an animal over time, in place.

    Nothing is smoothed across a gap, nor the ends of the body where nose and tail base change
    places from one frame to the next: there, an average would lie in the middle of the body.

    Parameters
    ----------
    slots : ndarray
        ``(n,)`` int64 time slot of each frame, ascending.
    keypoints : ndarray
        ``(n, 3, 3)`` float32, as of `Detections`.
    fps : float
        Frames per second.
    """
    axes = get_axes(keypoints)
    for k in range(len(KEYPOINTS)):
        rows = np.flatnonzero(np.isfinite(keypoints[:, k, :2]).all(axis=1))
        if not len(rows):
            continue
        is_consecutive = slots[rows[1:]] == slots[rows[:-1]] + 1
        if k != CENTRE:
            is_consecutive &= ~_find_reversals(axes[rows])
        weights = _weight_keypoints(keypoints[rows, k, CONFIDENCE])
        smoothed = _smooth_points(keypoints[rows, k, :2], weights, is_consecutive, fps)
        keypoints[rows, k, :2] = smoothed


def _find_reversals(axes: Float64) -> Bool:
    """Return whether each axis is turned by more than a right angle to the next, ``(n - 1,)``."""
    # An unknown axis is NaN, which is not below 0.
    reversals: Bool = (axes[1:] * axes[:-1]).sum(axis=1) < 0
    return reversals


def _weight_keypoints(confidences: Float32) -> Float64:
    """Return the weight of each detected keypoint ``(n,)``, from its confidence."""
    good_confidence = max(float(np.quantile(confidences, GOOD_CONFIDENCE_QUANTILE)), 1e-6)
    weights = confidences.astype(np.float64) / good_confidence
    return np.clip(weights, MIN_DETECTED_WEIGHT, 1)


def _smooth_points(points: Float32, weights: Float64, is_consecutive: Bool, fps: float) -> Float64:
    """Return smoothed points ``(n, 2)``; `is_consecutive` ``(n - 1,)`` as of `split_at_gaps`."""
    smoothed = points.astype(np.float64)
    weights = np.maximum(weights, MIN_WEIGHT)
    for rows in split_at_gaps(is_consecutive):
        bands = build_motion_penalties(is_consecutive[rows.start : rows.stop - 1], fps / 30)
        bands[0] += weights[rows]
        right_side = weights[rows, None] * smoothed[rows]
        smoothed[rows] = solveh_banded(bands, right_side, lower=True)
    return smoothed
