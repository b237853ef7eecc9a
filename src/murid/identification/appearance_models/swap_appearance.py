"""Whether the appearance of two animals speaks for or against a swap between them.

The difference of the two animals before a possible swap is compared with the difference after it. A
positive inner product speaks against a swap, a negative one for it. Both differences are means of
separate images, as in the cross-validated distance of Walther et al. (NeuroImage 2016), so noise
does not bias the product.

The within-animal variation is estimated from single tracklets, and with a small weight from groups
of tracklets: a group that contains two animals by mistake would take their difference for variation
and hide the mistake. For the same reason a part of the recording is compared in a space that was
fitted without it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit, log_ndtr

from murid.core.types import Bool, Float32, Float64, Int64
from murid.identification.appearance_models.appearance_model import FOLD_BLOCK_S, AppearanceFeatures
from murid.identification.appearance_models.discriminants import (
    TrackletFeatures,
    compute_mean_scatter,
    compute_pair_llrs,
    compute_scatter,
    fit_between_variance,
    fit_student_variance,
    sample_different_pairs,
    sample_same_pairs,
    solve_discriminants,
    subtract_pairs,
    sum_by_group,
)

# Largest absolute log-likelihood ratio that appearance may contribute to one decision.
MAX_SWAP_LLR = 32.0
# The bound is tighter where the animal seen least has few segments: a segment may show half of an
# animal, and then so do those next to it. It starts at the first number and rises with each segment
# by the second.
MIN_LLR_BOUND = 2.0
LLR_BOUND_PER_SEGMENT = 2.0
# Segments of a group further apart than this are not used for the within-animal variation.
MAX_LAG_S = 20.0
# Variance of a mean of n segments, in units of that of n independent ones: for large n, and how
# much larger it is for n = 1.
DEPENDENCE = 0.9
SINGLE_SEGMENT_EXCESS = 1.0
# A segment counts in full if its squared difference from the one before reaches half of the mean
# one. The counts of an animal that does not move hardly grow.
NOVELTY_WEIGHT = 2.0
_N_FOLDS = 5
_MAX_AXES = 8
# Weight of the within-group scatter beside the within-tracklet scatter.
_GROUP_WEIGHT = 0.1
# Pairs below which nothing is fitted.
_MIN_PAIRS = 30

FeaturePair = tuple[AppearanceFeatures, AppearanceFeatures]
"""Features ``(k,)`` of two animals at k moments."""


@dataclass(frozen=True, eq=False, slots=True)
class CoatVariances:
    """How much animals of the same and of different coats differ, in the space of each fold.

    Attributes
    ----------
    within, between : ndarray
        ``(p, r)`` float64 variances of differences of segments.
    alike_shares : ndarray
        ``(p,)`` float64 share of pairs of animals that look alike.
    """

    within: Float64
    between: Float64
    alike_shares: Float64

    def compute_unlike_probabilities(self, differences: Float64, folds: Int64) -> Float64:
        """Return the probabilities ``(k,)`` that animals with such differences have other coats."""
        probabilities = np.ones(len(folds))
        for fold in range(len(self.alike_shares)):
            own = folds == fold
            alike_share = self.alike_shares[fold]
            llrs = compute_pair_llrs(differences[own], self.within[fold], self.between[fold])
            prior_log_odds = np.log1p(-alike_share) - np.log(alike_share)
            probabilities[own] = expit(prior_log_odds - llrs)
        return np.asarray(probabilities, np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class SwapAppearance:
    """Mean features of tracklets in spaces that separate the animals best.

    There is one space for each fold of the recording, fitted on the other folds. The tracklets of
    the fold are compared in it. In a space that was fitted on a wrongly joined tracklet, it would
    look like the tracklets that it was joined to.

    Attributes
    ----------
    means : ndarray
        ``(p, T, r)`` float32 mean features of the tracklets in each space, NaN where unknown.
    counts : ndarray
        ``(T,)`` float64 effective number of segments: similar consecutive ones count less.
    noise_traces : ndarray
        ``(p,)`` float64 trace of the within-animal covariance of a segment.
    noise_square_traces : ndarray
        ``(p,)`` float64 trace of the square of that covariance.
    calibration_weight : float
        Factor in [0, 1] of the log-likelihood ratios; 0 = they are 0.
    coats : CoatVariances, optional
        Given if the features describe coats only. Then two animals of one coat differ only by
        position and light, which is no evidence.
    """

    means: Float32
    counts: Float64
    noise_traces: Float64
    noise_square_traces: Float64
    calibration_weight: float
    coats: CoatVariances | None = None

    @classmethod
    def uninformative(cls, n_tracklets: int) -> SwapAppearance:
        """Return one whose log-likelihood ratios are 0."""
        return cls(
            np.full((1, n_tracklets, 1), np.nan, np.float32),
            np.zeros(n_tracklets),
            np.ones(1),
            np.ones(1),
            0.0,
        )

    def find_folds(self, times_s: Float64) -> Int64:
        """Return the fold ``(k,)`` of each time, in whose space to compare."""
        return _find_folds(times_s, len(self.means))

    def get_features(self, tracklets: Int64, folds: Int64) -> AppearanceFeatures:
        """Return the features ``(k,)`` of tracklets in the spaces of folds."""
        means = self.means[folds, tracklets].astype(np.float64)
        return AppearanceFeatures(means, self.counts[tracklets])

    def compare_swapped(self, before: FeaturePair, after: FeaturePair, folds: Int64) -> Float64:
        """Return log-likelihood ratios ``(k,)`` of "not swapped" to "swapped" for two animals.

        Where one of the four features is unknown, the other animal of its side is compared with
        both animals of the opposite side.
        """
        first_before, second_before = before
        first_after, second_after = after
        llrs = self._compute_difference_llrs(before, after, folds)
        # (known one, same animal on the other side, other animal there), used if its partner is
        # unknown.
        comparisons = (
            (second_after, first_after, first_before, second_before),
            (first_after, second_after, second_before, first_before),
            (second_before, first_before, first_after, second_after),
            (first_before, second_before, second_after, first_after),
        )
        for partner, features, same, other in comparisons:
            owner_llrs = self.compare_owners(features, same, other, folds)
            llrs = llrs + np.where(partner.counts > 0, 0, owner_llrs)
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
        noise = self.noise_traces[folds]
        noise_square = self.noise_square_traces[folds]
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
        llrs = squared_distance * projection / (DEPENDENCE * variance + 1e-9)
        unlike = self._compute_unlike_probabilities(difference, folds)
        return self._temper(llrs, unlike, features, one, other)

    def _compute_difference_llrs(
        self, before: FeaturePair, after: FeaturePair, folds: Int64
    ) -> Float64:
        """Return log-likelihood ratios ``(k,)`` from differences before and after; 0 if unknown."""
        noise_square = self.noise_square_traces[folds]
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
        score = product / np.sqrt(DEPENDENCE * variance + 1e-9)
        # Every true distance between the two animals is equally likely a priori.
        llrs = log_ndtr(score) - log_ndtr(-score)
        unlike = np.minimum(
            self._compute_unlike_probabilities(early, folds),
            self._compute_unlike_probabilities(late, folds),
        )
        return self._temper(llrs, unlike, *before, *after)

    def _compute_axis_variance(self, folds: Int64) -> Float64:
        """Return the within-animal variance ``(k,)`` of a segment along a typical direction."""
        variance: Float64 = self.noise_square_traces[folds] / np.maximum(
            self.noise_traces[folds], 1e-9
        )
        return variance

    def _compute_unlike_probabilities(self, differences: Float64, folds: Int64) -> Float64:
        """Return the probabilities ``(k,)`` that the difference of two animals identifies them."""
        if self.coats is None:
            return np.ones(len(folds))
        return self.coats.compute_unlike_probabilities(np.nan_to_num(differences), folds)

    def _temper(self, llrs: Float64, unlike: Float64, *compared: AppearanceFeatures) -> Float64:
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
        bound = np.minimum(MIN_LLR_BOUND + LLR_BOUND_PER_SEGMENT * min_count, MAX_SWAP_LLR)
        return np.asarray(np.clip(not_swapped - swapped, -bound, bound), np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class _FoldSpace:
    """The space of one fold: all segments in it ``(P, r)``, and their variation."""

    projected: Float64
    noise_trace: float
    noise_square_trace: float
    coat_within: Float64 | None = None
    coat_between: Float64 | None = None
    alike_share: float = 0.0


@dataclass(frozen=True, eq=False, slots=True)
class _GroupPairs:
    """Pairs of segments ``(k, 2)`` of the same group, and of groups seen at the same time."""

    same: Int64
    different: Int64


def fit_swap_appearance(
    features: TrackletFeatures,
    ridge: Float64,
    groups: Int64,
    calibration_weight: float,
    rng: np.random.Generator,
    coats_only: bool = False,
) -> SwapAppearance:
    """Fit the spaces of all folds, and average the features of the tracklets in each.

    Parameters
    ----------
    features : TrackletFeatures
        As of `fur_selection.scale_features`.
    ridge : ndarray
        ``(d,)`` float64 addition to the within-animal variance of each feature.
    groups : ndarray
        ``(T,)`` int64: tracklets of one group are one animal, as far as is known.
    calibration_weight : float
        Of the log-likelihood ratios, in [0, 1].
    rng : Generator
    coats_only : bool
        Whether the features describe coats only.

    Returns
    -------
    SwapAppearance
        An uninformative one if there are too few pairs.
    """
    pairs = _sample_group_pairs(features, groups, rng)
    if calibration_weight <= 0:
        return SwapAppearance.uninformative(len(groups))
    folds = _find_folds(features.times_s, _N_FOLDS)
    novelty = np.ones(len(features))
    spaces = []
    for fold in range(_N_FOLDS):
        space = _fit_fold_space(features, folds == fold, ridge, groups, pairs, rng, coats_only)
        if space is None:
            return SwapAppearance.uninformative(len(groups))
        spaces.append(space)
        own = folds == fold
        mean_square = 2 * space.noise_trace
        novelty[own] = _compute_novelty(features.tracklets, space.projected, mean_square)[own]
    means, counts = _average_tracklets(features.tracklets, novelty, spaces, len(groups))
    return SwapAppearance(
        means,
        counts,
        np.array([space.noise_trace for space in spaces]),
        np.array([space.noise_square_trace for space in spaces]),
        calibration_weight,
        _join_coats(spaces) if coats_only else None,
    )


def _find_folds(times_s: Float64, n_folds: int) -> Int64:
    """Return the fold of each time: blocks of `FOLD_BLOCK_S` in turn."""
    return (times_s // FOLD_BLOCK_S).astype(np.int64) % n_folds


def _sample_group_pairs(
    features: TrackletFeatures, groups: Int64, rng: np.random.Generator
) -> _GroupPairs:
    """Draw pairs by group; they index the segments in their original order."""
    order = features.sort_by_group(groups)
    regrouped = features.regroup(groups)
    same = order[sample_same_pairs(regrouped, rng)]
    different = order[sample_different_pairs(regrouped, rng)]
    return _GroupPairs(same, different)


def _fit_fold_space(
    features: TrackletFeatures,
    in_fold: Bool,
    ridge: Float64,
    groups: Int64,
    pairs: _GroupPairs,
    rng: np.random.Generator,
    coats_only: bool,
) -> _FoldSpace | None:
    """Fit the space of a fold on the other folds; None if there are too few pairs.

    The noise is measured on pairs of which one segment is in the fold. If there are too few of
    these, as in a short recording, all segments and pairs are used for both.
    """
    training = np.flatnonzero(~in_fold)
    held_out = pairs.same[in_fold[pairs.same].sum(axis=1) == 1]
    if len(held_out) < _MIN_PAIRS:
        training = np.arange(len(features))
        held_out = pairs.same
    axes = _fit_axes(features.select(training), ridge, groups, rng)
    if axes is None:
        return None
    projected = np.asarray(features.features @ axes, np.float64)
    # A difference has twice the covariance of a segment.
    covariance = compute_scatter(projected, held_out) / 2
    noise_trace = float(np.trace(covariance))
    noise_square_trace = float(np.square(covariance).sum())
    if not coats_only:
        return _FoldSpace(projected, noise_trace, noise_square_trace)
    within = fit_student_variance(subtract_pairs(projected, held_out))
    different = subtract_pairs(projected, pairs.different)
    between, alike_share = fit_between_variance(different, within)
    return _FoldSpace(projected, noise_trace, noise_square_trace, within, between, alike_share)


def _fit_axes(
    features: TrackletFeatures, ridge: Float64, groups: Int64, rng: np.random.Generator
) -> Float64 | None:
    """Fit discriminants ``(d, r)`` to single tracklets and groups; None if too few pairs."""
    single = _compute_scatters(features, np.arange(len(groups)), rng)
    grouped = _compute_scatters(features, groups, rng)
    if single is None or grouped is None:
        return None
    within = single.within + _GROUP_WEIGHT * grouped.within
    between = single.between + grouped.between
    return solve_discriminants(within, between, min(_MAX_AXES, len(within)), ridge)


@dataclass(frozen=True, eq=False, slots=True)
class _Scatters:
    """Scatter ``(d, d)`` within groups, and between the means of groups seen at the same time."""

    within: Float64
    between: Float64


def _compute_scatters(
    features: TrackletFeatures, groups: Int64, rng: np.random.Generator
) -> _Scatters | None:
    """Compute both scatters, within groups at most `MAX_LAG_S` apart; None if too few pairs."""
    own = features.regroup(groups)
    same = sample_same_pairs(own, rng)
    different = sample_different_pairs(own, rng)
    same = same[np.ptp(own.times_s[same], axis=1) <= MAX_LAG_S]
    if min(len(same), len(different)) < _MIN_PAIRS:
        return None
    within = compute_scatter(own.features, same)
    between = compute_mean_scatter(own.tracklets, own.features, same, different)
    return _Scatters(within, between)


def _compute_novelty(tracklets: Int64, projected: Float64, mean_square: float) -> Float64:
    """Return how far each segment ``(P,)`` is a new observation, in [0, 1].

    `mean_square` is the mean squared difference of two segments of one animal.
    """
    steps = np.square(np.diff(projected, axis=0)).sum(axis=1) / max(mean_square, 1e-9)
    same_tracklet = tracklets[1:] == tracklets[:-1]
    later = np.where(same_tracklet, np.minimum(NOVELTY_WEIGHT * steps, 1), 1.0)
    novelty: Float64 = np.append(1.0, later)
    return novelty[: len(tracklets)]


def _average_tracklets(
    tracklets: Int64, novelty: Float64, spaces: list[_FoldSpace], n_tracklets: int
) -> tuple[Float32, Float64]:
    """Return mean features ``(p, T, r)`` weighted by novelty, and total novelty ``(T,)``."""
    counts = np.bincount(tracklets, novelty, n_tracklets).astype(np.float64)
    weights = (novelty / np.maximum(counts, 1e-9)[tracklets])[:, None]
    known = counts > 0
    n_axes = spaces[0].projected.shape[1]
    means = np.full((len(spaces), n_tracklets, n_axes), np.nan, np.float32)
    # One space after the other, to save memory: a day has many tracklets.
    for fold, space in enumerate(spaces):
        sums, _ = sum_by_group(space.projected * weights, tracklets, n_tracklets)
        means[fold, known] = sums[known]
    return means, counts


def _join_coats(spaces: list[_FoldSpace]) -> CoatVariances:
    return CoatVariances(
        np.array([space.coat_within for space in spaces], np.float64),
        np.array([space.coat_between for space in spaces], np.float64),
        np.array([space.alike_share for space in spaces]),
    )


def _compute_variance_share(features: AppearanceFeatures) -> Float64:
    """Return the variance ``(k,)`` of mean features, in units of that of a single segment."""
    counts = np.maximum(features.counts, 1)
    shares: Float64 = (1 + SINGLE_SEGMENT_EXCESS / counts) / counts
    return shares
