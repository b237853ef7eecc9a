"""The recording followed forward and backward: two opinions on who is who, which go wrong at different places."""

from __future__ import annotations

import numpy as np

from murid.core.types import DetectionTable, Int32, Int64
from murid.tracking.config import TrackingConfig
from murid.tracking.factory import make_tracker


def track_bidirectionally(table: DetectionTable, n_animals: int, fps: float) -> Int32:
    """Ids ``(2, N)`` int32 of the tracks of all detections, by motion alone, once in each direction of time; -1 = none.

    Parameters
    ----------
    table : DetectionTable
        All detections of the recording; embeddings are not looked at.
    n_animals : int
        How many animals there are at most.
    fps : float
        Frames per second.
    """
    tracks = np.empty((2, len(table)), np.int32)
    tracks[0] = _follow(
        DetectionTable(table.boxes, table.scores, None, table.frame_offsets), n_animals, fps
    )
    # Frames from the last to the first, rows of a frame in their order.
    order = np.lexsort((np.arange(len(table)), -table.frame_numbers))
    offsets = np.concatenate([[0], np.cumsum(np.diff(table.frame_offsets)[::-1])]).astype(np.int64)
    backward = DetectionTable(table.boxes[order], table.scores[order], None, offsets)
    tracks[1, order] = _follow(backward, n_animals, fps)
    return tracks


def _follow(table: DetectionTable, n_animals: int, fps: float) -> Int64:
    return make_tracker(TrackingConfig(max_tracks=n_animals), fps).follow(table).track_ids
