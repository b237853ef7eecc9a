"""Keypoints of the identities of a recording, made consistent over time."""

from __future__ import annotations

import numpy as np

from murid.core.clock import to_frames
from murid.core.keypoints import make_unknown_keypoints
from murid.core.types import Float32, Float64, Int64
from murid.identification.config import IdentificationConfig
from murid.identification.identity_boxes.gap_filling import MIN_GAP_FRAMES
from murid.identification.keypoints.gaps import interpolate_keypoints
from murid.identification.keypoints.head_tail import AnimalFrames, resolve_head_tail
from murid.identification.keypoints.smoothing import smooth_keypoints
from murid.identification.result import IdentificationResult
from murid.identification.time_slots import TimeSlots


def complete_keypoints(
    result: IdentificationResult,
    keypoints: Float32,
    times_s: Float64,
    fps: float,
    config: IdentificationConfig | None = None,
) -> Float32:
    """Return the keypoints of the boxes of all identities.

    Nose and tail base are exchanged where the detector confused them, keypoints are smoothed as
    boxes are (``IdentificationConfig.smooth_boxes``), and those of interpolated boxes are
    interpolated.

    Parameters
    ----------
    result : IdentificationResult
    keypoints : ndarray
        ``(N, 3, 3)`` float32: those of all detections, to which the rows of the result refer.
    times_s : ndarray
        ``(F,)`` float64 times of the frames in seconds.
    fps : float
        Frames per second.
    config : IdentificationConfig, optional
        As for `link_tracklets`.

    Returns
    -------
    ndarray
        ``(M, 3, 3)`` float32, one row per box of the result. Keypoints that are unknown, also those
        of boxes that a person drew, are NaN with confidence 0 unless they could be interpolated.
    """
    config = config or IdentificationConfig()
    # As for the boxes: time is counted in slots, some of which have no frame.
    max_gap_s = max(config.max_gap_s, config.max_occluded_gap_s)
    slots = TimeSlots.from_times(times_s, fps, max_gap_s).get_slots(len(times_s))
    completed = np.empty((len(result), *keypoints.shape[1:]), np.float32)
    # One identity at a time: in a day of video, copies of all would take much memory.
    for identity in np.unique(result.identity_ids).tolist():
        own: Int64 = np.flatnonzero(result.identity_ids == identity)
        frames = result.frames[own]
        boxes = result.boxes[own]
        found = _look_up_keypoints(result.rows[own], keypoints)
        animal = AnimalFrames(times_s[frames], boxes, found)
        resolved, _ = resolve_head_tail(animal, 1 / fps)
        del animal, found
        if config.smooth_boxes:
            smooth_keypoints(slots[frames], resolved, fps)
        # Boxes that a person drew are not interpolated, and have a row below -1.
        is_detected = result.rows[own] != -1
        max_unknown = to_frames(config.max_gap_s, fps, MIN_GAP_FRAMES)
        interpolate_keypoints(slots[frames], boxes, resolved, is_detected, max_unknown)
        completed[own] = resolved
    return completed


def _look_up_keypoints(rows: Int64, keypoints: Float32) -> Float32:
    """Return the keypoints of rows ``(n,)``; unknown ones where a row is no detection."""
    is_detection = rows >= 0
    found = make_unknown_keypoints(len(rows))
    found[is_detection] = keypoints[rows[is_detection]]
    return found
