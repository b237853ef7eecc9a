"""Which tracklets may follow which, and what speaks for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.types import DetectionTable, Float64, Int32, Int64
from murid.identification.evidence import TrackletEvidence
from murid.identification.tracklets import Tracklets

N_RECENT = 40
"""Tracklets that ended most recently, any and sure ones, which one may follow."""
LEAST_WORTH = 2.0
"""Worth of a tracklet that is surely an animal."""
N_BEST = 6
"""Links into each tracklet that are kept, from any tracklet and from sure ones."""
VOTE = 1.0
"""What a witness adds to the gain of a link."""
N_LATEST = 4
"""Sure tracklets that ended last before one, whose links into it are kept, too."""
MOST_BEHIND = 8.0
"""Gain by which a link may stay behind the best into the same tracklet; one that does so more is on
no good path."""
FRAGMENT_COST = 0.2
"""Cost of a tracklet as such: the more of them, the less likely each is an animal."""
_LEAST_SHARE, _MOST_SHARE = 0.5, 0.7  # of the usual score of an animal
_MOST_CROWDED = 0.05  # share of frames
_BLOCK = 8192


@dataclass(frozen=True, eq=False, slots=True)
class CandidateLinks:
    """Tracklets that may follow one another: ``heads``, ``tails`` ``(E,)`` int32 and what each pair gains."""

    heads: Int32
    tails: Int32
    llrs: Float64


def find_candidate_links(
    evidence: TrackletEvidence, tracklet_llrs: Float64, n_animals: int
) -> CandidateLinks:
    """Compare each tracklet with those that ended shortly before it, and with sure ones that ended long before."""
    tracklets = evidence.tracklets
    n_recent = max(N_RECENT, 4 * n_animals)
    pools = [np.arange(len(tracklets)), np.flatnonzero(tracklet_llrs >= LEAST_WORTH)]
    pools = [pool[np.argsort(tracklets.last_frames[pool], kind="stable")] for pool in pools]
    found: list[CandidateLinks] = []
    for start in range(0, len(tracklets), _BLOCK):
        tails = np.arange(start, min(start + _BLOCK, len(tracklets)))
        n_best = max(N_BEST, n_animals + 2)
        best = [
            _choose_best(evidence, _pair(tracklets, pool, tails, n_recent), n_best)
            for pool in pools
        ]
        codes = np.unique(np.concatenate([*best, _pair(tracklets, pools[1], tails, N_LATEST)]))
        heads, followers = codes % len(tracklets), codes // len(tracklets)
        llrs = _compute_gains(evidence, heads, followers)
        best_llrs = np.full(len(tails), -np.inf)
        np.maximum.at(best_llrs, followers - start, llrs)
        kept = llrs >= best_llrs[followers - start] - MOST_BEHIND
        found.append(
            CandidateLinks(
                heads[kept].astype(np.int32), followers[kept].astype(np.int32), llrs[kept]
            )
        )
    if not found:
        return CandidateLinks(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))
    return CandidateLinks(
        *(np.concatenate([getattr(f, name) for f in found]) for name in ("heads", "tails", "llrs"))
    )


def _pair(tracklets: Tracklets, pool: Int64, tails: Int64, n_recent: int) -> Int64:
    """Codes ``tail * T + head`` of the pairs of tails and the tracklets of a pool that ended last before them."""
    ended = np.searchsorted(tracklets.last_frames[pool], tracklets.first_frames[tails])
    places = ended[:, None] - np.arange(1, n_recent + 1)[None]
    rows, columns = np.nonzero(places >= 0)
    codes: Int64 = tails[rows] * len(tracklets) + pool[places[rows, columns]]
    return codes


def _choose_best(evidence: TrackletEvidence, codes: Int64, n_best: int) -> Int64:
    """Codes of the best links into each tracklet."""
    heads, tails = codes % len(evidence.tracklets), codes // len(evidence.tracklets)
    order = np.lexsort((-_compute_gains(evidence, heads, tails), tails))
    grouped = tails[order]
    starts = np.flatnonzero(np.append(True, grouped[1:] != grouped[:-1])[: len(order)])
    ranks = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    best: Int64 = codes[order[ranks < n_best]]
    return best


def _compute_gains(evidence: TrackletEvidence, heads: Int64, tails: Int64) -> Float64:
    """What motion, looks and witnesses say for links."""
    return evidence.compute_llrs(heads, tails, appearance=True) + VOTE * evidence.count_track_votes(
        heads, tails
    )


def compute_tracklet_llrs(table: DetectionTable, tracklets: Tracklets, n_animals: int) -> Float64:
    """What it gains to take each tracklet ``(T,)`` for an animal: its scores, over the least that animals have."""
    least = find_least_score(table, n_animals)
    scores = table.scores[tracklets.rows].astype(np.float64) - least
    sums = np.add.reduceat(scores, tracklets.offsets[:-1]) if len(tracklets) else np.zeros(0)
    return sums - FRAGMENT_COST


def find_least_score(table: DetectionTable, n_animals: int) -> float:
    """Score above which there are hardly ever more detections than animals, within bounds that the usual score sets."""
    if not len(table):
        return 0.0
    frames = table.frame_numbers
    order = np.lexsort((-table.scores, frames))
    ranks = np.arange(len(order)) - table.frame_offsets[frames[order]]
    usual = float(np.median(table.scores[order[ranks < n_animals]]))
    surplus = np.sort(table.scores[order[ranks == n_animals]])[::-1]
    allowed = int(_MOST_CROWDED * table.n_frames)
    wanted = float(surplus[allowed]) if allowed < len(surplus) else 0.0
    return float(np.clip(wanted, _LEAST_SHARE * usual, _MOST_SHARE * usual))
