"""Paths through tracklets, step by step, and how each was seen before and after a step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, Float64, Int32, Int64
from murid.identification.appearance_model import AppearanceFeatures
from murid.identification.motion import VELOCITY_S, Ends
from murid.identification.swap_appearance import SwapAppearance
from murid.identification.tracklets import Tracklets

NEVER = np.iinfo(np.int64).max // 4
"""Frame at which a path that ends goes on; negative, that at which a path was before it began."""
POOLED_PIECES = 150
"""Pieces of a path, on either side of a step, whose looks are pooled, and the rest of the tracklet
of the last."""


@dataclass(frozen=True, eq=False, slots=True)
class PathTransitions:
    """Steps of all paths from one tracklet to the next, with one into the first and one out of the last.

    Steps are ordered by path and then time, so that the step after one into a tracklet leads out of
    it.

    Attributes
    ----------
    paths : ndarray
        ``(S,)`` int64.
    heads, tails : ndarray
        ``(S,)`` int64 tracklets; -1 before the first and after the last.
    begins, ends : ndarray
        ``(S,)`` int64 frames: the last of the head, the first of the tail.
    """

    paths: Int64
    heads: Int64
    tails: Int64
    begins: Int64
    ends: Int64

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def inner(self) -> NDArray[np.bool_]:
        """``(S,)`` bool: whether a step leads from one tracklet to another."""
        return (self.heads >= 0) & (self.tails >= 0)

    def slices(self) -> Iterator[slice]:
        """Yield the steps of each path."""
        bounds = np.flatnonzero(np.concatenate([[True], self.paths[1:] != self.paths[:-1], [True]]))
        if len(self):
            yield from (slice(a, b) for a, b in pairwise(bounds.tolist()))


def list_transitions(paths: Int64, tracklets: Tracklets) -> PathTransitions:
    """List the steps of paths ``(T,)``, -1 = on none."""
    on = np.flatnonzero(paths >= 0)
    on = on[np.lexsort((tracklets.first_frames[on], paths[on]))]
    of = paths[on]
    starts = np.flatnonzero(np.append(True, of[1:] != of[:-1])[: len(of)])
    stops = np.append(starts[1:], len(on)) if len(on) else starts
    # One row more than tracklets for each path: a head of -1 at its start, a tail of -1 at its end.
    order = np.argsort(np.concatenate([np.arange(len(on)), starts - 0.5]), kind="stable")
    tails_first = np.concatenate([on, np.full(len(starts), -1)])[order]
    heads = tails_first
    ends_order = np.argsort(np.concatenate([np.arange(len(on)), stops - 0.5]), kind="stable")
    tails = np.concatenate([on, np.full(len(stops), -1)])[ends_order]
    numbers = np.concatenate([of, of[starts]])[order]
    begins = np.where(heads >= 0, tracklets.last_frames[heads], -NEVER)
    ends = np.where(tails >= 0, tracklets.first_frames[tails], NEVER)
    return PathTransitions(numbers, heads, tails, begins, ends)


@dataclass(frozen=True, eq=False, slots=True)
class UnoccludedEndpoints:
    """Where a path was last seen clear of others before each step, and first after it.

    Attributes
    ----------
    ends : Ends
        Of a made-up tracklet for each step: it ends where the path was last clear, and begins where
        it is so again.
    begins, finishes : ndarray
        ``(S,)`` int64 frames of these; -1 where there is none.
    last_rows, first_rows : ndarray
        ``(S,)`` int64 their places in the rows of the tracklets; -1 where there is none.
    """

    ends: Ends
    begins: Int64
    finishes: Int64
    last_rows: Int64
    first_rows: Int64


def find_unoccluded_endpoints(
    transitions: PathTransitions,
    tracklets: Tracklets,
    shapes: Float32,
    frames: Int32,
    clear: NDArray[np.bool_],
    fps: float,
) -> UnoccludedEndpoints:
    """Look for the clear sights around each step; `shapes`, `frames` and `clear` are in the order of the rows."""
    n, span = len(transitions), max(2, round(VELOCITY_S * fps))
    last, first = np.zeros((n, 4), np.float32), np.zeros((n, 4), np.float32)
    leaving, entering = np.zeros((n, 2)), np.zeros((n, 2))
    begins, finishes, last_rows, first_rows = np.full((4, n), -1, np.int64)
    moving = np.zeros(n, bool)
    for own in transitions.slices():
        on = transitions.tails[own][:-1]
        rows = np.concatenate(
            [np.arange(tracklets.offsets[k], tracklets.offsets[k + 1]) for k in on]
        )
        seen, at, index = shapes[rows], frames[rows], np.arange(len(rows))
        bounds = np.append(0, np.cumsum(tracklets.lengths[on]))
        back = np.maximum.accumulate(np.where(clear[rows], index, -1))
        ahead = np.minimum.accumulate(np.where(clear[rows], index, len(rows))[::-1])[::-1]
        i, j = np.append(-1, back)[bounds], np.append(ahead, len(rows))[bounds]
        begins[own] = np.where(i >= 0, at[np.maximum(i, 0)], -1)
        finishes[own] = np.where(j < len(rows), at[np.minimum(j, len(rows) - 1)], -1)
        last_rows[own] = np.where(begins[own] >= 0, rows[np.maximum(i, 0)], -1)
        i, j = np.maximum(i, 0), np.minimum(j, len(rows) - 1)
        first_rows[own] = np.where(finishes[own] >= 0, rows[j], -1)
        h, k = np.maximum(i - span, 0), np.minimum(j + span, len(rows) - 1)
        before, after = at[i] - at[h], at[k] - at[j]
        last[own], first[own] = seen[i], seen[j]
        leaving[own] = (seen[i, :2] - seen[h, :2]) / np.maximum(before, 1)[:, None]
        entering[own] = (seen[k, :2] - seen[j, :2]) / np.maximum(after, 1)[:, None]
        moving[own] = (np.minimum(before, after) >= 2) & (np.maximum(before, after) <= 2 * span)
    return UnoccludedEndpoints(
        Ends(first, last, entering, leaving, moving), begins, finishes, last_rows, first_rows
    )


@dataclass(frozen=True, eq=False, slots=True)
class PooledFeatures:
    """Looks of each path around its steps, averaged when they are asked for, since a day has many steps.

    Attributes
    ----------
    low, high : ndarray
        ``(S,)`` int64: the steps of the path up to which looks shortly before and after each step
        go.
    sums, counts : ndarray
        ``(p, S, r)`` float64 in each space of the contrast, and ``(S,)`` float64: all pieces of the
        path before each step.
    """

    low: Int64
    high: Int64
    sums: Float64
    counts: Float64

    def before(self, transitions: Int64, spaces: Int64) -> AppearanceFeatures:
        """Mean looks ``(k,)`` of paths shortly before some of their steps, in the space given for each."""
        return self.between(self.low[transitions], transitions, spaces)

    def after(self, transitions: Int64, spaces: Int64) -> AppearanceFeatures:
        """Mean looks ``(k,)`` of paths shortly after some of their steps."""
        return self.between(transitions, self.high[transitions], spaces)

    def between(self, first: Int64, last: Int64, spaces: Int64) -> AppearanceFeatures:
        """Mean looks ``(k,)`` of paths between two of their steps."""
        return _average(self._sum(first, last, spaces), self.counts[last] - self.counts[first])

    def around(self, first: Int64, last: Int64, spaces: Int64) -> AppearanceFeatures:
        """Mean looks ``(k,)`` of paths shortly before one of their steps and shortly after another."""
        low, high = self.low[first], self.high[last]
        counts = self.counts[first] - self.counts[low] + self.counts[high] - self.counts[last]
        return _average(self._sum(low, first, spaces) + self._sum(last, high, spaces), counts)

    def _sum(self, first: Int64, last: Int64, spaces: Int64) -> Float64:
        sums: Float64 = self.sums[spaces, last] - self.sums[spaces, first]
        return sums


def pool_features(transitions: PathTransitions, swap_appearance: SwapAppearance) -> PooledFeatures:
    """Pool the looks of each path's tracklets, as long as `POOLED_PIECES` on either side of each step."""
    n, (p, _, r) = len(transitions), swap_appearance.means.shape
    sums, counts = np.zeros((p, n, r)), np.zeros(n)
    low, high = np.arange(n), np.arange(n)
    for own in transitions.slices() if swap_appearance.calibration_weight else ():
        on = transitions.tails[own][:-1]
        seen = swap_appearance.counts[on]
        values = np.where(seen[:, None] > 0, swap_appearance.means[:, on] * seen[:, None], 0)
        sums[:, own] = np.concatenate([np.zeros((p, 1, r)), np.cumsum(values, axis=1)], axis=1)
        totals = np.append(0.0, np.cumsum(seen))
        counts[own] = totals
        low[own] = own.start + np.maximum(
            np.searchsorted(totals, totals - POOLED_PIECES, side="right") - 1, 0
        )
        high[own] = own.start + np.minimum(
            np.searchsorted(totals, totals + POOLED_PIECES), len(totals) - 1
        )
    return PooledFeatures(low, high, sums, counts)


def _average(sums: Float64, counts: Float64) -> AppearanceFeatures:
    some = np.where(counts > 0.5, counts, np.nan)
    return AppearanceFeatures(sums / some[:, None], counts)
