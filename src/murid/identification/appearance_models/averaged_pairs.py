"""Pairs of averages of several segments, and how much these averages differ.

Fur descriptors are noisy one by one. Averages of different numbers of segments separate this noise
from the variation that remains in the mean of many, such as pose and light.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.types import Bool, Float64, Int64
from murid.identification.appearance_models.pair_likelihood import (
    compute_alike_probabilities,
    compute_pair_llrs,
    fit_between_variance,
)
from murid.identification.appearance_models.pair_sampling import (
    SIMULTANEOUS_S,
    sample_different_pairs,
    sample_same_pairs,
    subsample_pairs,
    subtract_pairs,
)
from murid.identification.appearance_models.tracklet_features import (
    FOLD_BLOCK_S,
    SEGMENT_S,
    TrackletFeatures,
    sum_by_group,
)

# Segments that are averaged before they are compared: alone, for 2 s and for 8 s. Fur descriptors
# are noisy one by one and only help in the mean of many.
_N_AVERAGED = (1, 4, 16)
# Lower bound of the within-animal variance, as a share of that of single segments: however many are
# averaged, pose and light stay.
_MIN_VARIANCE_SHARE = 0.02
# Test pairs of each kind and length.
_MAX_TEST_PAIRS = 4000


@dataclass(frozen=True, eq=False, slots=True)
class AveragedPairs:
    """Pairs of averages of segments.

    Attributes
    ----------
    differences : ndarray
        ``(E, r)`` float64.
    noise_shares : ndarray
        ``(E,)`` float64: the noise of a single segment counts in their variance by this factor.
    is_same : ndarray
        ``(E,)`` bool: whether both averages are of one animal.
    """

    differences: Float64
    noise_shares: Float64
    is_same: Bool


@dataclass(frozen=True, eq=False, slots=True)
class PairVariances:
    """Variances ``(r,)`` within and between animals, and the noise of a segment, added to both."""

    within: Float64
    between: Float64
    noise: Float64
    alike_share: float

    def compute_coat_llrs(self, pairs: AveragedPairs, n_coat_axes: int) -> Float64:
        """Return log-likelihood ratios ``(E,)`` of "same animal" by the coat axes alone."""
        noise = self.noise * pairs.noise_shares[:, None]
        within = self.within + noise
        between = self.between + noise
        return compute_pair_llrs(
            pairs.differences[:, :n_coat_axes],
            within[:, :n_coat_axes],
            between[:, :n_coat_axes],
            self.alike_share,
        )

    def compute_llrs(self, pairs: AveragedPairs, n_coat_axes: int) -> Float64:
        """Return log-likelihood ratios ``(E,)`` of "same animal" by all axes."""
        noise = self.noise * pairs.noise_shares[:, None]
        return compute_pair_llrs(
            pairs.differences,
            self.within + noise,
            self.between + noise,
            self.alike_share,
            n_coat_axes,
        )


def sample_averaged_pairs(
    segments: TrackletFeatures, rng: np.random.Generator
) -> list[AveragedPairs]:
    """Draw pairs of averages of each length in `_N_AVERAGED`."""
    # Segments are averaged only within one owner and one block of time.
    blocks = (segments.times_s // FOLD_BLOCK_S).astype(np.int64)
    n_blocks = int(segments.times_s.max(initial=0) // FOLD_BLOCK_S) + 1
    codes = segments.tracklets * n_blocks + blocks
    _, firsts, runs = np.unique(codes, return_index=True, return_inverse=True)
    ranks = np.arange(len(codes)) - firsts[runs]
    tests = []
    for n_averaged in _N_AVERAGED:
        _, groups = np.unique(
            np.column_stack([runs, ranks // n_averaged]), axis=0, return_inverse=True
        )
        averages, counts = _average_groups(segments, groups.ravel(), n_averaged / 2)
        max_lag_s = max(SIMULTANEOUS_S, n_averaged * SEGMENT_S / 2)
        same = sample_same_pairs(averages, rng)
        different = sample_different_pairs(averages, rng, max_lag_s)
        same = subsample_pairs(same, rng, _MAX_TEST_PAIRS)
        different = subsample_pairs(different, rng, _MAX_TEST_PAIRS)
        pairs = np.concatenate([same, different])
        tests.append(
            AveragedPairs(
                subtract_pairs(averages.features, pairs),
                1 / counts[pairs[:, 0]] + 1 / counts[pairs[:, 1]],
                np.repeat([True, False], [len(same), len(different)]),
            )
        )
    return tests


def _average_groups(
    segments: TrackletFeatures, groups: Int64, min_count: float
) -> tuple[TrackletFeatures, Float64]:
    """Average the segments of groups ``(P,)`` larger than `min_count`; return their sizes too."""
    columns: Float64 = np.column_stack([segments.tracklets, segments.times_s, segments.features])
    sums, counts = sum_by_group(columns, groups, int(groups.max(initial=-1)) + 1)
    means = sums / counts[:, None]
    kept = counts > min_count
    means = means[kept]
    owners = means[:, 0].round().astype(np.int64)
    return TrackletFeatures(owners, means[:, 1], means[:, 2:]), counts[kept]


def estimate_variances(tests: list[AveragedPairs], n_coat_axes: int) -> PairVariances:
    """Estimate the variances from averages of few and of many segments."""
    short = tests[0]
    long = tests[-1]
    # Averages of many segments vary less: the difference is the noise of a single segment.
    short_variance = np.square(short.differences[short.is_same]).mean(axis=0)
    long_variance = np.square(long.differences[long.is_same]).mean(axis=0)
    short_share = short.noise_shares[short.is_same].mean()
    long_share = long.noise_shares[long.is_same].mean()
    excess = np.maximum(short_variance - long_variance, 0)
    noise = excess / max(short_share - long_share, 1e-6)
    noise_free = long_variance - noise * long_share
    within = np.maximum(noise_free, _MIN_VARIANCE_SHARE * short_variance)
    within = np.maximum(within, 1e-9)
    # Between animals, weight pairs by the probability that their coats look alike.
    differences = long.differences[~long.is_same]
    blur = noise * long.noise_shares[~long.is_same].mean()
    coat_differences = differences[:, :n_coat_axes]
    coat_within = (within + blur)[:n_coat_axes]
    coat_between, alike_share = fit_between_variance(coat_differences, coat_within)
    weights = compute_alike_probabilities(coat_differences, coat_within, coat_between, alike_share)
    between = np.average(np.square(differences), axis=0, weights=weights + 1e-9)
    between[:n_coat_axes] = coat_between
    return PairVariances(within, np.maximum(between - blur, within), noise, alike_share)
