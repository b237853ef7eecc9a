"""Removal of tracks that are probably false positives from a finished recording."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from murid.core.types import Int64, Tracks


def find_likely_tracks(
    chunks: Iterable[Tracks], min_mean_score: float, relative_min_mean_score: float = 0.0
) -> Int64:
    """Return the ids of the tracks that are probably animals, judged by their mean score.

    Parameters
    ----------
    chunks : iterable of Tracks
        The whole recording, in chunks of frames.
    min_mean_score : float
        Minimum mean score of a track.
    relative_min_mean_score : float
        The same as a fraction of the mean score of all detections in tracks. The higher of the two
        limits applies.

    Returns
    -------
    ndarray
        ``(k,)`` int64 ids, ascending.
    """
    # Sum and number of scores of each track, in arrays that grow with the highest id.
    sums = np.zeros(0)
    counts = np.zeros(0, np.int64)
    for tracks in chunks:
        in_track = tracks.track_ids >= 0
        ids = tracks.track_ids[in_track]
        n_ids = max(len(sums), int(ids.max(initial=-1)) + 1)
        sums = np.pad(sums, (0, n_ids - len(sums)))
        counts = np.pad(counts, (0, n_ids - len(counts)))
        sums += np.bincount(ids, tracks.detections.scores[in_track], n_ids)
        counts += np.bincount(ids, minlength=n_ids)

    overall_mean = sums.sum() / max(1, counts.sum())
    min_mean = max(min_mean_score, relative_min_mean_score * overall_mean)
    present = np.flatnonzero(counts)
    likely: Int64 = present[sums[present] / counts[present] >= min_mean]
    return likely


def select_tracks(tracks: Tracks, ids: Int64) -> Tracks:
    """Return only the given tracks, renumbered 1, 2, … in the order of `ids`.

    Parameters
    ----------
    tracks : Tracks
    ids : ndarray
        ``(k,)`` int64, ascending. Detections of other tracks get the id -1.
    """
    ranks = np.searchsorted(ids, tracks.track_ids)
    # One more entry, equal to no track id, for ids above the last one.
    selected = np.append(ids, -2)[ranks] == tracks.track_ids
    return Tracks(tracks.detections, np.where(selected, ranks + 1, -1))
