"""The appearance model: log-likelihood ratios of links and swaps, from the appearance of tracklets.

Links are scored by the difference of two tracklets. For a swap of two animals, their difference
before it is compared with the difference after it. A positive inner product speaks against a swap,
a negative one for it. Both differences are means of separate images, as in the cross-validated
distance of Walther et al. (NeuroImage 2016), so noise does not bias the product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_expit, log_ndtr

from murid.core.records import ArrayRecord
from murid.core.types import Float32, Float64, Int64
from murid.identification.appearance_models.pair_likelihood import (
    compute_pair_llrs,
    compute_unlike_probabilities,
)
from murid.identification.appearance_models.tracklet_features import find_folds

# Largest absolute log-likelihood ratio that appearance may contribute to one link, and to one swap.
# A higher bound lets a few unusual images overrule motion.
MAX_LINK_LLR = 8.0
MAX_SWAP_LLR = 32.0
# The bound is tighter where one of the animals has few segments: consecutive segments may all show
# the same half of an animal. It is this number for each segment, and one more.
LLR_BOUND_PER_SEGMENT = 2.0
# How much larger the variance of a single segment is than that of many, compared with independent
# segments.
SINGLE_SEGMENT_EXCESS = 1.0


@dataclass(frozen=True, eq=False, slots=True)
class AppearanceFeatures(ArrayRecord):
    """Mean features of tracklets, paths or other groups of segments.

    Attributes
    ----------
    means : ndarray
        ``(n, r)`` float64, NaN where unknown.
    counts : ndarray
        ``(n,)`` float64 effective number of segments that each is the mean of.
    """

    means: Float64
    counts: Float64


FeaturePair = tuple[AppearanceFeatures, AppearanceFeatures]
"""Features ``(k,)`` of two animals at k moments."""


@dataclass(frozen=True, eq=False, slots=True)
class AppearanceSpaces(ArrayRecord):
    """How much segments differ in the space of each of p folds.

    Attributes
    ----------
    within, between : ndarray
        ``(p, r)`` float64 variances of the differences of two segments of one animal, and of two
        animals that do not look alike.
    alike_shares : ndarray
        ``(p,)`` float64 share of pairs of animals that look alike, as two of one coat do.
    noise_traces : ndarray
        ``(p,)`` float64 trace of the within-animal covariance of a segment.
    noise_square_traces : ndarray
        ``(p,)`` float64 trace of the square of that covariance.
    """

    within: Float64
    between: Float64
    alike_shares: Float64
    noise_traces: Float64
    noise_square_traces: Float64


@dataclass(frozen=True, eq=False, slots=True)
class AppearanceModel:
    """Mean features of tracklets in spaces that separate the animals best.

    There is one space for each fold of the recording, fitted on the other folds. The tracklets of
    the fold are compared in it. A space that was fitted on a wrongly joined tracklet would hide the
    mistake.

    Attributes
    ----------
    means : ndarray
        ``(p, T, r)`` float32 mean features of the tracklets in each space, NaN where unknown.
    counts : ndarray
        ``(T,)`` float64 effective number of segments: similar consecutive ones count less.
    spaces : AppearanceSpaces
    calibration_weight : float
        Factor in [0, 1] of the log-likelihood ratios; 0 = they are 0.
    coats_only : bool
        Whether the features describe coats only. Then two animals of one coat differ only by
        position and light, which is no evidence.
    n_animals : int
    """

    means: Float32
    counts: Float64
    spaces: AppearanceSpaces
    calibration_weight: float
    coats_only: bool = False
    n_animals: int = 2

    @classmethod
    def uninformative(cls, n_tracklets: int) -> AppearanceModel:
        """Return one whose log-likelihood ratios are 0."""
        ones = np.ones(1)
        return cls(
            np.full((1, n_tracklets, 1), np.nan, np.float32),
            np.zeros(n_tracklets),
            AppearanceSpaces(np.ones((1, 1)), np.ones((1, 1)), ones / 2, ones, ones),
            0.0,
        )

    def find_folds(self, times_s: Float64) -> Int64:
        """Return the fold ``(k,)`` of each time, in whose space to compare."""
        return find_folds(times_s, len(self.means))

    def get_features(self, tracklets: Int64, folds: Int64) -> AppearanceFeatures:
        """Return the features ``(k,)`` of tracklets in the spaces of folds."""
        means = self.means[folds, tracklets].astype(np.float64)
        return AppearanceFeatures(means, self.counts[tracklets])

    def compute_link_llrs(self, predecessors: Int64, successors: Int64, folds: Int64) -> Float64:
        """Return log-likelihood ratios ``(k,)`` that pairs of tracklets are the same animal.

        They are 0 where one of the tracklets has no features. The alternative is a random animal,
        as that of motion, which is the same one in one of N cases. So a perfect likeness counts as
        much as the knowledge which of N animals it is.
        """
        one = self.get_features(predecessors, folds)
        other = self.get_features(successors, folds)
        known = (one.counts > 0) & (other.counts > 0)
        differences = np.nan_to_num(one.means - other.means)
        llrs = compute_pair_llrs(
            differences,
            self.spaces.within[folds],
            self.spaces.between[folds],
            self.spaces.alike_shares[folds],
        )
        log_other = np.log1p(-1 / self.n_animals) - self.calibration_weight * llrs
        random_llrs = -np.logaddexp(-np.log(self.n_animals), log_other)
        return np.where(known, np.maximum(random_llrs, -MAX_LINK_LLR), 0)

    def compare_swapped(self, before: FeaturePair, after: FeaturePair, folds: Int64) -> Float64:
        """Return log-likelihood ratios ``(k,)`` of "not swapped" to "swapped" for two animals.

        Where one of the four features is unknown, the other animal of its side is compared with
        both animals of the opposite side.
        """
        first_before, second_before = before
        first_after, second_after = after
        llrs = self._compute_difference_llrs(before, after, folds)
        # (partner, features, same animal on the other side, other animal there): the features are
        # compared alone where the partner, on their own side, is unknown.
        comparisons = (
            (second_after, first_after, first_before, second_before),
            (first_after, second_after, second_before, first_before),
            (second_before, first_before, first_after, second_after),
            (first_before, second_before, second_after, first_after),
        )
        for partner, *compared in comparisons:
            rows = np.flatnonzero(partner.counts <= 0)
            features, same, other = (own.select(rows) for own in compared)
            llrs[rows] += self.compare_owners(features, same, other, folds[rows])
        return llrs

    def compare_owners(
        self,
        features: AppearanceFeatures,
        one: AppearanceFeatures,
        other: AppearanceFeatures,
        folds: Int64,
    ) -> Float64:
        """Return log-likelihood ratios ``(k,)`` of "features are of one animal" to "of the other".

        They are 0 where one of the three is unknown.
        """
        noise = self.spaces.noise_traces[folds]
        noise_square = self.spaces.noise_square_traces[folds]
        axis_variance = self._compute_axis_variance(folds)
        share = _compute_variance_share(features)
        share_one = _compute_variance_share(one)
        share_other = _compute_variance_share(other)
        # Subtract the expected noise of the squared distance between both animals.
        difference = one.means - other.means
        blur = share_one + share_other
        squared_distance = np.maximum(np.square(difference).sum(axis=1) - noise * blur, 0)
        # Project on the line through both, from the middle, without the bias of unequal noise.
        middle = (one.means + other.means) / 2
        projection = ((features.means - middle) * difference).sum(axis=1)
        projection += noise / 2 * (share_one - share_other)
        variance = (
            axis_variance * squared_distance * (share + blur / 4) + noise_square * share * blur
        )
        llrs = squared_distance * projection / (variance + 1e-9)
        unlike = self._compute_unlike_probabilities(difference, folds)
        return self._calibrate(llrs, unlike, features, one, other)

    def _compute_difference_llrs(
        self, before: FeaturePair, after: FeaturePair, folds: Int64
    ) -> Float64:
        """Return log-likelihood ratios ``(k,)`` from differences before and after; 0 if unknown."""
        noise_square = self.spaces.noise_square_traces[folds]
        axis_variance = self._compute_axis_variance(folds)
        early = before[0].means - before[1].means
        late = after[0].means - after[1].means
        early_share = _compute_variance_share(before[0]) + _compute_variance_share(before[1])
        late_share = _compute_variance_share(after[0]) + _compute_variance_share(after[1])
        # The product is positive if not swapped; its variance is that of noise times noise, and of
        # noise times the true difference.
        product = (early * late).sum(axis=1)
        variance = early_share * late_share * noise_square + (
            early_share + late_share
        ) * axis_variance * np.abs(product)
        score = product / np.sqrt(variance + 1e-9)
        # Every true distance between the two animals is equally likely a priori.
        llrs = log_ndtr(score) - log_ndtr(-score)
        unlike = np.minimum(
            self._compute_unlike_probabilities(early, folds),
            self._compute_unlike_probabilities(late, folds),
        )
        return self._calibrate(llrs, unlike, *before, *after)

    def _compute_axis_variance(self, folds: Int64) -> Float64:
        """Return the within-animal variance ``(k,)`` of a segment along a typical direction."""
        variance: Float64 = self.spaces.noise_square_traces[folds] / np.maximum(
            self.spaces.noise_traces[folds], 1e-9
        )
        return variance

    def _compute_unlike_probabilities(self, differences: Float64, folds: Int64) -> Float64:
        """Return the probabilities ``(k,)`` that the difference of two animals identifies them."""
        if not self.coats_only:
            return np.ones(len(folds))
        return compute_unlike_probabilities(
            np.nan_to_num(differences),
            self.spaces.within[folds],
            self.spaces.between[folds],
            self.spaces.alike_shares[folds],
        )

    def _calibrate(self, llrs: Float64, unlike: Float64, *compared: AppearanceFeatures) -> Float64:
        """Calibrate log-likelihood ratios, mix in look-alikes, and bound them by the counts.

        With probability ``1 - unlike`` the animals look alike: then both hypotheses are equally
        likely.
        """
        calibrated = self.calibration_weight * np.nan_to_num(llrs)
        with np.errstate(divide="ignore"):
            log_unlike = np.log(unlike)
            log_alike = np.log1p(-unlike) - np.log(2)
        not_swapped = np.logaddexp(log_unlike + log_expit(calibrated), log_alike)
        swapped = np.logaddexp(log_unlike + log_expit(-calibrated), log_alike)
        min_count = np.min([features.counts for features in compared], axis=0)
        bound = compute_llr_bound(min_count)
        return np.asarray(np.clip(not_swapped - swapped, -bound, bound), np.float64)


def compute_llr_bound(counts: Float64) -> Float64:
    """Return the largest log-likelihood ratio ``(k,)`` of a swap, of features of some segments."""
    return np.minimum(LLR_BOUND_PER_SEGMENT * (1 + counts), MAX_SWAP_LLR)


def _compute_variance_share(features: AppearanceFeatures) -> Float64:
    """Return the variance ``(k,)`` of mean features, in units of that of a single segment."""
    counts = np.maximum(features.counts, 1)
    shares: Float64 = (1 + SINGLE_SEGMENT_EXCESS / counts) / counts
    return shares
