"""Reassignments: tracklets that may belong to another path, which has a gap at their time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from murid.core.records import ArrayRecord
from murid.core.types import Float64, Int64
from murid.identification.paths.context import PathContext
from murid.identification.paths.transitions import PathTransitions
from murid.identification.swaps.llr_terms import LlrTerms
from murid.identification.tracklets import Tracklets


@dataclass(frozen=True, eq=False, slots=True)
class Reassignments(ArrayRecord):
    """Possible moves of one tracklet from its path into a gap of another path.

    Attributes
    ----------
    entries, gaps : ndarray
        ``(K,)`` int64: the transition into the tracklet, and the transition of the other path over
        the gap.
    terms : LlrTerms
        Evidence for the tracklet on its own path against the other one.
    """

    entries: Int64
    gaps: Int64
    terms: LlrTerms

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def llrs(self) -> Float64:
        """``(K,)`` float64 log-likelihood ratios of the pairwise model."""
        return self.terms.compute_llrs()


def find_reassignments(context: PathContext) -> Reassignments:
    """Return every tracklet of a path with every gap of another path into which it would fit."""
    transitions = context.transitions
    evidence = context.evidence
    entries, gaps = _find_gaps(transitions, evidence.tracklets)
    # The transition after the one into a tracklet leads out of it.
    exits = (entries + 1) % max(1, len(transitions))
    tracklets = transitions.successors[entries]
    own_gap = transitions.predecessors[entries], transitions.successors[exits]
    other_gap = transitions.predecessors[gaps], transitions.successors[gaps]
    motion = _compare_owners(evidence.compute_motion_llrs, tracklets, own_gap, other_gap)
    votes = _compare_owners(evidence.count_track_votes, tracklets, own_gap, other_gap)
    appearance = _compare_appearance(context, tracklets, (entries, exits), gaps)
    point_matches = context.point_match_score.compare_owners(
        tracklets, transitions.paths[entries], transitions.paths[gaps]
    )
    # A single tracklet is no contact, which has two animals before and after it.
    no_contact = np.zeros(len(tracklets))
    terms = LlrTerms(
        short_gap_motion=motion[:, 0],
        long_gap_motion=motion[:, 1],
        contact_motion=no_contact,
        appearance=appearance,
        tracklet_votes=votes,
        contact_votes=no_contact,
        point_matches=point_matches,
    )
    return Reassignments(entries, gaps, terms)


def _find_gaps(transitions: PathTransitions, tracklets: Tracklets) -> tuple[Int64, Int64]:
    """Return transitions into tracklets, with other paths' transitions over a gap at their time."""
    entries = np.flatnonzero(transitions.successors >= 0)
    entered = transitions.successors[entries]
    found_entries = [np.zeros(0, np.int64)]
    found_gaps = [np.zeros(0, np.int64)]
    for path in transitions.slices():
        # The last transition of the path that begins before the tracklet must end after it.
        before = np.searchsorted(transitions.begins[path], tracklets.first_frames[entered])
        gaps = path.start + before - 1
        fits = transitions.ends[gaps] > tracklets.last_frames[entered]
        fits &= transitions.paths[entries] != transitions.paths[path.start]
        found_entries.append(entries[fits])
        found_gaps.append(gaps[fits])
    return np.concatenate(found_entries), np.concatenate(found_gaps)


def _compare_owners(
    score: Callable[[Int64, Int64], Float64],
    tracklets: Int64,
    own_gap: tuple[Int64, Int64],
    other_gap: tuple[Int64, Int64],
) -> Float64:
    """Return the score ``(K,)`` of links with tracklets on their own path, less that on the other.

    The gaps are given as the tracklets before and after them: ``own_gap`` is that of the own path
    without the tracklet, ``other_gap`` that of the other path.
    """
    own_before, own_after = own_gap
    other_before, other_after = other_gap
    return (
        score(own_before, tracklets)
        + score(tracklets, own_after)
        + score(other_before, other_after)
        - score(own_before, own_after)
        - score(other_before, tracklets)
        - score(tracklets, other_after)
    )


def _compare_appearance(
    context: PathContext, tracklets: Int64, own: tuple[Int64, Int64], gaps: Int64
) -> Float64:
    """Return the log-likelihood ratio ``(K,)`` of the appearance of tracklets and of two paths."""
    evidence = context.evidence
    pools = context.pooled_features
    first_frames = evidence.tracklets.first_frames[tracklets]
    last_frames = evidence.tracklets.last_frames[tracklets]
    folds = evidence.find_folds((first_frames + last_frames) / 2)
    entries, exits = own
    return evidence.swap_appearance.compare_owners(
        evidence.swap_appearance.get_features(tracklets, folds),
        pools.around(entries, exits, folds),
        pools.around(gaps, gaps, folds),
        folds,
    )
