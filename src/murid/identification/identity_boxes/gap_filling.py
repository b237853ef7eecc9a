"""Gap filling: boxes interpolated where an animal was not detected for a while."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.clock import to_frames
from murid.core.ranges import concatenate_ranges
from murid.core.records import ArrayRecord
from murid.core.types import Bool, Float32, Float64, Int32, Int64

# Maximum distance in body lengths across a gap: a constant, and an addition for each second. Across
# a longer distance a straight line would be wrong.
MAX_DISTANCE = 0.5
MAX_DISTANCE_PER_S = 3.0
# A gap of one missed detection, a step of two frames, is filled at every frame rate, unless gaps
# are not filled at all. At low rates the longest distance is that of the longest gap in seconds.
MIN_GAP_FRAMES = 2


@dataclass(frozen=True, eq=False, slots=True)
class InterpolatedBoxes(ArrayRecord):
    """Boxes between two detections of an animal.

    Attributes
    ----------
    frames : ndarray
        ``(k,)`` int64.
    before : ndarray
        ``(k,)`` int64 index of the last detection before the gap.
    boxes : ndarray
        ``(k, 4)`` float32 xyxy pixels.
    is_far : ndarray
        ``(k,)`` bool: whether the distance across the gap is too long for a straight line.
    """

    frames: Int64
    before: Int64
    boxes: Float32
    is_far: Bool

    def __len__(self) -> int:
        return len(self.frames)


def fill_gaps(
    frames: Int32, boxes: Float32, *, body_px: float, fps: float, max_gap_s: Float64
) -> InterpolatedBoxes:
    """Interpolate boxes linearly between detections of an animal.

    Parameters
    ----------
    frames : ndarray
        ``(n,)`` int32 frame of each detection, ascending.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels.
    body_px : float
        Body length in pixels.
    fps : float
        Frames per second.
    max_gap_s : ndarray
        ``(n - 1,)`` float64: longest gap in seconds that is filled after each detection.
    """
    gaps = frames[1:] - frames[:-1]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    distances = np.hypot(*(centres[1:] - centres[:-1]).T) / body_px
    limits_s, limit_numbers = np.unique(max_gap_s, return_inverse=True)
    limits = [to_frames(limit_s, fps, MIN_GAP_FRAMES) for limit_s in limits_s.tolist()]
    fillable = gaps <= np.array(limits)[limit_numbers]
    gaps_s = np.minimum(gaps / fps, max_gap_s)
    is_far = distances > MAX_DISTANCE + MAX_DISTANCE_PER_S * gaps_s
    # One row for each frame of the gaps that are filled.
    starts = np.flatnonzero((gaps > 1) & fillable)
    lengths = gaps[starts] - 1
    before = np.repeat(starts, lengths)
    n_frames = concatenate_ranges(lengths) + 1
    weights = (n_frames / gaps[before]).astype(np.float32)[:, None]
    return InterpolatedBoxes(
        frames[before] + n_frames,
        before,
        boxes[before] * (1 - weights) + boxes[before + 1] * weights,
        is_far[before],
    )
