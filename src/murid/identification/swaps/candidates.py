"""Swap candidates: pairs of transitions at which two paths may have swapped their animals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from murid.core.clock import to_frames
from murid.core.ranges import concatenate_ranges
from murid.core.records import ArrayRecord
from murid.core.types import Float64, Int64
from murid.identification.evidence import TrackletEvidence
from murid.identification.paths.context import PathContext
from murid.identification.paths.transitions import PathTransitions
from murid.identification.swaps.constraint_terms import compare_swaps
from murid.identification.swaps.llr_terms import LlrTerms
from murid.identification.swaps.unoccluded_endpoints import (
    UnoccludedEndpoints,
    find_unoccluded_endpoints,
)

# Motion before a longer contact does not predict motion after it: an animal may have turned.
# The minimum in frames keeps contacts of a few frames at low frame rates.
MAX_CONTACT_S = 3.0
MIN_CONTACT_FRAMES = 10
# Of a transition over a long gap, only this many of the other transitions at either end of the gap
# are compared with it: bounds the number of pairs in a day of video.
_MAX_OVERLAPPING = 40
# Candidates whose appearance is compared at once: bounds memory.
_BLOCK = 1 << 16


@dataclass(frozen=True, eq=False, slots=True)
class SwapCandidates(ArrayRecord):
    """Pairs of transitions of different paths that overlap in time.

    Attributes
    ----------
    first, second : ndarray
        ``(C,)`` int64: the two transitions.
    terms : LlrTerms
        Evidence for the two transitions as they are against swapped ends.
    begins, ends : ndarray
        ``(C,)`` int64 frames between which motion and votes through the contact are compared: the
        earlier of the frames in which each animal was last unoccluded before the contact, and the
        later of those in which each is unoccluded again.
    """

    first: Int64
    second: Int64
    terms: LlrTerms
    begins: Int64
    ends: Int64

    def __len__(self) -> int:
        return len(self.first)

    @property
    def llrs(self) -> Float64:
        """``(C,)`` float64 log-likelihood ratios of the pairwise model."""
        return self.terms.compute_llrs()


def find_swap_candidates(context: PathContext) -> SwapCandidates:
    """Return all pairs of transitions that overlap in time, compared with swapped ends."""
    transitions = context.transitions
    evidence = context.evidence
    first, second = _pair_overlapping(transitions)
    # Evidence of the tracklets right before and right after the two transitions.
    predecessors = transitions.predecessors[first], transitions.predecessors[second]
    successors = transitions.successors[first], transitions.successors[second]
    tracklet_motion = _compare_swapped(evidence.compute_motion_llrs, predecessors, successors)
    tracklet_votes = _compare_swapped(evidence.count_track_votes, predecessors, successors)
    # Evidence of the unoccluded detections around the whole contact.
    endpoints = find_unoccluded_endpoints(transitions, evidence)
    contact_motion = _compare_contact_motion(endpoints, first, second, evidence)
    contact_votes = _compare_swapped(
        evidence.count_row_votes,
        (endpoints.last_rows[first], endpoints.last_rows[second]),
        (endpoints.first_rows[first], endpoints.first_rows[second]),
    )
    # Evidence of appearance and of points of fur, along the paths before and after the contact.
    begins = np.maximum(transitions.begins[first], transitions.begins[second])
    ends = np.minimum(transitions.ends[first], transitions.ends[second])
    appearance = _compare_appearance(context, first, second, (begins + ends) / 2)
    point_matches = context.point_match_score.compare_swapped(
        transitions.paths[first], transitions.paths[second], begins
    )
    terms = LlrTerms(
        short_gap_motion=tracklet_motion[:, 0],
        long_gap_motion=tracklet_motion[:, 1],
        contact_motion=contact_motion,
        appearance=appearance,
        tracklet_votes=tracklet_votes,
        contact_votes=contact_votes,
        point_matches=point_matches,
        constraints=compare_swaps(context, first, second),
    )
    return SwapCandidates(
        first,
        second,
        terms,
        np.minimum(endpoints.begins[first], endpoints.begins[second]),
        np.maximum(endpoints.ends[first], endpoints.ends[second]),
    )


def count_local_constraints(context: PathContext, candidates: SwapCandidates) -> SwapCandidates:
    """Return the candidates with the evidence of local constraints alone."""
    constraints = compare_swaps(context, candidates.first, candidates.second, only_local=True)
    return replace(candidates, terms=replace(candidates.terms, constraints=constraints))


def _pair_overlapping(transitions: PathTransitions) -> tuple[Int64, Int64]:
    """Return pairs of transitions of different paths that overlap in time, each pair once.

    Of a transition over a very long gap, only those near both of its ends are paired with it.
    """
    # In the order of their begins, a transition overlaps the following ones until its own end.
    order = np.argsort(transitions.begins, kind="stable")
    begins = transitions.begins[order]
    ranks = np.arange(len(order))
    n_overlapping = np.searchsorted(begins, transitions.ends[order]) - ranks - 1
    n_overlapping = np.maximum(n_overlapping, 0)
    n_early = np.minimum(n_overlapping, _MAX_OVERLAPPING)
    n_late = np.minimum(n_overlapping - n_early, _MAX_OVERLAPPING)
    own = np.concatenate([np.repeat(ranks, n_early), np.repeat(ranks, n_late)])
    early = np.repeat(ranks + 1, n_early) + concatenate_ranges(n_early)
    late = np.repeat(ranks + 1 + n_overlapping - n_late, n_late) + concatenate_ranges(n_late)
    first = order[own]
    second = order[np.concatenate([early, late])]
    # Swapping two paths before both begin, or after both end, changes nothing.
    any_predecessor = (transitions.predecessors[first] >= 0) | (
        transitions.predecessors[second] >= 0
    )
    any_successor = (transitions.successors[first] >= 0) | (transitions.successors[second] >= 0)
    kept = (transitions.paths[first] != transitions.paths[second]) & any_predecessor & any_successor
    return first[kept], second[kept]


def _compare_swapped(
    score: Callable[[Int64, Int64], Float64],
    predecessors: tuple[Int64, Int64],
    successors: tuple[Int64, Int64],
) -> Float64:
    """Return the score ``(C,)`` of both links as they are, less that of the swapped links."""
    return (
        score(predecessors[0], successors[0])
        + score(predecessors[1], successors[1])
        - score(predecessors[0], successors[1])
        - score(predecessors[1], successors[0])
    )


def _compare_contact_motion(
    endpoints: UnoccludedEndpoints, first: Int64, second: Int64, evidence: TrackletEvidence
) -> Float64:
    """Return the log-likelihood ratio ``(C,)`` of motion through whole contacts.

    It is 0 where an animal has no unoccluded detection on one side, where the contact is too long,
    and where one animal is unoccluded again before the other one is occluded.
    """
    begins = endpoints.begins
    ends = endpoints.ends
    last_begins = np.maximum(begins[first], begins[second])
    first_begins = np.minimum(begins[first], begins[second])
    last_ends = np.maximum(ends[first], ends[second])
    first_ends = np.minimum(ends[first], ends[second])
    known = (first_begins >= 0) & (first_ends >= 0) & (last_begins < first_ends)
    motion = evidence.motion
    max_contact = to_frames(MAX_CONTACT_S, motion.fps, MIN_CONTACT_FRAMES)
    known &= last_ends - first_begins <= max_contact

    def compute_llrs(predecessors: Int64, successors: Int64) -> Float64:
        before = begins[predecessors]
        after = ends[successors]
        n_missing = evidence.time_slots.count_missing(before, after)
        return motion.compute_llrs(
            endpoints.tracklet_ends, predecessors, successors, after - before, n_missing
        )

    pairs = first[known], second[known]
    llrs = np.zeros(len(first))
    llrs[known] = _compare_swapped(compute_llrs, pairs, pairs)
    return llrs


def _compare_appearance(
    context: PathContext, first: Int64, second: Int64, frames: Float64
) -> Float64:
    """Return the log-likelihood ratio ``(C,)`` of appearance before and after some frames."""
    pools = context.pooled_features
    appearance = context.evidence.appearance
    llrs = np.zeros(len(first))
    for start in range(0, len(first), _BLOCK):
        block = slice(start, start + _BLOCK)
        one = first[block]
        other = second[block]
        folds = context.evidence.find_folds(frames[block])
        before = pools.before(one, folds), pools.before(other, folds)
        after = pools.after(one, folds), pools.after(other, folds)
        llrs[block] = appearance.compare_swapped(before, after, folds)
    return llrs
