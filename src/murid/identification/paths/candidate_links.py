"""Candidate links: which tracklets may follow which, with log-likelihood ratios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.ranges import concatenate_ranges, find_run_starts
from murid.core.records import ArrayRecord
from murid.core.types import Float64, Int32, Int64
from murid.identification.evidence import TrackletEvidence
from murid.identification.pairwise_model import load_pairwise_model
from murid.identification.tracklets import Tracklets

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
    confident = by_end[tracklet_llrs[by_end] >= MIN_CONFIDENT_LLR]
    none = np.zeros(0, np.int32)
    found = [CandidateLinks(none, none, np.zeros(0))]
    for start in range(0, len(tracklets), _BLOCK):
        successors = np.arange(start, min(start + _BLOCK, len(tracklets)))
        codes = [
            _select_best(evidence, _pair(tracklets, by_end, successors, n_compared), n_kept),
            _select_best(evidence, _pair(tracklets, confident, successors, n_compared), n_kept),
            _pair(tracklets, confident, successors, N_LAST_KEPT),
        ]
        found.append(_select_near_best(evidence, np.unique(np.concatenate(codes))))
    return CandidateLinks.concatenate(found)


def _pair(tracklets: Tracklets, predecessors: Int64, successors: Int64, n_last: int) -> Int64:
    """Return codes of the links into tracklets from the last few that ended before them.

    A code is ``successor * T + predecessor``. `predecessors` are ordered by their last frame.
    """
    n_ended = np.searchsorted(
        tracklets.last_frames[predecessors], tracklets.first_frames[successors]
    )
    indices = n_ended[:, None] - 1 - np.arange(n_last)
    rows, columns = np.nonzero(indices >= 0)
    codes: Int64 = successors[rows] * len(tracklets) + predecessors[indices[rows, columns]]
    return codes


def _decode(codes: Int64, n_tracklets: int) -> tuple[Int64, Int64]:
    """Return predecessors and successors of links."""
    return codes % n_tracklets, codes // n_tracklets


def _select_best(evidence: TrackletEvidence, codes: Int64, n_kept: int) -> Int64:
    """Return the codes of the best links into each tracklet."""
    predecessors, successors = _decode(codes, len(evidence.tracklets))
    order = np.lexsort((-_compute_llrs(evidence, predecessors, successors), successors))
    # Rank the links into each tracklet, the best first.
    starts = find_run_starts(successors[order])
    ranks = concatenate_ranges(np.diff(np.append(starts, len(order))))
    best: Int64 = codes[order[ranks < n_kept]]
    return best


def _select_near_best(evidence: TrackletEvidence, codes: Int64) -> CandidateLinks:
    """Return the links that are not much worse than the best one into the same tracklet."""
    predecessors, successors = _decode(codes, len(evidence.tracklets))
    llrs = _compute_llrs(evidence, predecessors, successors)
    best_llrs = np.full(len(evidence.tracklets), -np.inf)
    np.maximum.at(best_llrs, successors, llrs)
    kept = llrs >= best_llrs[successors] - MAX_LLR_BELOW_BEST
    return CandidateLinks(
        predecessors[kept].astype(np.int32), successors[kept].astype(np.int32), llrs[kept]
    )


def _compute_llrs(evidence: TrackletEvidence, predecessors: Int64, successors: Int64) -> Float64:
    """Return log-likelihood ratios of links from motion, appearance and bidirectional tracks."""
    return load_pairwise_model().compute_link_llrs(
        evidence.compute_motion_llrs(predecessors, successors),
        evidence.compute_appearance_llrs(predecessors, successors),
        evidence.count_track_votes(predecessors, successors),
    )
