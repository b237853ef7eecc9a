"""Detections in the gaps of paths, too unsure to be on one alone, that witnesses saw as the animal of the path."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Int32, Int64
from murid.identification.tracklets import count_up

LEAST_VOTES = 2
"""Of four: each witness may have followed the animal there from before the gap, and from there to
after it."""


def recover_detections(
    taken: Int64, owners: Int32, frames: Int32, free: NDArray[np.bool_], bidirectional_tracks: Int32
) -> tuple[Int64, Int64]:
    """Find the detections that belong into the gaps of paths.

    Parameters
    ----------
    taken, owners : ndarray
        ``(n,)`` int64 and int32: detections of identities, as places in `frames`, and whose they
        are, by path and then frame.
    frames : ndarray
        ``(M,)`` int32 frame of each detection.
    free : ndarray
        ``(M,)`` bool: whether each is on no path.
    bidirectional_tracks : ndarray
        ``(W, M)`` int32 stretches of tracks, as of `TrackletEvidence`.

    Returns
    -------
    found, before : ndarray
        ``(k,)`` int64: the detections, and for each the place in `taken` of the one before its gap;
        no detection, and no frame of a gap, twice.
    """
    gaps = np.flatnonzero((owners[1:] == owners[:-1]) & (np.diff(frames[taken]) > 1))
    n_frames = int(frames.max(initial=0)) + 1
    pairs = [np.zeros((0, 2), np.int64)]
    for stretches in bidirectional_tracks:
        places = np.flatnonzero(free & (stretches >= 0))
        keys = stretches[places].astype(np.int64) * n_frames + frames[places]
        places, keys = places[np.argsort(keys)], np.sort(keys)
        for side in (taken[gaps], taken[gaps + 1]):
            known = np.flatnonzero(stretches[side] >= 0)
            base = stretches[side[known]].astype(np.int64) * n_frames
            low = np.searchsorted(keys, base + frames[taken[gaps[known]]] + 1)
            high = np.searchsorted(keys, base + frames[taken[gaps[known] + 1]])
            counts = high - low
            pairs.append(
                np.column_stack(
                    [
                        np.repeat(gaps[known], counts),
                        places[np.repeat(low, counts) + count_up(counts)],
                    ]
                )
            )
    candidates, votes = np.unique(np.concatenate(pairs), axis=0, return_counts=True)
    candidates = candidates[votes >= LEAST_VOTES][
        np.argsort(-votes[votes >= LEAST_VOTES], kind="stable")
    ]
    slots = candidates[:, 0] * n_frames + frames[candidates[:, 1]]
    candidates = candidates[np.sort(np.unique(slots, return_index=True)[1])]
    candidates = candidates[np.sort(np.unique(candidates[:, 1], return_index=True)[1])]
    return candidates[:, 1], candidates[:, 0]
