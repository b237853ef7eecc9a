"""Tracks of a finished recording that are worth reporting, numbered anew without gaps."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from murid.core.types import Int64, Tracks


def find_likely_tracks(
    stretches: Iterable[Tracks], min_mean_score: float, min_relative_mean_score: float = 0.0
) -> Int64:
    """Find the tracks that are likely animals.

    Parameters
    ----------
    stretches : iterable of Tracks
        The whole recording.
    min_mean_score : float
        Mean score that a track has at least.
    min_relative_mean_score : float
        The same as a share of the usual score: the mean of all detections in tracks.

    Returns
    -------
    ndarray
        ``(k,)`` int64 ids, ascending.
    """
    sums, counts = np.zeros(0), np.zeros(0, np.int64)
    for tracks in stretches:
        on = tracks.track_ids >= 0
        ids = tracks.track_ids[on]
        n = max(len(sums), int(ids.max(initial=-1)) + 1)
        sums, counts = np.pad(sums, (0, n - len(sums))), np.pad(counts, (0, n - len(counts)))
        sums += np.bincount(ids, tracks.detections.scores[on], n)
        counts += np.bincount(ids, minlength=n)
    usual = sums.sum() / max(1, counts.sum())
    least = max(min_mean_score, min_relative_mean_score * usual)
    seen = np.flatnonzero(counts)
    likely: Int64 = seen[sums[seen] / counts[seen] >= least]
    return likely


def select_tracks(tracks: Tracks, ids: Int64) -> Tracks:
    """The same with the given tracks alone, numbered 1, 2, … in the order of `ids`, ascending ``(k,)``."""
    rank = np.searchsorted(ids, tracks.track_ids)
    known = np.append(ids, -2)[rank] == tracks.track_ids
    return Tracks(tracks.detections, np.where(known, rank + 1, -1))
