"""Keypoints in gaps: interpolated where an animal, or a point of it, was not detected."""

from __future__ import annotations

import numpy as np

from murid.core.boxes import compute_centres
from murid.core.keypoints import CONFIDENCE, KEYPOINTS
from murid.core.types import Bool, Float32, Int64


def interpolate_keypoints(
    slots: Int64, boxes: Float32, keypoints: Float32, is_detected: Bool, max_unknown_slots: float
) -> None:
    """Interpolate the unknown keypoints of an animal linearly, in place; their confidence is 0.

    A keypoint is interpolated in all interpolated boxes between two in which it is known: gap
    filling has made sure that the gap is short. In a series with detected boxes, it is if the
    series is short. What is interpolated is the distance from the centre of the box, so that a
    keypoint stays on an animal whose box in the gap is held to the foreground.

    Parameters
    ----------
    slots : ndarray
        ``(n,)`` int64 time slot of each box, ascending.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels.
    keypoints : ndarray
        ``(n, 3, 3)`` float32; unknown ones are NaN, and so they stay where they are not
        interpolated.
    is_detected : ndarray
        ``(n,)`` bool: whether the box is detected rather than interpolated.
    max_unknown_slots : float
        Maximum length of a series of unknown keypoints with detected boxes.
    """
    centres = compute_centres(boxes)
    n_detected_before = np.append(0, np.cumsum(is_detected))
    for k in range(len(KEYPOINTS)):
        is_known = np.isfinite(keypoints[:, k, :2]).all(axis=1)
        known = np.flatnonzero(is_known)
        if not len(known):
            continue
        # Unknown rows between two known ones, and which these are.
        rows = np.flatnonzero(~is_known)
        after = np.searchsorted(known, rows)
        is_between = (after > 0) & (after < len(known))
        rows = rows[is_between]
        before = known[after[is_between] - 1]
        after = known[after[is_between]]
        steps = slots[after] - slots[before]
        # There is a box in every slot, and they are all interpolated or not many.
        has_boxes = steps == after - before
        is_undetected = n_detected_before[after] == n_detected_before[before + 1]
        chosen = has_boxes & (is_undetected | (steps <= max_unknown_slots))
        rows = rows[chosen]
        before = before[chosen]
        after = after[chosen]

        weights = ((slots[rows] - slots[before]) / steps[chosen]).astype(np.float32)[:, None]
        offsets = keypoints[:, k, :2] - centres
        interpolated = offsets[before] * (1 - weights) + offsets[after] * weights
        keypoints[rows, k, :2] = centres[rows] + interpolated
        keypoints[rows, k, CONFIDENCE] = 0
