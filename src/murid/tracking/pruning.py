"""Tracks of a finished recording that are worth reporting, numbered anew without gaps."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from murid.core.types import Int64, TrackedDetections


def find_likely_tracks(frames: Iterable[TrackedDetections], least_mean_score: float) -> Int64:
    """Ids ``(k,)``, ascending, of the tracks whose detections have at least this mean score."""
    sums: dict[int, list[float]] = {}
    for frame in frames:
        for track_id, score in zip(frame.track_ids.tolist(), frame.detections.scores.tolist(), strict=True):
            total = sums.setdefault(track_id, [0.0, 0.0])
            total[0] += score
            total[1] += 1
    likely = [k for k, (total, n) in sums.items() if k >= 0 and total / n >= least_mean_score]
    return np.array(sorted(likely), np.int64)


def keep_tracks(frame: TrackedDetections, ids: Int64) -> TrackedDetections:
    """Detections of a frame with the given tracks alone, numbered 1, 2, … in the order of `ids`, ascending ``(k,)``."""
    rank = np.searchsorted(ids, frame.track_ids)
    known = np.append(ids, -2)[rank] == frame.track_ids
    return TrackedDetections(frame.detections, np.where(known, rank + 1, -1))
