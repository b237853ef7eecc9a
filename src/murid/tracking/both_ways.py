"""The recording followed forward and backward: two opinions on who is who, which go wrong at different places."""

from __future__ import annotations

import numpy as np

from murid.core.types import Detections, DetectionTable, Int64
from murid.tracking.config import TrackConfig
from murid.tracking.tracker import Tracker


def follow_both_ways(table: DetectionTable, n_animals: int, fps: float) -> Int64:
    """Ids ``(2, N)`` int64 of the tracks of all detections, by motion alone, once in each direction of time; -1 = none.

    Parameters
    ----------
    table : DetectionTable
        All detections of the recording; embeddings are not looked at.
    n_animals : int
        How many animals there are at most.
    fps : float
        Frames per second.
    """
    tracks = np.full((2, len(table)), -1, np.int64)
    for ids, frames in zip(tracks, (range(table.n_frames), reversed(range(table.n_frames))), strict=True):
        tracker = Tracker(TrackConfig(max_tracks=n_animals), fps)
        for frame in frames:
            rows = slice(table.frame_offsets[frame], table.frame_offsets[frame + 1])
            ids[rows] = tracker.step(Detections(table.boxes[rows], table.scores[rows])).track_ids
    return tracks
