"""Candidate links: which tracklets may follow which, with log-likelihood ratios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.records import ArrayRecord
from murid.core.types import Bool, Float64, Int32, Int64
from murid.identification.evidence import TrackletEvidence
from murid.identification.pairwise_model import load_pairwise_model

# Each tracklet is compared with this many that ended last before it (or four for each animal, if
# that is more), of all tracklets and of confident ones. Time is in proportion.
N_COMPARED = 40
# Log-likelihood ratio from which on a tracklet counts as a confident one: an animal, not clutter.
MIN_CONFIDENT_LLR = 2.0
# Number of best links into each tracklet that are kept, from all tracklets and from confident ones
# (or N + 2 for N animals, if that is more). Fewer leave the flow no choice in a crowd; more slow it
# down.
N_KEPT = 6
# Links from this many confident tracklets that ended last are kept too, however poor: one of them
# may be a hidden animal.
N_LAST_KEPT = 4
# Links whose log-likelihood ratio is this much below that of the best link into the same tracklet
# are dropped: they are on no good path.
MAX_LLR_BELOW_BEST = 8.0
# Tracklets for which links are searched at once: bounds memory.
_BLOCK = 8192


@dataclass(frozen=True, eq=False, slots=True)
class CandidateLinks(ArrayRecord):
    """Tracklets that may follow one another.

    Attributes
    ----------
    predecessors, successors : ndarray
        ``(E,)`` int32: the earlier and the later tracklet.
    llrs : ndarray
        ``(E,)`` float64 log-likelihood ratio that both are the same animal.
    """

    predecessors: Int32
    successors: Int32
    llrs: Float64


def find_candidate_links(
    evidence: TrackletEvidence, tracklet_llrs: Float64, n_animals: int
) -> CandidateLinks:
    """Return the links into each tracklet from those before it that fit best.

    Parameters
    ----------
    evidence : TrackletEvidence
    tracklet_llrs : ndarray
        ``(T,)`` float64, as of `ExistenceEvidence.compute_llrs`.
    n_animals : int
    """
    tracklets = evidence.tracklets
    n_compared = max(N_COMPARED, 4 * n_animals)
    n_kept = max(N_KEPT, n_animals + 2)
    # Confident tracklets may have ended long ago: clutter does not come between them.
    by_end = np.argsort(tracklets.last_frames, kind="stable")
    is_confident = tracklet_llrs[by_end] >= MIN_CONFIDENT_LLR
    confident = by_end[is_confident]
    # The rank in `by_end` of each confident one, to tell which pairs are in both lists.
    confident_ranks = np.flatnonzero(is_confident)
    none = np.zeros(0, np.int32)
    found = [CandidateLinks(none, none, np.zeros(0))]
    for start in range(0, len(tracklets), _BLOCK):
        successors = np.arange(start, min(start + _BLOCK, len(tracklets)))
        first_frames = tracklets.first_frames[successors]
        # Ranks of the last tracklets that ended before each one, ``(B, n_compared)``.
        of_all = _rank_last(tracklets.last_frames[by_end], first_frames, n_compared)
        of_confident = _rank_last(tracklets.last_frames[confident], first_frames, n_compared)
        llrs = _compare_all(evidence, by_end, of_all, successors)
        # Most confident ones are in both lists, and are compared once.
        depths = of_all[:, :1] - np.append(confident_ranks, -1)[of_confident]
        in_both = (of_confident >= 0) & (depths < n_compared)
        only_confident = np.where(in_both, -1, of_confident)
        confident_llrs = _compare_all(evidence, confident, only_confident, successors)
        owners, columns = np.nonzero(in_both)
        confident_llrs[owners, columns] = llrs[owners, depths[owners, columns]]
        # Keep the best links of each list, and those from the last confident tracklets.
        kept = _select_best(llrs, n_kept)
        kept_confident = _select_best(confident_llrs, n_kept)
        kept_confident[:, :N_LAST_KEPT] |= of_confident[:, :N_LAST_KEPT] >= 0
        kept[owners, depths[owners, columns]] |= kept_confident[owners, columns]
        kept_confident &= ~in_both
        # Of these, keep those that are not much worse than the best one.
        best_llrs = np.maximum(llrs.max(axis=1), confident_llrs.max(axis=1))[:, None]
        kept &= llrs >= best_llrs - MAX_LLR_BELOW_BEST
        kept_confident &= confident_llrs >= best_llrs - MAX_LLR_BELOW_BEST
        found.append(_list_links(by_end, of_all, successors, llrs, kept))
        found.append(
            _list_links(confident, of_confident, successors, confident_llrs, kept_confident)
        )
    links = CandidateLinks.concatenate(found)
    return links.select(np.lexsort((links.predecessors, links.successors)))


def _rank_last(last_frames: Int64, first_frames: Int64, n_last: int) -> Int64:
    """Return the ranks ``(B, n_last)`` of those that ended last before some frames; -1 = none.

    `last_frames` are ascending. The first column is the last one that ended.
    """
    ranks = np.searchsorted(last_frames, first_frames)[:, None] - 1 - np.arange(n_last)
    last: Int64 = np.maximum(ranks, -1)
    return last


def _compare_all(
    evidence: TrackletEvidence, predecessors: Int64, ranks: Int64, successors: Int64
) -> Float64:
    """Return the log-likelihood ratios of links ``(B, n)``; minus infinity at rank -1."""
    llrs = np.full(ranks.shape, -np.inf)
    rows, columns = np.nonzero(ranks >= 0)
    llrs[rows, columns] = _compute_llrs(
        evidence, predecessors[ranks[rows, columns]], successors[rows]
    )
    return llrs


def _select_best(llrs: Float64, n_kept: int) -> Bool:
    """Return which links ``(B, n)`` are among the best of their row."""
    order = np.argsort(-llrs, axis=1, kind="stable")[:, :n_kept]
    best = np.zeros(llrs.shape, bool)
    np.put_along_axis(best, order, True, axis=1)
    return best & (llrs > -np.inf)


def _list_links(
    predecessors: Int64, ranks: Int64, successors: Int64, llrs: Float64, kept: Bool
) -> CandidateLinks:
    """Return the links that are kept, of all those ``(B, n)``."""
    rows, columns = np.nonzero(kept)
    return CandidateLinks(
        predecessors[ranks[rows, columns]].astype(np.int32),
        successors[rows].astype(np.int32),
        llrs[rows, columns],
    )


def _compute_llrs(evidence: TrackletEvidence, predecessors: Int64, successors: Int64) -> Float64:
    """Return log-likelihood ratios of links from motion, appearance and bidirectional tracks."""
    return load_pairwise_model().compute_link_llrs(
        evidence.compute_motion_llrs(predecessors, successors),
        evidence.compute_appearance_llrs(predecessors, successors),
        evidence.count_track_votes(predecessors, successors),
    )
