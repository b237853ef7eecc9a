"""The point-match score: evidence of tracked points of fur against swaps and reassignments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from murid.core.ranges import concatenate_ranges
from murid.core.records import ArrayRecord
from murid.core.types import Bool, Float32, Float64, Int32, Int64
from murid.identification.point_matches import N_VISITS, PointMatches
from murid.identification.tracklets import Tracklets

# Log-likelihood ratio of one point. In 2 of 269 contacts with a majority of 5 to 10 points, the
# majority was wrong.
LLR_PER_POINT = 0.5
# Largest absolute log-likelihood ratio of all points together: points of one animal are not
# independent.
MAX_POINT_LLR = 7.0
# Weight of an uncertain point: only one of the two animals is detected there, or the point was in a
# box that may be merged. 14 to 30 % of such points are on the wrong animal, 4 % of others.
UNCERTAIN_WEIGHT = 0.5


@dataclass(frozen=True, eq=False, slots=True)
class TrackletPointMatches:
    """Point matches between tracklets instead of detections.

    Attributes
    ----------
    successors, ends : ndarray
        ``(K,)`` int64 later tracklet, and the first frame in which the points are on it.
    predecessors, begins : ndarray
        ``(K, N_VISITS)`` int64 earlier tracklets, the latest first, -1 = none, and the last frames
        on them.
    counts : ndarray
        ``(K, N_VISITS)`` float32 number of points.
    """

    successors: Int64
    predecessors: Int64
    ends: Int64
    begins: Int64
    counts: Float32

    def __len__(self) -> int:
        return len(self.successors)

    @classmethod
    def empty(cls) -> TrackletPointMatches:
        """Return no matches."""
        none = np.zeros(0, np.int64)
        no_visits = np.zeros((0, N_VISITS), np.int64)
        return cls(none, no_visits, none, no_visits, no_visits.astype(np.float32))


def find_point_matches(
    point_matches: PointMatches, order: Int32, tracklets: Tracklets, frames: Int64
) -> TrackletPointMatches:
    """Return the point matches with tracklets and frames in place of detections.

    Point matches refer to rows of the unsorted detection table. `order` ``(N,)`` sorts it; `frames`
    ``(N,)`` and the rows of the tracklets refer to the sorted one.
    """
    # One row more than detections, which row -1 selects.
    tracklet_of = np.full(len(order) + 1, -1, np.int64)
    tracklet_of[order[tracklets.rows]] = tracklets.numbers
    frame_of = np.zeros(len(order) + 1, np.int64)
    frame_of[order] = frames
    known = point_matches.select(tracklet_of[point_matches.after] >= 0)
    return TrackletPointMatches(
        tracklet_of[known.after],
        tracklet_of[known.before],
        frame_of[known.after],
        frame_of[known.before],
        known.counts,
    )


class PointMatchScore:
    """Log-likelihood ratios of swaps and reassignments from the points that paths have in common.

    Parameters
    ----------
    point_matches : TrackletPointMatches
    paths : ndarray
        ``(T,)`` int64 path of each tracklet; -1 = none.
    detected : ndarray
        ``(n, F)`` bool: whether each path has a detection in each frame.
    merged : ndarray
        ``(T,)`` bool: whether the boxes of each tracklet may be of two animals.
    """

    def __init__(
        self,
        point_matches: TrackletPointMatches,
        paths: Int64,
        detected: Bool,
        merged: Bool,
    ) -> None:
        self._n_paths, self._n_frames = detected.shape
        # One more, which tracklet -1 selects.
        padded_paths = np.append(paths, -1)
        uncertain = _find_uncertain(point_matches, np.append(merged, False))
        path_matches = replace(
            point_matches,
            predecessors=padded_paths[point_matches.predecessors],
            successors=padded_paths[point_matches.successors],
        )
        pairs = combinations(range(self._n_paths), 2)
        found = [_find_pair_matches(path_matches, detected, uncertain, *pair) for pair in pairs]
        matches = _PairMatches.concatenate([_PairMatches.empty(), *found])
        # Sorted keys of pair and frame, so that sums up to a frame are found by bisection.
        first_keys = matches.pairs * self._n_frames + matches.begins
        last_keys = matches.pairs * self._n_frames + matches.ends
        self._begins = _CumulativeSum.of(first_keys, matches.signed)
        self._ends = _CumulativeSum.of(last_keys, matches.signed)
        order = np.argsort(first_keys, kind="stable")
        self._sorted_ends = matches.ends[order]
        self._sorted_signed = matches.signed[order]
        self._max_span = int((matches.ends - matches.begins).max(initial=0))
        self._points_by_path = _count_points_by_path(point_matches, padded_paths, self._n_paths)

    def compare_swapped(self, one: Int64, other: Int64, frames: Int64) -> Float64:
        """Return log-likelihood ratios ``(k,)`` of "not swapped" to "swapped" after a frame."""
        return _to_llrs(self._count_points(self._encode_pairs(one, other), frames))

    def compare_intervals(
        self, one: Int64, other: Int64, first_frames: Int64, last_frames: Int64
    ) -> Float64:
        """Return log-likelihood ratios ``(k,)`` of "not swapped" to "swapped" in an interval."""
        pairs = self._encode_pairs(one, other)
        points = self._count_points(pairs, first_frames) + self._count_points(pairs, last_frames)
        first_frames = np.clip(first_frames, 0, self._n_frames - 1)
        last_frames = np.clip(last_frames, 0, self._n_frames - 1)
        # Matches from before the interval to after it are not affected by the swap, but were
        # counted at both of its ends. Only a short interval can have some.
        short = np.flatnonzero(last_frames - first_frames < self._max_span)
        base = pairs[short] * self._n_frames
        earliest = np.maximum(last_frames[short] - self._max_span, 0)
        low = np.searchsorted(self._begins.keys, base + earliest)
        high = np.searchsorted(self._begins.keys, base + first_frames[short], side="right")
        counts = np.maximum(high - low, 0)
        intervals = np.repeat(np.arange(len(short)), counts)
        matches = np.repeat(low, counts) + concatenate_ranges(counts)
        spanning = self._sorted_ends[matches] > last_frames[short][intervals]
        spanning_points = np.bincount(
            intervals[spanning], self._sorted_signed[matches[spanning]], len(short)
        )
        points[short] -= 2 * spanning_points
        return _to_llrs(points)

    def compare_owners(self, tracklets: Int64, one: Int64, other: Int64) -> Float64:
        """Return log-likelihood ratios ``(k,)`` of "of one path" to "of the other" of tracklets."""
        points = self._points_by_path[tracklets, one] - self._points_by_path[tracklets, other]
        return _to_llrs(points)

    def _encode_pairs(self, one: Int64, other: Int64) -> Int64:
        pairs: Int64 = np.minimum(one, other) * self._n_paths + np.maximum(one, other)
        return pairs

    def _count_points(self, pairs: Int64, frames: Int64) -> Float64:
        """Count points that stay on their path over a frame, minus those that change paths."""
        keys = pairs * self._n_frames + np.clip(frames, 0, self._n_frames - 1)
        counts: Float64 = self._begins.sum_until(keys) - self._ends.sum_until(keys)
        return counts


@dataclass(frozen=True, eq=False, slots=True)
class _CumulativeSum:
    """Sums of values by sorted keys ``(K,)``."""

    keys: Int64
    sums: Float64

    @classmethod
    def of(cls, keys: Int64, values: Float64) -> _CumulativeSum:
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], np.append(0.0, np.cumsum(values[order])))

    def sum_until(self, keys: Int64) -> Float64:
        """Return the sums ``(k,)`` of values with keys up to each of these."""
        sums: Float64 = self.sums[np.searchsorted(self.keys, keys, side="right")]
        return sums


@dataclass(frozen=True, eq=False, slots=True)
class _PairMatches(ArrayRecord):
    """Point matches between two paths.

    Attributes
    ----------
    pairs : ndarray
        ``(K,)`` int64 number of the pair of paths.
    signed : ndarray
        ``(K,)`` float64 weighted number of points that stay on their path; negative if they change
        to the other one.
    begins, ends : ndarray
        ``(K,)`` int64 frames from which and to which the points were tracked.
    """

    pairs: Int64
    signed: Float64
    begins: Int64
    ends: Int64

    @classmethod
    def empty(cls) -> _PairMatches:
        none = np.zeros(0, np.int64)
        return cls(none, np.zeros(0), none, none)


def _find_uncertain(point_matches: TrackletPointMatches, merged: Bool) -> Bool:
    """Return whether points ``(K, N_VISITS)`` were in a merged box on or after each visit."""
    passed_merged = np.logical_or.accumulate(merged[point_matches.predecessors], axis=1)
    return np.asarray(merged[point_matches.successors][:, None] | passed_merged, np.bool_)


def _find_pair_matches(
    path_matches: TrackletPointMatches, detected: Bool, uncertain: Bool, first: int, second: int
) -> _PairMatches:
    """Return the point matches between two paths.

    `path_matches` refer to paths instead of tracklets. The latest visit of a point at which both
    paths are detected counts. At other visits, one box may show both animals and points of both.
    """
    predecessors = path_matches.predecessors
    successors = path_matches.successors
    from_pair = (predecessors == first) | (predecessors == second)
    to_pair = (successors == first) | (successors == second)
    matches = np.flatnonzero(to_pair & from_pair.any(axis=1))
    from_pair = from_pair[matches]
    # The latest visit with both paths detected, else the latest visit at all.
    both_detected = detected[first] & detected[second]
    separate = both_detected[path_matches.begins[matches]] & from_pair
    has_separate = separate.any(axis=1)
    visits = np.where(has_separate, separate.argmax(axis=1), from_pair.argmax(axis=1))
    begins = path_matches.begins[matches, visits]
    ends = path_matches.ends[matches]
    # Points count less where it is not certain that they stayed on their animal.
    certain = has_separate & both_detected[ends] & ~uncertain[matches, visits]
    weights = np.where(certain, 1.0, UNCERTAIN_WEIGHT)
    counts = path_matches.counts[matches, visits] * weights
    stays = predecessors[matches, visits] == successors[matches]
    pairs = np.full(len(matches), first * len(detected) + second)
    return _PairMatches(pairs, np.where(stays, counts, -counts), begins, ends)


def _count_points_by_path(
    point_matches: TrackletPointMatches, paths: Int64, n_paths: int
) -> Float64:
    """Count the points ``(T, n)`` that tracklets have in common with paths before and after."""
    points = np.zeros((len(paths) - 1, n_paths))
    on_path = paths[point_matches.predecessors] >= 0
    # Only the latest visit on a path counts.
    visits = on_path.argmax(axis=1)
    matches = np.flatnonzero(on_path.any(axis=1) & (paths[point_matches.successors] >= 0))
    predecessors = point_matches.predecessors[matches, visits[matches]]
    successors = point_matches.successors[matches]
    counts = point_matches.counts[matches, visits[matches]]
    np.add.at(points, (predecessors, paths[successors]), counts)
    np.add.at(points, (successors, paths[predecessors]), counts)
    return points


def _to_llrs(points: Float64) -> Float64:
    llrs: Float64 = np.clip(LLR_PER_POINT * points, -MAX_POINT_LLR, MAX_POINT_LLR)
    return llrs
