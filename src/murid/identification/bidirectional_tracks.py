"""Bidirectional tracks: evidence from tracking the recording forward and backward in time."""

from __future__ import annotations

import numpy as np

from murid.core.clock import to_frames
from murid.core.ranges import concatenate_ranges
from murid.core.types import Bool, Int32, Int64

# A track that was lost for longer is split: it may continue on another animal. One missed
# detection, a step of two frames, splits at no frame rate.
MAX_LOST_S = 0.3
MIN_LOST_FRAMES = 2
# Votes that a detection needs to be recovered, out of four: each of two tracks may have followed
# the animal into the detection from before the gap, and out of it to after the gap.
MIN_VOTES = 2


def split_tracks(track_ids: Int32, frames: Int64, fps: float) -> Int32:
    """Return uninterrupted parts of tracks: tracks are split where they were lost for a while.

    Parameters
    ----------
    track_ids : ndarray
        ``(W, N)`` int32, one row for each direction of tracking; -1 = none.
    frames : ndarray
        ``(N,)`` int64 frame of each detection.
    fps : float
        Frames per second.

    Returns
    -------
    ndarray
        ``(W, N)`` int32 number of the part, unique within a row; -1 = none.
    """
    max_lost = to_frames(MAX_LOST_S, fps, MIN_LOST_FRAMES)
    parts = np.full(track_ids.shape, -1, np.int32)
    for own_parts, own_ids in zip(parts, track_ids, strict=True):
        rows = np.flatnonzero(own_ids >= 0)
        rows = rows[np.lexsort((frames[rows], own_ids[rows]))]
        is_lost = np.diff(frames[rows]) > max_lost
        is_other = np.diff(own_ids[rows]) != 0
        own_parts[rows] = np.append(0, np.cumsum(is_lost | is_other))[: len(rows)]
    return parts


def recover_detections(
    assigned: Int64, identity_ids: Int32, frames: Int32, free: Bool, track_parts: Int32
) -> tuple[Int64, Int64]:
    """Return free detections in gaps of identities that bidirectional tracks assign to them.

    Parameters
    ----------
    assigned, identity_ids : ndarray
        ``(n,)`` int64 and int32: indices in `frames` of the detections of identities, and the
        identities; by identity and then frame.
    frames : ndarray
        ``(M,)`` int32 frame of each detection.
    free : ndarray
        ``(M,)`` bool: whether each detection is on no path.
    track_parts : ndarray
        ``(W, M)`` int32, as of `split_tracks`.

    Returns
    -------
    recovered, before : ndarray
        ``(k,)`` int64: the detections, and for each the index in `assigned` of the last one before
        its gap. No detection, and no frame of a gap, occurs twice.
    """
    same_identity = identity_ids[1:] == identity_ids[:-1]
    gaps = np.flatnonzero(same_identity & (np.diff(frames[assigned]) > 1))
    candidates = [np.zeros((0, 2), np.int64)]
    for own_parts in track_parts:
        candidates += _list_candidates(assigned, gaps, frames, free, own_parts)
    # Count the votes for each pair of a gap and a detection, and sort by them.
    pairs, votes = np.unique(np.concatenate(candidates), axis=0, return_counts=True)
    enough = votes >= MIN_VOTES
    pairs = pairs[enough][np.argsort(-votes[enough], kind="stable")]
    # Keep the first of each frame of a gap, and then the first of each detection.
    slots = pairs[:, 0] * (int(frames.max(initial=0)) + 1) + frames[pairs[:, 1]]
    pairs = pairs[_find_first(slots)]
    pairs = pairs[_find_first(pairs[:, 1])]
    before, recovered = pairs.T
    return recovered, before


def _list_candidates(
    assigned: Int64, gaps: Int64, frames: Int32, free: Bool, track_parts: Int32
) -> list[Int64]:
    """Return pairs ``(k, 2)`` of a gap and a detection in it, for the detection on either side.

    The track of the detection before the gap, or after it, must hold the detection in the gap.
    """
    n_frames = int(frames.max(initial=0)) + 1
    indices = np.flatnonzero(free & (track_parts >= 0))
    keys = track_parts[indices].astype(np.int64) * n_frames + frames[indices]
    indices = indices[np.argsort(keys)]
    keys = np.sort(keys)
    candidates = []
    for side in (assigned[gaps], assigned[gaps + 1]):
        known = np.flatnonzero(track_parts[side] >= 0)
        known_gaps = gaps[known]
        # Detections of the same track between the frames of the gap are neighbours in the keys.
        base = track_parts[side[known]].astype(np.int64) * n_frames
        low = np.searchsorted(keys, base + frames[assigned[known_gaps]] + 1)
        high = np.searchsorted(keys, base + frames[assigned[known_gaps + 1]])
        counts = high - low
        found = indices[np.repeat(low, counts) + concatenate_ranges(counts)]
        candidates.append(np.column_stack([np.repeat(known_gaps, counts), found]))
    return candidates


def _find_first(values: Int64) -> Int64:
    """Return the indices, ascending, at which each value occurs for the first time."""
    first: Int64 = np.sort(np.unique(values, return_index=True)[1])
    return first
