"""Detections of each identity: those of its path, and those that are recovered in gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.records import ArrayRecord
from murid.core.types import Bool, Float32, Int32, Int64, UInt8
from murid.identification.bidirectional_tracks import recover_detections
from murid.identification.constraints import Anchors, Source
from murid.identification.evidence import TrackletEvidence
from murid.identification.tracklets import Tracklets


@dataclass(frozen=True, eq=False, slots=True)
class AssignedTracklets(ArrayRecord):
    """Tracklets with their identities.

    Attributes
    ----------
    paths : ndarray
        ``(T,)`` int32; -1 = none.
    identity_ids : ndarray
        ``(T,)`` int32 from 1; -1 = none.
    identity_probabilities : ndarray
        ``(T,)`` float32.
    merged : ndarray
        ``(T,)`` bool: whether the boxes may hold two animals.
    occluded_after : ndarray
        ``(T,)`` bool: whether the gap after the tracklet is an occluded gap.
    sources : ndarray
        ``(T,)`` uint8 `Source` of the identity.
    """

    paths: Int32
    identity_ids: Int32
    identity_probabilities: Float32
    merged: Bool
    occluded_after: Bool
    sources: UInt8


@dataclass(frozen=True, eq=False, slots=True)
class AssignedDetections(ArrayRecord):
    """Detections with their identities, by identity and then frame.

    Attributes
    ----------
    rows, frames, identity_ids : ndarray
        ``(n,)`` int32 rows of the detections, their frames, and their identities.
    identity_probabilities : ndarray
        ``(n,)`` float32.
    merged : ndarray
        ``(n,)`` bool: whether the box may hold two animals.
    occluded_after : ndarray
        ``(n,)`` bool: whether the gap after the detection, if there is one, is an occluded gap.
    sources : ndarray
        ``(n,)`` uint8 `Source` of the identity.
    """

    rows: Int32
    frames: Int32
    identity_ids: Int32
    identity_probabilities: Float32
    merged: Bool
    occluded_after: Bool
    sources: UInt8


def number_identities(paths: Int64, evidence: TrackletEvidence, anchors: Anchors) -> Int64:
    """Return the identity ``(n,)`` of each path, from 1.

    Identities are numbered in the order in which they are first seen, and from left to right. Paths
    with an anchor have its number where this is possible.
    """
    n_paths = int(paths.max(initial=-1)) + 1
    if not n_paths:
        return np.zeros(0, np.int64)
    first_tracklets = np.array([np.flatnonzero(paths == path)[0] for path in range(n_paths)])
    first_frames = evidence.tracklets.first_frames[first_tracklets]
    first_x = evidence.ends.first_shapes[first_tracklets, 0]
    identities = np.empty(n_paths, np.int64)
    identities[np.lexsort((first_x, first_frames))] = np.arange(1, n_paths + 1)
    for tracklet, number in zip(anchors.tracklets.tolist(), anchors.numbers.tolist(), strict=True):
        path = paths[tracklet]
        if path < 0 or not 1 <= number <= n_paths:
            continue
        # The path that has the number so far gets that of this one.
        identities[identities == number] = identities[path]
        identities[path] = number
    return identities


def assign_detections(
    assigned: AssignedTracklets,
    tracklets: Tracklets,
    frames: Int32,
    track_parts: Int32,
    looked_at: Int64,
) -> AssignedDetections:
    """Return the detections of the assigned tracklets, and recovered ones in the gaps between.

    Parameters
    ----------
    assigned : AssignedTracklets
    tracklets : Tracklets
    frames : ndarray
        ``(M,)`` int32 frames of ``tracklets.rows``.
    track_parts : ndarray
        ``(W, M)`` int32, as of `split_tracks`.
    looked_at : ndarray
        ``(k,)`` int64 rows of detections whose animals a person has named.
    """
    numbers = tracklets.numbers.astype(np.int32)
    is_free = assigned.paths[numbers] < 0
    # Detections of tracklets on paths, by path and then frame.
    indices = np.flatnonzero(~is_free)
    indices = indices[np.lexsort((frames[indices], assigned.paths[numbers[indices]]))]
    own = numbers[indices]
    detections = AssignedDetections(
        rows=tracklets.rows[indices],
        frames=frames[indices],
        identity_ids=assigned.identity_ids[own],
        identity_probabilities=assigned.identity_probabilities[own],
        merged=assigned.merged[own],
        occluded_after=assigned.occluded_after[own],
        sources=assigned.sources[own],
    )
    del own
    # Detections in their gaps, with the lower of the probabilities before and after.
    recovered, before = recover_detections(
        indices, detections.identity_ids, frames, is_free, track_parts
    )
    after = np.minimum(before + 1, len(indices) - 1)
    del indices
    probabilities = detections.identity_probabilities
    found = AssignedDetections(
        rows=tracklets.rows[recovered],
        frames=frames[recovered],
        identity_ids=detections.identity_ids[before],
        identity_probabilities=np.minimum(probabilities[before], probabilities[after]),
        merged=assigned.merged[numbers[recovered]],
        occluded_after=detections.occluded_after[before],
        sources=detections.sources[before],
    )
    both = AssignedDetections.concatenate([detections, found])
    del detections, found, numbers
    is_named = np.isin(both.rows, looked_at)
    both.identity_probabilities[is_named] = 1.0
    both.sources[is_named] = Source.PERSON
    return both.select(np.lexsort((both.frames, both.identity_ids)))
