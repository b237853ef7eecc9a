"""Tracking of a recording forward and backward in time.

The two directions swap identities at different moments, so where they agree, both are probably
right.
"""

from __future__ import annotations

import numpy as np

from murid.core.types import DetectionTable, Float64, Int32, Int64
from murid.tracking.config import TrackingConfig
from murid.tracking.factory import make_tracker


def track_bidirectionally(
    table: DetectionTable, n_animals: int, fps: float, times_s: Float64 | None = None
) -> Int32:
    """Return track ids ``(2, N)`` int32 of all detections, forward and backward; -1 = none.

    Parameters
    ----------
    table : DetectionTable
        All ``N`` detections of the recording. Embeddings are ignored: tracking uses motion alone.
    n_animals : int
        Maximum number of animals.
    fps : float
        Frames per second.
    times_s : ndarray, optional
        ``(F,)`` float64 times of the frames in seconds; equally spaced by default.
    """
    track_ids = np.empty((2, len(table)), np.int32)
    forward = DetectionTable(table.boxes, table.scores, None, table.frame_offsets)
    track_ids[0] = _track(forward, n_animals, fps, times_s)

    # Reverse the frames, but keep the order of the detections within each.
    order = np.lexsort((np.arange(len(table)), -table.frame_numbers))
    counts = np.diff(table.frame_offsets)[::-1]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    backward = DetectionTable(table.boxes[order], table.scores[order], None, offsets)
    backward_s = None if times_s is None else -times_s[::-1]
    track_ids[1, order] = _track(backward, n_animals, fps, backward_s)
    return track_ids


def _track(table: DetectionTable, n_animals: int, fps: float, times_s: Float64 | None) -> Int64:
    """Return track ids ``(N,)`` of a tracker with the default configuration."""
    tracker = make_tracker(TrackingConfig(max_tracks=n_animals), fps)
    return tracker.follow(table, times_s=times_s).track_ids
