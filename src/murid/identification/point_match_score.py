"""What points of fur that were followed say for the names of paths, and for exchanging two of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, Float64, Int32, Int64
from murid.identification.point_matches import N_VISITS, PointMatches
from murid.identification.tracklets import Tracklets, count_up

ODDS_PER_POINT = 0.5
"""Logarithm of odds that each point adds: of 269 contacts with 5 to 10 points in the lead, 2 were
told wrongly."""
MOST_ODDS = 7.0
"""What all of them add at most."""
BLURRED = 0.5
"""Worth of points that went where only one of the two animals was seen, or through a box that may
have been of both."""


@dataclass(frozen=True, eq=False, slots=True)
class TrackletPointMatches:
    """Tracklets on which points were seen that had been on others before, as of `PointMatches`.

    Attributes
    ----------
    tails, ends : ndarray
        ``(K,)`` int64 tracklet, and the first frame in which the points are on it.
    heads, begins : ndarray
        ``(K, N_VISITS)`` int64 tracklets before, -1 = none, and the last frames on them.
    counts : ndarray
        ``(K, N_VISITS)`` float32 points.
    """

    tails: Int64
    heads: Int64
    ends: Int64
    begins: Int64
    counts: Float32

    def __len__(self) -> int:
        return len(self.tails)

    @classmethod
    def none(cls) -> TrackletPointMatches:
        """No ties."""
        none, nones = np.zeros(0, np.int64), np.zeros((0, N_VISITS), np.int64)
        return cls(none, nones, none, nones, nones.astype(np.float32))


def find_point_matches(
    point_matches: PointMatches, order: Int32, tracklets: Tracklets, frames: Int64
) -> TrackletPointMatches:
    """Tracklets of tied detections; `order` and `frames` ``(N,)`` are those of the sorted table."""
    numbers = np.full(len(order) + 1, -1, np.int64)
    numbers[order[tracklets.rows]] = tracklets.numbers
    when = np.zeros(len(order) + 1, np.int64)
    when[order] = frames
    k = numbers[point_matches.after] >= 0
    after, before = point_matches.after[k], point_matches.before[k]
    return TrackletPointMatches(
        numbers[after], numbers[before], when[after], when[before], point_matches.counts[k]
    )


class PointMatchScore:
    """What ties say for the names of paths.

    Parameters
    ----------
    point_matches : TrackletPointMatches
    paths : ndarray
        ``(T,)`` int64 path of each tracklet; -1 = none.
    seen : ndarray
        ``(n, F)`` bool: whether each path has a detection in each frame.
    merged : ndarray
        ``(T,)`` bool: whether the boxes of each tracklet may be of two animals.
    """

    def __init__(
        self,
        point_matches: TrackletPointMatches,
        paths: Int64,
        seen: NDArray[np.bool_],
        merged: NDArray[np.bool_],
    ) -> None:
        self._n, self._n_frames = seen.shape
        known, none = np.append(paths, -1), np.zeros(0, np.int64)
        blurred = _find_blurred(point_matches, np.append(merged, False))
        found = [
            (none, np.zeros(0), none, none),
            *_compare_pairs(point_matches, known, seen, blurred),
        ]
        pairs, signed, begins, ends = (np.concatenate(parts) for parts in zip(*found, strict=True))
        codes = pairs * self._n_frames
        order = np.argsort(codes + begins, kind="stable")
        self._spanned, self._signed = ends[order], signed[order]
        self._begins, self._begun = _accumulate(codes + begins, signed)
        self._ends, self._ended = _accumulate(codes + ends, signed)
        self._longest = int((ends - begins).max(initial=0))
        self._shares = _share_out(point_matches, known, self._n)

    def compare_exchanged(self, one: Int64, other: Int64, times: Int64) -> Float64:
        """Logarithms ``(k,)`` of how much likelier two paths are not exchanged after some frames than exchanged."""
        return _to_odds(self._count(_pair(one, other, self._n), times))

    def compare_stretches(self, one: Int64, other: Int64, times: Int64, later: Int64) -> Float64:
        """The same of two paths that may be exchanged between some frames and later ones."""
        pairs = _pair(one, other, self._n)
        llr = self._count(pairs, times) + self._count(pairs, later)
        times, later = (np.clip(t, 0, self._n_frames - 1) for t in (times, later))
        near = np.flatnonzero(later - times < self._longest)
        base = pairs[near] * self._n_frames
        low = np.searchsorted(self._begins, base + np.maximum(later[near] - self._longest, 0))
        high = np.searchsorted(self._begins, base + times[near], side="right")
        counts = np.maximum(high - low, 0)
        of, places = (
            np.repeat(np.arange(len(near)), counts),
            np.repeat(low, counts) + count_up(counts),
        )
        over = (
            self._spanned[places] > later[near][of]
        )  # from before to after: nothing of these would change
        llr[near] -= 2 * np.bincount(of[over], self._signed[places[over]], len(near))
        return _to_odds(llr)

    def compare_owners(self, tracklets: Int64, one: Int64, other: Int64) -> Float64:
        """Logarithms ``(k,)`` of how much likelier tracklets are of one path than of another."""
        return _to_odds(self._shares[tracklets, one] - self._shares[tracklets, other])

    def _count(self, pairs: Int64, times: Int64) -> Float64:
        """Points that stay on their path over a frame, less those that go over to the other."""
        keys = pairs * self._n_frames + np.clip(times, 0, self._n_frames - 1)
        begun = self._begun[np.searchsorted(self._begins, keys, side="right")]
        counts: Float64 = begun - self._ended[np.searchsorted(self._ends, keys, side="right")]
        return counts


def _find_blurred(
    point_matches: TrackletPointMatches, merged: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether points ``(K, N_VISITS)`` were in a box that may be of two animals, from each of their visits on."""
    between = np.logical_or.accumulate(merged[point_matches.heads], axis=1)
    blurred: NDArray[np.bool_] = merged[point_matches.tails][:, None] | between
    return blurred


