"""Appearance of each path before and after its transitions, pooled over many segments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.types import Float64, Int64
from murid.identification.appearance_models.appearance_model import (
    AppearanceFeatures,
    AppearanceModel,
)
from murid.identification.paths.transitions import PathTransitions

# Segments that are pooled on either side of a transition, rounded up to whole tracklets. More
# segments have less noise, but extend over more contacts, at which the path may have changed
# animals.
N_POOLED_SEGMENTS = 150


@dataclass(frozen=True, eq=False, slots=True)
class PooledFeatures:
    """Appearance of each path around its transitions.

    Means are computed when they are asked for, since a day of video has many transitions.

    Attributes
    ----------
    pool_begins, pool_ends : ndarray
        ``(S,)`` int64: the transitions of the same path between which appearance shortly before and
        shortly after each transition is pooled.
    sums : ndarray
        ``(p, S, r)`` float64: sum of all segments of the path before each transition, in the
        space of each fold of the appearance model.
    counts : ndarray
        ``(S,)`` float64: number of these segments.
    """

    pool_begins: Int64
    pool_ends: Int64
    sums: Float64
    counts: Float64

    def before(self, transitions: Int64, folds: Int64) -> AppearanceFeatures:
        """Return mean features ``(k,)`` shortly before transitions, in the space of a fold."""
        return self.between(self.pool_begins[transitions], transitions, folds)

    def after(self, transitions: Int64, folds: Int64) -> AppearanceFeatures:
        """Return mean features ``(k,)`` shortly after transitions."""
        return self.between(transitions, self.pool_ends[transitions], folds)

    def between(self, first: Int64, last: Int64, folds: Int64) -> AppearanceFeatures:
        """Return mean features ``(k,)`` of paths from one transition to a later one."""
        return _average(self._sum_between(first, last, folds), self.count_between(first, last))

    def count_between(self, first: Int64, last: Int64) -> Float64:
        """Return the number of segments ``(k,)`` from one transition to a later one of its path."""
        counts: Float64 = self.counts[last] - self.counts[first]
        return counts

    def around(self, first: Int64, last: Int64, folds: Int64) -> AppearanceFeatures:
        """Return mean features ``(k,)`` shortly before one transition and shortly after another."""
        begin = self.pool_begins[first]
        end = self.pool_ends[last]
        counts = self.counts[first] - self.counts[begin] + self.counts[end] - self.counts[last]
        sums_before = self._sum_between(begin, first, folds)
        sums_after = self._sum_between(last, end, folds)
        return _average(sums_before + sums_after, counts)

    def outside(self, first: Int64, last: Int64, path: slice, folds: Int64) -> AppearanceFeatures:
        """Return mean features ``(k,)`` of a path without the part between two transitions."""
        begin = np.full(len(first), path.start)
        end = np.full(len(first), path.stop - 1)
        counts = self.counts[end] - self.counts[begin] - (self.counts[last] - self.counts[first])
        whole = self._sum_between(begin, end, folds)
        return _average(whole - self._sum_between(first, last, folds), counts)

    def _sum_between(self, first: Int64, last: Int64, folds: Int64) -> Float64:
        sums: Float64 = self.sums[folds, last] - self.sums[folds, first]
        return sums


def pool_features(transitions: PathTransitions, appearance: AppearanceModel) -> PooledFeatures:
    """Return the pooled appearance of paths around their transitions."""
    n_transitions = len(transitions)
    n_folds, _, n_dims = appearance.means.shape
    sums = np.zeros((n_folds, n_transitions, n_dims))
    counts = np.zeros(n_transitions)
    pool_begins = np.arange(n_transitions)
    pool_ends = np.arange(n_transitions)
    # With a calibration weight of 0, appearance does not count and need not be pooled.
    for path in transitions.slices() if appearance.calibration_weight else ():
        tracklets = transitions.successors[path][:-1]
        n_segments = appearance.counts[tracklets]
        weighted = appearance.means[:, tracklets] * n_segments[:, None]
        values = np.where(n_segments[:, None] > 0, weighted, 0)
        before_first = np.zeros((n_folds, 1, n_dims))
        sums[:, path] = np.concatenate([before_first, np.cumsum(values, axis=1)], axis=1)
        totals = np.append(0.0, np.cumsum(n_segments))
        counts[path] = totals
        begins = np.searchsorted(totals, totals - N_POOLED_SEGMENTS, side="right") - 1
        ends = np.searchsorted(totals, totals + N_POOLED_SEGMENTS)
        pool_begins[path] = path.start + np.maximum(begins, 0)
        pool_ends[path] = path.start + np.minimum(ends, len(totals) - 1)
    return PooledFeatures(pool_begins, pool_ends, sums, counts)


def _average(sums: Float64, counts: Float64) -> AppearanceFeatures:
    """Return mean features, NaN where there is no segment."""
    # Counts are differences of sums of floats, so none is rarely exactly 0.
    known_counts = np.where(counts > 0.5, counts, np.nan)
    return AppearanceFeatures(sums / known_counts[:, None], counts)
