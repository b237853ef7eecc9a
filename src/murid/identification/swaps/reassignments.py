"""Reassignments: tracklets that may belong to another path, which has a gap at their time.

An animal that leaves a shelter for a moment may be seen as more than one tracklet. So runs of
consecutive tracklets of a path are moved as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from murid.core.records import ArrayRecord
from murid.core.types import Float64, Int64
from murid.identification.appearance_models.appearance_model import compute_llr_bound
from murid.identification.pairwise_model import load_pairwise_model
from murid.identification.paths.context import PathContext
from murid.identification.paths.transitions import PathTransitions
from murid.identification.swaps.constraint_terms import compare_moves
from murid.identification.swaps.llr_terms import LlrTerms
from murid.identification.tracklets import Tracklets

# Tracklets that are moved together, at most. Time is in proportion.
MAX_RUN = 4


@dataclass(frozen=True, eq=False, slots=True)
class Reassignments(ArrayRecord):
    """Possible moves of a run of tracklets from their path into a gap of another path.

    Attributes
    ----------
    entries, exits, gaps : ndarray
        ``(K,)`` int64: the transitions into the first tracklet and out of the last one, and the
        transition of the other path over the gap.
    terms : LlrTerms
        Evidence for the tracklets on their own path against the other one.
    """

    entries: Int64
    exits: Int64
    gaps: Int64
    terms: LlrTerms

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def llrs(self) -> Float64:
        """``(K,)`` float64 log-likelihood ratios of the pairwise model."""
        return self.terms.compute_llrs()


def find_reassignments(context: PathContext, max_llr: float = np.inf) -> Reassignments:
    """Return runs of tracklets of a path with gaps of other paths that they would fit.

    Those whose log-likelihood ratio is `max_llr` or more are left out.
    """
    none = np.zeros(0, np.int64)
    found = [Reassignments(none, none, none, LlrTerms.empty())]
    for n_tracklets in range(1, MAX_RUN + 1):
        entries, gaps = _find_gaps(context.transitions, context.evidence.tracklets, n_tracklets)
        if not len(entries):
            break
        runs = _compare_runs(context, entries, entries + n_tracklets, gaps, max_llr)
        found.append(runs.select(np.flatnonzero(runs.llrs < max_llr)))
    return Reassignments.concatenate(found)


def _find_gaps(
    transitions: PathTransitions, tracklets: Tracklets, n_tracklets: int
) -> tuple[Int64, Int64]:
    """Return transitions into runs of tracklets, with other paths' transitions over their time."""
    entries = np.flatnonzero(transitions.successors >= 0)
    # The last tracklet of the run must be on the same path, as its entry then is.
    last_entries = entries + n_tracklets - 1
    within = last_entries < len(transitions)
    last_entries = np.where(within, last_entries, 0)
    within &= transitions.successors[last_entries] >= 0
    within &= transitions.paths[last_entries] == transitions.paths[entries]
    entries = entries[within]
    first_frames = tracklets.first_frames[transitions.successors[entries]]
    last_frames = tracklets.last_frames[transitions.successors[last_entries[within]]]
    found_entries = [np.zeros(0, np.int64)]
    found_gaps = [np.zeros(0, np.int64)]
    for path in transitions.slices():
        # The last transition of the path that begins before the run must end after it.
        before = np.searchsorted(transitions.begins[path], first_frames)
        gaps = path.start + before - 1
        fits = transitions.ends[gaps] > last_frames
        fits &= transitions.paths[entries] != transitions.paths[path.start]
        found_entries.append(entries[fits])
        found_gaps.append(gaps[fits])
    return np.concatenate(found_entries), np.concatenate(found_gaps)


def _compare_runs(
    context: PathContext, entries: Int64, exits: Int64, gaps: Int64, max_llr: float
) -> Reassignments:
    """Return runs of the same number of tracklets, compared with the other path.

    Those whose log-likelihood ratio cannot be below `max_llr` are left out.
    """
    transitions = context.transitions
    evidence = context.evidence
    runs = transitions.successors[entries], transitions.predecessors[exits]
    own_gap = transitions.predecessors[entries], transitions.successors[exits]
    other_gap = transitions.predecessors[gaps], transitions.successors[gaps]
    motion = _compare_owners(evidence.compute_motion_llrs, runs, own_gap, other_gap)
    votes = _compare_owners(evidence.count_track_votes, runs, own_gap, other_gap)
    # A run of tracklets is no contact, which has two animals before and after it.
    no_contact = np.zeros(len(entries))
    terms = LlrTerms(
        short_gap_motion=motion[:, 0],
        long_gap_motion=motion[:, 1],
        contact_motion=no_contact,
        appearance=no_contact,
        tracklet_votes=votes,
        contact_votes=no_contact,
        point_matches=_compare_points(context, runs, entries, gaps),
        constraints=compare_moves(context, entries, exits, gaps),
    )
    # Comparing appearance takes most of the time, and its evidence is bounded.
    bound = compute_llr_bound(context.pooled_features.count_between(entries, exits))
    max_appearance = load_pairwise_model().appearance * bound
    kept = np.flatnonzero(terms.compute_llrs() - max_appearance < max_llr)
    appearance = _compare_appearance(context, entries[kept], exits[kept], gaps[kept])
    terms = replace(terms.select(kept), appearance=appearance)
    return Reassignments(entries[kept], exits[kept], gaps[kept], terms)


def _compare_owners(
    score: Callable[[Int64, Int64], Float64],
    runs: tuple[Int64, Int64],
    own_gap: tuple[Int64, Int64],
    other_gap: tuple[Int64, Int64],
) -> Float64:
    """Return the score ``(K,)`` of links with runs on their own path, less that on the other.

    Runs are given as their first and last tracklets, gaps as the tracklets before and after them:
    ``own_gap`` is that of the own path without the run, ``other_gap`` that of the other path.
    """
    first, last = runs
    own_before, own_after = own_gap
    other_before, other_after = other_gap
    return (
        score(own_before, first)
        + score(last, own_after)
        + score(other_before, other_after)
        - score(own_before, own_after)
        - score(other_before, first)
        - score(last, other_after)
    )


def _compare_appearance(context: PathContext, entries: Int64, exits: Int64, gaps: Int64) -> Float64:
    """Return the log-likelihood ratio ``(K,)`` of the appearance of runs and of two paths."""
    evidence = context.evidence
    pools = context.pooled_features
    middles = (context.transitions.ends[entries] + context.transitions.begins[exits]) / 2
    folds = evidence.find_folds(middles)
    return evidence.appearance.compare_owners(
        pools.between(entries, exits, folds),
        pools.around(entries, exits, folds),
        pools.around(gaps, gaps, folds),
        folds,
    )


def _compare_points(
    context: PathContext, runs: tuple[Int64, Int64], entries: Int64, gaps: Int64
) -> Float64:
    """Return the log-likelihood ratio ``(K,)`` of the points of fur that runs share with paths."""
    own = context.transitions.paths[entries]
    other = context.transitions.paths[gaps]
    first, last = runs
    if np.array_equal(first, last):
        return context.point_match_score.compare_owners(first, own, other)
    # Points that stay within the run are no evidence: only those into it or out of it.
    tracklets = context.evidence.tracklets
    return context.point_match_score.compare_intervals(
        own, other, tracklets.first_frames[first] - 1, tracklets.last_frames[last]
    )
