"""Features of tracklets: embeddings, size and fur descriptors, as means over short segments."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, Float64, Index, Int64

# Length of the segments over which features are averaged. Longer segments have less noise, but
# there are fewer of them.
SEGMENT_S = 0.5
# Blocks of this length alternate between the folds of a cross-validation. It is much longer than a
# segment, so that neighbouring, nearly equal segments rarely fall into different folds.
FOLD_BLOCK_S = 10.0
# Below this frame rate, a frame counts as this part of a second where times of segments are
# compared: lags and blocks in seconds then have at least as many frames as they have seconds.
MIN_FPS = 1.0


@dataclass(frozen=True, eq=False, slots=True)
class FurDescriptors:
    """Fur descriptors of some detections.

    Attributes
    ----------
    rows : ndarray
        ``(K,)`` int64 rows of the detections in the whole recording, ascending.
    values : ndarray
        ``(K, p)`` float.
    """

    rows: Int64
    values: NDArray[np.floating]


@dataclass(frozen=True, eq=False, slots=True)
class TrackletFeatures:
    """Mean features of short segments of tracklets.

    Attributes
    ----------
    tracklets : ndarray
        ``(P,)`` int64 tracklet of each segment, ascending.
    times_s : ndarray
        ``(P,)`` float64 mean time of each segment, in seconds.
    features : ndarray
        ``(P, d)`` float32 or float64.
    fur_rows : ndarray
        ``(Q,)`` int64 rows of the segments that have fur descriptors.
    fur_features : ndarray
        ``(Q, p)`` float32 kernel features of these descriptors.
    """

    tracklets: Int64
    times_s: Float64
    features: Float32 | Float64
    fur_rows: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))
    fur_features: Float32 = field(default_factory=lambda: np.zeros((0, 1), np.float32))

    def __len__(self) -> int:
        return len(self.times_s)

    def select(self, rows: Index) -> TrackletFeatures:
        """Return some segments, without their fur features."""
        return TrackletFeatures(self.tracklets[rows], self.times_s[rows], self.features[rows])

    def sort_by_group(self, groups: Int64) -> Int64:
        """Return the order ``(P,)`` of the segments by the group ``(T,)`` of their tracklet."""
        return np.argsort(groups[self.tracklets], kind="stable")

    def regroup(self, groups: Int64) -> TrackletFeatures:
        """Return the segments with groups ``(T,)`` in place of tracklets, ordered by group."""
        renumbered = TrackletFeatures(groups[self.tracklets], self.times_s, self.features)
        return renumbered.select(self.sort_by_group(groups))


def sum_by_group(
    values: Float32 | Float64, groups: Int64, n_groups: int
) -> tuple[Float64, Float64]:
    """Return sums ``(n_groups, d)`` and counts ``(n_groups,)`` of the rows ``(n, d)`` by group."""
    sums = np.column_stack([np.bincount(groups, column, n_groups) for column in values.T])
    counts = np.bincount(groups, minlength=n_groups)
    return sums.astype(np.float64), counts.astype(np.float64)


def compute_appearance_times(frames: NDArray[np.integer] | Float64, fps: float) -> Float64:
    """Return times ``(n,)`` in seconds, for lags between segments; see `MIN_FPS`."""
    times_s: Float64 = frames / max(fps, MIN_FPS)
    return times_s


def find_folds(times_s: Float64, n_folds: int) -> Int64:
    """Return the fold ``(n,)`` of each time: blocks of `FOLD_BLOCK_S` in turn."""
    return (times_s // FOLD_BLOCK_S).astype(np.int64) % n_folds
