"""Tracking of a recording forward and backward in time.

The two directions swap identities at different moments, so where they agree, both are probably
right.
"""

from __future__ import annotations

import numpy as np

from murid.core.types import DetectionTable, Int32, Int64
from murid.tracking.config import TrackingConfig
from murid.tracking.factory import make_tracker


def track_bidirectionally(table: DetectionTable, n_animals: int, fps: float) -> Int32:
    """Return track ids ``(2, N)`` int32 of all detections, forward and backward; -1 = none.

    Parameters
    ----------
    table : DetectionTable
        All ``N`` detections of the recording. Embeddings are ignored: tracking uses motion alone.
    n_animals : int
        Maximum number of animals.
    fps : float
        Frames per second.
    """
    track_ids = np.empty((2, len(table)), np.int32)
    forward = DetectionTable(table.boxes, table.scores, None, table.frame_offsets)
    track_ids[0] = _track(forward, n_animals, fps)

    # Reverse the frames, but keep the order of the detections within each.
    order = np.lexsort((np.arange(len(table)), -table.frame_numbers))
    counts = np.diff(table.frame_offsets)[::-1]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    backward = DetectionTable(table.boxes[order], table.scores[order], None, offsets)
    track_ids[1, order] = _track(backward, n_animals, fps)
    return track_ids


def _track(table: DetectionTable, n_animals: int, fps: float) -> Int64:
    """Return track ids ``(N,)`` of a tracker with the default configuration."""
    return make_tracker(TrackingConfig(max_tracks=n_animals), fps).follow(table).track_ids