def _compare_pairs(
    point_matches: TrackletPointMatches,
    paths: Int64,
    seen: NDArray[np.bool_],
    blurred: NDArray[np.bool_],
) -> Iterator[tuple[Int64, Float64, Int64, Int64]]:
    """Ties between each two paths: their number, points that stay (or, below 0, go over), and the frames they span.

    The latest visits count in which both paths are seen: elsewhere both animals may be in one box,
    and points of both.
    """
    n = len(seen)
    heads, tails = paths[point_matches.heads], paths[point_matches.tails]
    for p in range(n):
        for q in range(p + 1, n):
            both = seen[p] & seen[q]
            here, there = (heads == p) | (heads == q), (tails == p) | (tails == q)
            k = np.flatnonzero(there & here.any(axis=1))
            apart = both[point_matches.begins[k]] & here[k]
            sure = apart.any(axis=1)
            latest = np.where(sure, apart.argmax(axis=1), here[k].argmax(axis=1))
            begins = point_matches.begins[k, latest]
            clear = sure & both[point_matches.ends[k]] & ~blurred[k, latest]
            counts = point_matches.counts[k, latest] * np.where(clear, 1.0, BLURRED)
            signed = np.where(heads[k, latest] == tails[k], counts, -counts)
            yield np.full(len(k), p * n + q), signed, begins, point_matches.ends[k]


def _share_out(point_matches: TrackletPointMatches, paths: Int64, n: int) -> Float64:
    """Points ``(T, n)`` that each tracklet shares with those of each path before it and after it."""
    shares = np.zeros((len(paths) - 1, n))
    on = paths[point_matches.heads] >= 0
    first = on.argmax(axis=1)
    k = np.flatnonzero(on.any(axis=1) & (paths[point_matches.tails] >= 0))
    heads, counts = point_matches.heads[k, first[k]], point_matches.counts[k, first[k]]
    np.add.at(shares, (heads, paths[point_matches.tails[k]]), counts)
    np.add.at(shares, (point_matches.tails[k], paths[heads]), counts)
    return shares


def _pair(one: Int64, other: Int64, n: int) -> Int64:
    pairs: Int64 = np.minimum(one, other) * n + np.maximum(one, other)
    return pairs


def _accumulate(keys: Int64, counts: Float64) -> tuple[Int64, Float64]:
    order = np.argsort(keys, kind="stable")
    return keys[order], np.append(0.0, np.cumsum(counts[order]))


def _to_odds(points: Float64) -> Float64:
    odds: Float64 = np.clip(ODDS_PER_POINT * points, -MOST_ODDS, MOST_ODDS)
    return odds
