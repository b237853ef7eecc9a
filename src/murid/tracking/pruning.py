"""Tracks of a finished recording that are worth reporting, numbered anew without gaps."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from murid.core.types import Int64, TrackedDetections


def find_likely_tracks(
    frames: Iterable[TrackedDetections], least_mean_score: float, least_mean_share: float = 0.0
) -> Int64:
    """Find the tracks that are likely animals.

    Parameters
    ----------
    frames : iterable of TrackedDetections
        The whole recording.
    least_mean_score : float
        Mean score that a track has at least.
    least_mean_share : float
        The same as a share of the usual score: the mean of all detections in tracks.

    Returns
    -------
    ndarray
        ``(k,)`` int64 ids, ascending.
    """
    sums: dict[int, list[float]] = {}
    for frame in frames:
        for track_id, score in zip(frame.track_ids.tolist(), frame.detections.scores.tolist(), strict=True):
            total = sums.setdefault(track_id, [0.0, 0.0])
            total[0] += score
            total[1] += 1
    sums.pop(-1, None)
    usual = sum(total for total, _ in sums.values()) / max(1.0, sum(n for _, n in sums.values()))
    least = max(least_mean_score, least_mean_share * usual)
    likely = [k for k, (total, n) in sums.items() if total / n >= least]
    return np.array(sorted(likely), np.int64)


def keep_tracks(frame: TrackedDetections, ids: Int64) -> TrackedDetections:
    """Detections of a frame with the given tracks alone, numbered 1, 2, … in the order of `ids`, ascending ``(k,)``."""
    rank = np.searchsorted(ids, frame.track_ids)
    known = np.append(ids, -2)[rank] == frame.track_ids
    return TrackedDetections(frame.detections, np.where(known, rank + 1, -1))
