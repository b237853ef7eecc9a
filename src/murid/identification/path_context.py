"""Tracklets arranged in paths, with all that is needed to weigh them: steps, looks along them, what points say.

A tracklet in whose box another animal vanished, or comes out again, may be a sight of both: its
looks say nothing of who is who, and motion through a whole contact is taken from before it to after
it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Int64
from murid.identification.evidence import TrackletEvidence
from murid.identification.path_transitions import (
    PathTransitions,
    PooledFeatures,
    list_transitions,
    pool_features,
)
from murid.identification.point_match_score import PointMatchScore


@dataclass(frozen=True, eq=False, slots=True)
class PathContext:
    """Paths through tracklets, and what is seen along them.

    Attributes
    ----------
    transitions : Steps
    evidence : Sights
        Those of the recording, without what may be of two animals.
    pools : Pools
        Looks around each step.
    balance : PointMatchScore
        What followed points say for the paths.
    merged : ndarray
        ``(T,)`` bool: tracklets of boxes that may hold two animals.
    occluded : ndarray
        ``(S,)`` bool: steps over gaps in which the animal was in the box of another one.
    """

    transitions: PathTransitions
    evidence: TrackletEvidence
    pools: PooledFeatures
    balance: PointMatchScore
    merged: NDArray[np.bool_]
    occluded: NDArray[np.bool_]


def build_path_context(paths: Int64, evidence: TrackletEvidence) -> PathContext:
    """Arrange tracklets in paths ``(T,)``; -1 = on none."""
    transitions = list_transitions(paths, evidence.tracklets)
    merged, occluded = find_merged_boxes(transitions, evidence)
    own = _leave_out(evidence, merged)
    return PathContext(
        transitions,
        own,
        pool_features(transitions, own.swap_appearance),
        _balance(paths, evidence, merged),
        merged,
        occluded,
    )


def find_merged_boxes(
    transitions: PathTransitions, evidence: TrackletEvidence
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Boxes that may hold two animals: in them another path was last seen before a gap, or is seen again after it.

    Returns
    -------
    merged : ndarray
        ``(T,)`` bool: tracklets of such boxes, of which the middle lies in the gap of the other
        path.
    occluded : ndarray
        ``(S,)`` bool: gaps at both ends of which the animal was in the box of another one.
    """
    tracklets, merged = evidence.tracklets, np.zeros(len(evidence.tracklets), bool)
    vanished, emerged = np.zeros((2, len(transitions)), bool)
    gaps = np.flatnonzero(transitions.inner & (transitions.ends > transitions.begins + 1))
    inside = np.flatnonzero(transitions.tails >= 0)
    middles = (tracklets.first_frames + tracklets.last_frames)[transitions.tails[inside]] // 2
    for own in transitions.slices():
        of = gaps[(gaps >= own.start) & (gaps < own.stop)]
        if not len(of):
            continue
        places = np.maximum(np.searchsorted(transitions.begins[of], middles) - 1, 0)
        over = (transitions.begins[of[places]] < middles) & (middles < transitions.ends[of[places]])
        over &= (inside < own.start) | (inside >= own.stop)
        beside, gap = transitions.tails[inside[over]], of[places[over]]
        before = _is_within(evidence, beside, tracklets.offsets[transitions.heads[gap] + 1] - 1)
        after = _is_within(evidence, beside, tracklets.offsets[transitions.tails[gap]])
        merged[beside[before | after]] = True
        vanished[gap[before]] = emerged[gap[after]] = True
    return merged, vanished & emerged


def _is_within(evidence: TrackletEvidence, tracklets: Int64, others: Int64) -> NDArray[np.bool_]:
    """Whether boxes of tracklets ``(k,)`` hold the middles of others, by their places in the rows, at their time."""
    of = evidence.tracklets
    when = np.clip(evidence.frames[others], of.first_frames[tracklets], of.last_frames[tracklets])
    boxes = evidence.shapes[of.offsets[tracklets] + when - of.first_frames[tracklets]]
    apart = np.abs(boxes[:, :2] - evidence.shapes[others, :2])
    return np.asarray((apart < np.exp(boxes[:, 2:]) / 2).all(axis=1))


def _leave_out(evidence: TrackletEvidence, merged: NDArray[np.bool_]) -> TrackletEvidence:
    """Sights without the looks of some tracklets, which are not clear either."""
    counts = np.where(merged, 0.0, evidence.swap_appearance.counts)
    clear = evidence.clear & ~np.repeat(merged, evidence.tracklets.lengths)
    return replace(
        evidence, clear=clear, swap_appearance=replace(evidence.swap_appearance, counts=counts)
    )


def _balance(
    paths: Int64, evidence: TrackletEvidence, merged: NDArray[np.bool_]
) -> PointMatchScore:
    """What followed points say for paths."""
    n_frames = (
        int(evidence.frames.max(initial=0)) + 1 if len(evidence.point_matches) else 1
    )  # a day of them takes room
    seen = np.zeros((int(paths.max(initial=-1)) + 1, n_frames), bool)
    if len(evidence.point_matches):
        of = paths[evidence.tracklets.numbers]
        on = of >= 0
        seen[of[on], evidence.frames[on]] = True
    return PointMatchScore(evidence.point_matches, paths, seen, merged)
