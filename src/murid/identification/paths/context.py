"""Context of paths: their transitions, and the evidence for and against changes of them.

A tracklet in whose box another animal vanishes or reappears may be a merged box of two animals. Its
appearance is not used, and motion through a contact is measured from before it to after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from murid.core.clock import to_frames
from murid.core.types import Bool, Int64
from murid.identification.evidence import TrackletEvidence
from murid.identification.paths.pooled_features import PooledFeatures, pool_features
from murid.identification.paths.transitions import PathTransitions, list_transitions
from murid.identification.point_match_score import PointMatchScore

# A box of another animal may hold an animal that was last seen in it this long before, or is first
# seen in it this long after. Where animals share a shelter, others were there long ago.
MAX_MERGED_S = 3.0
MIN_MERGED_FRAMES = 3


@dataclass(frozen=True, eq=False, slots=True)
class PathContext:
    """Paths through tracklets, and the evidence along them.

    Attributes
    ----------
    transitions : PathTransitions
    evidence : TrackletEvidence
        That of the recording, without the appearance of merged boxes, which count as occluded.
    pooled_features : PooledFeatures
        Appearance around each transition.
    point_match_score : PointMatchScore
        Point matches between the paths.
    merged : ndarray
        ``(T,)`` bool: tracklets of boxes that may hold two animals.
    occluded_gaps : ndarray
        ``(S,)`` bool: transitions over occluded gaps, at both ends of which the animal was inside
        the box of another one.
    """

    transitions: PathTransitions
    evidence: TrackletEvidence
    pooled_features: PooledFeatures
    point_match_score: PointMatchScore
    merged: Bool
    occluded_gaps: Bool


def build_path_context(paths: Int64, evidence: TrackletEvidence) -> PathContext:
    """Return the context of paths ``(T,)`` of tracklets; -1 = on none."""
    transitions = list_transitions(paths, evidence.tracklets)
    merged, occluded_gaps = find_merged_boxes(transitions, evidence)
    unmerged_evidence = _mask_merged(evidence, merged)
    return PathContext(
        transitions,
        unmerged_evidence,
        pool_features(transitions, unmerged_evidence.appearance),
        _score_point_matches(paths, evidence, merged),
        merged,
        occluded_gaps,
    )


def find_merged_boxes(
    transitions: PathTransitions, evidence: TrackletEvidence
) -> tuple[Bool, Bool]:
    """Find boxes that may hold two animals: another path ends inside them before a gap, or goes on.

    Returns
    -------
    merged : ndarray
        ``(T,)`` bool: tracklets of such boxes, with their middle frame in the gap of the other
        path.
    occluded_gaps : ndarray
        ``(S,)`` bool: gaps at both ends of which the animal was inside the box of another one.
    """
    tracklets = evidence.tracklets
    merged = np.zeros(len(tracklets), bool)
    vanished = np.zeros(len(transitions), bool)
    reappeared = np.zeros(len(transitions), bool)
    gaps = np.flatnonzero(transitions.inner & (transitions.ends > transitions.begins + 1))
    entries = np.flatnonzero(transitions.successors >= 0)
    entered = transitions.successors[entries]
    middles = (tracklets.first_frames + tracklets.last_frames)[entered] // 2
    for path in transitions.slices():
        path_gaps = gaps[(gaps >= path.start) & (gaps < path.stop)]
        if not len(path_gaps):
            continue
        # Tracklets of other paths with their middle frame in a gap of this one.
        indices = np.searchsorted(transitions.begins[path_gaps], middles) - 1
        candidate_gaps = path_gaps[np.maximum(indices, 0)]
        in_gap = transitions.begins[candidate_gaps] < middles
        in_gap &= middles < transitions.ends[candidate_gaps]
        in_gap &= (entries < path.start) | (entries >= path.stop)
        beside = entered[in_gap]
        gap = candidate_gaps[in_gap]
        # Whether the last detection before the gap, and the first after it, lie in their boxes.
        last_rows = tracklets.offsets[transitions.predecessors[gap] + 1] - 1
        first_rows = tracklets.offsets[transitions.successors[gap]]
        before = _contain(evidence, beside, last_rows)
        after = _contain(evidence, beside, first_rows)
        merged[beside[before | after]] = True
        vanished[gap[before]] = True
        reappeared[gap[after]] = True
    return merged, vanished & reappeared


def _contain(evidence: TrackletEvidence, tracklets: Int64, others: Int64) -> Bool:
    """Return whether boxes of tracklets ``(k,)`` contain the centres of other detections.

    The box of the tracklet that is nearest in time to the other detection is compared, if that is
    no further than `MAX_MERGED_S`. Detections are given by their indices in the rows of the
    tracklets.
    """
    first_frames = evidence.tracklets.first_frames[tracklets]
    last_frames = evidence.tracklets.last_frames[tracklets]
    other_frames = evidence.frames[others]
    frames = np.clip(other_frames, first_frames, last_frames)
    boxes = evidence.shapes[evidence.tracklets.offsets[tracklets] + frames - first_frames]
    distances = np.abs(boxes[:, :2] - evidence.shapes[others, :2])
    half_sizes = np.exp(boxes[:, 2:]) / 2
    max_frames = to_frames(MAX_MERGED_S, evidence.motion.fps, MIN_MERGED_FRAMES)
    near = np.abs(frames - other_frames) <= max_frames
    return np.asarray((distances < half_sizes).all(axis=1) & near)


def _mask_merged(evidence: TrackletEvidence, merged: Bool) -> TrackletEvidence:
    """Return the evidence with merged tracklets as occluded and without appearance."""
    counts = np.where(merged, 0.0, evidence.appearance.counts)
    unoccluded = evidence.unoccluded & ~np.repeat(merged, evidence.tracklets.lengths)
    appearance = replace(evidence.appearance, counts=counts)
    return replace(evidence, unoccluded=unoccluded, appearance=appearance)


def _score_point_matches(paths: Int64, evidence: TrackletEvidence, merged: Bool) -> PointMatchScore:
    """Return the score of the point matches between paths."""
    n_paths = int(paths.max(initial=-1)) + 1
    has_matches = len(evidence.point_matches) > 0
    # Without matches, frames are not needed: a day of video has many.
    n_frames = int(evidence.frames.max(initial=0)) + 1 if has_matches else 1
    detected = np.zeros((n_paths, n_frames), bool)
    if has_matches:
        row_paths = paths[evidence.tracklets.numbers]
        on_path = row_paths >= 0
        detected[row_paths[on_path], evidence.frames[on_path]] = True
    return PointMatchScore(evidence.point_matches, paths, detected, merged)
