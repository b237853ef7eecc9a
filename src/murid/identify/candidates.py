"""Which tracklets may follow which, and what speaks for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.types import DetectionTable, Float64, Int64
from murid.identify.appearance import Looks
from murid.identify.motion import Ends, MotionModel
from murid.identify.tracklets import Tracklets

N_RECENT = 40
"""Tracklets that ended most recently, any and lasting ones, which one may follow."""
LASTING = 8
"""Frames of a tracklet that is lasting."""
N_BEST = 12
"""Links into each tracklet that are kept."""
FRAGMENT_COST = 0.2
"""Cost of a tracklet as such: the more of them, the less likely each is an animal."""
_LEAST_SHARE, _MOST_SHARE = 0.5, 0.7  # of the usual score of an animal
_MOST_CROWDED = 0.05  # share of frames
_BLOCK = 8192


@dataclass(frozen=True, eq=False, slots=True)
class Links:
    """Tracklets that may follow one another: ``heads``, ``tails`` ``(E,)`` int64 and what each pair gains."""

    heads: Int64
    tails: Int64
    gains: Float64


def find_links(tracklets: Tracklets, ends: Ends, motion: MotionModel, looks: Looks, n_animals: int) -> Links:
    """Compare each tracklet with those that ended shortly before it, and with lasting ones that ended long before."""
    n_recent = max(N_RECENT, 4 * n_animals)
    pools = [np.arange(len(tracklets)), np.flatnonzero(tracklets.lengths >= LASTING)]
    pools = [pool[np.argsort(tracklets.last_frames[pool], kind="stable")] for pool in pools]
    found: list[Links] = []
    for start in range(0, len(tracklets), _BLOCK):
        tails = np.arange(start, min(start + _BLOCK, len(tracklets)))
        pairs = [_pair(tracklets, pool, tails, n_recent) for pool in pools]
        codes = np.unique(np.concatenate(pairs))
        heads, followers = codes % len(tracklets), codes // len(tracklets)
        gaps = tracklets.first_frames[followers] - tracklets.last_frames[heads]
        gains = motion.compute_gains(ends, heads, followers, gaps) + looks.compute_gains(heads, followers)
        kept = _keep_best(followers, gains, max(N_BEST, 2 * n_animals))
        found.append(Links(heads[kept], followers[kept], gains[kept]))
    if not found:
        return Links(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    return Links(*(np.concatenate([getattr(f, name) for f in found]) for name in ("heads", "tails", "gains")))


def _pair(tracklets: Tracklets, pool: Int64, tails: Int64, n_recent: int) -> Int64:
    """Codes ``tail * T + head`` of the pairs of tails and the tracklets of a pool that ended last before them."""
    ended = np.searchsorted(tracklets.last_frames[pool], tracklets.first_frames[tails])
    places = ended[:, None] - np.arange(1, n_recent + 1)[None]
    rows, columns = np.nonzero(places >= 0)
    codes: Int64 = tails[rows] * len(tracklets) + pool[places[rows, columns]]
    return codes


def _keep_best(groups: Int64, gains: Float64, n_best: int) -> Int64:
    """Rows of the best links of each group."""
    order = np.lexsort((-gains, groups))
    starts = np.flatnonzero(np.append(True, groups[order][1:] != groups[order][:-1])[: len(order)])
    ranks = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    kept: Int64 = np.sort(order[ranks < n_best])
    return kept


def measure_worth(table: DetectionTable, tracklets: Tracklets, n_animals: int) -> Float64:
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
