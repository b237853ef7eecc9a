"""Cross-validation that decides whether fur descriptors help to tell the animals apart.

Discriminants are fitted on a part of the recording and tested on the rest, with and without fur
descriptors. The descriptors are used only if they tell more of the held-out pairs apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from murid.core.types import Bool, Float32, Float64, Int64
from murid.identification.appearance_models.appearance_model import (
    FOLD_BLOCK_S,
    MAX_AXES,
    MIN_PAIRS,
    fit_calibration_weight,
)
from murid.identification.appearance_models.discriminants import (
    SEGMENT_S,
    SIMULTANEOUS_S,
    TrackletFeatures,
    compute_alike_probabilities,
    compute_mean_scatter,
    compute_pair_llrs,
    compute_scatter,
    fit_between_variance,
    fit_student_variance,
    sample_different_pairs,
    sample_same_pairs,
    solve_discriminants,
    subsample_pairs,
    subtract_pairs,
    sum_by_group,
)

# Decrease of the held-out loss, in nats a pair, below which fur descriptors are not used: a smaller
# one is within what chance gives.
MIN_IMPROVEMENT = 0.01
# Ridge of embeddings and size, and of fur features, in units of their mean within-animal variance.
# Fur features have many more dimensions than there are segments, and need a stronger one.
_RIDGE = 0.05
_FUR_RIDGE = 0.3
_N_FOLDS = 3
# Segments that are averaged before they are compared: alone, for 2 s and for 8 s. Fur descriptors
# are noisy one by one and only help in the mean of many.
_N_AVERAGED = (1, 4, 16)
# Lower bound of the within-animal variance, as a share of that of single segments: however many are
# averaged, pose and light stay.
_MIN_VARIANCE_SHARE = 0.02
# Log-likelihood ratio below which colour and embeddings alone tell that two animals differ.
_MAX_DIFFERENT_COAT_LLR = -1.0
# Test pairs of each kind and length.
_MAX_TEST_PAIRS = 4000


@dataclass(frozen=True, eq=False, slots=True)
class AppearanceSelection:
    """The result of the cross-validation.

    Attributes
    ----------
    before, after : float
        Share of held-out pairs, in [0, 1], that are told apart correctly without and with fur
        descriptors.
    used : bool
        Whether fur descriptors are used.
    """

    before: float
    after: float
    used: bool


@dataclass(frozen=True, eq=False, slots=True)
class _ScaledFeatures:
    """Features of segments without ``(P, d)`` and with ``(P, d + p)`` fur features."""

    owners: Int64
    times_s: Float64
    basic: Float32
    combined: Float32

    def project(self, axes: _Axes) -> TrackletFeatures:
        """Return the segments on the coat axes and the individual axes, side by side."""
        projected = np.column_stack([self.basic @ axes.coat, self.combined @ axes.individual])
        return TrackletFeatures(self.owners, self.times_s, projected.astype(np.float64))


@dataclass(frozen=True, eq=False, slots=True)
class _Axes:
    """Discriminants of coats ``(d, r)``, and ``(d + p, r)`` of animals that have the same coat."""

    coat: Float64
    individual: Float64


@dataclass(frozen=True, eq=False, slots=True)
class _TestPairs:
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
class _Variances:
    """Variances ``(r,)`` within and between animals, and the noise of a segment, added to both."""

    within: Float64
    between: Float64
    noise: Float64
    alike_share: float

    def compute_coat_llrs(self, pairs: _TestPairs, n_coat_axes: int) -> Float64:
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

    def compute_llrs(self, pairs: _TestPairs, n_coat_axes: int) -> Float64:
        """Return log-likelihood ratios ``(E,)`` of "same animal" by all axes."""
        noise = self.noise * pairs.noise_shares[:, None]
        return compute_pair_llrs(
            pairs.differences,
            self.within + noise,
            self.between + noise,
            self.alike_share,
            n_coat_axes,
        )


@dataclass(frozen=True, eq=False, slots=True)
class _HeldOutLlrs:
    """Log-likelihood ratios ``(E,)`` of held-out pairs without and with fur, and the truth."""

    without_fur: Float64
    with_fur: Float64
    is_same: Bool

    @classmethod
    def concatenate(cls, parts: list[_HeldOutLlrs]) -> _HeldOutLlrs:
        return cls(
            np.concatenate([part.without_fur for part in parts]),
            np.concatenate([part.with_fur for part in parts]),
            np.concatenate([part.is_same for part in parts]),
        )


def cross_validate_fur(
    features: TrackletFeatures, groups: Int64, n_animals: int, rng: np.random.Generator
) -> tuple[AppearanceSelection | None, float]:
    """Decide whether fur descriptors improve on embeddings and size alone.

    Parameters
    ----------
    features : TrackletFeatures
    groups : ndarray
        ``(T,)`` int64: tracklets of one group are one animal beyond doubt.
    n_animals : int
    rng : Generator

    Returns
    -------
    selection : AppearanceSelection or None
        None if there are too few pairs to decide.
    calibration_weight : float
        Factor in [0, 1] of the log-likelihood ratios of all features together.
    """
    # Only segments with fur descriptors take part, so that both variants see the same pairs.
    with_fur = features.select(features.fur_rows)
    fur_features = features.fur_features[with_fur.sort_by_group(groups)]
    basics = with_fur.regroup(groups)
    same = sample_same_pairs(basics, rng)
    different = sample_different_pairs(basics, rng)
    if min(len(same), len(different)) < MIN_PAIRS or n_animals < 2:
        return None, 0.0
    basic = _normalize_variance(basics.features, same)
    combined = np.column_stack([basic, _normalize_variance(fur_features, same)])
    scaled = _ScaledFeatures(basics.tracklets, basics.times_s, basic, combined)
    n_axes = min(MAX_AXES, n_animals - 1)
    held_out = _cross_validate(scaled, same, different, n_axes, rng)
    return (None, 0.0) if held_out is None else _select(held_out)


def scale_features(features: TrackletFeatures, use_fur: bool) -> tuple[TrackletFeatures, Float64]:
    """Return all features of the segments side by side, on one scale, and their ridge.

    The result is the input of `swap_appearance.fit_swap_appearance`.

    Parameters
    ----------
    features : TrackletFeatures
    use_fur : bool
        Whether to add fur features; then segments without them are dropped.

    Returns
    -------
    features : TrackletFeatures
    ridge : ndarray
        ``(d,)`` float64 of each feature.
    """
    rows = features.fur_rows if use_fur else np.arange(len(features))
    basics = features.select(rows)
    same = sample_same_pairs(basics, np.random.default_rng(0))
    basic = _normalize_variance(basics.features, same)
    parts = [basic]
    if use_fur:
        parts.append(_normalize_variance(features.fur_features, same))
    combined: Float32 = np.column_stack(parts)
    ridge = _build_ridge(basic.shape[1], combined.shape[1])
    return TrackletFeatures(basics.tracklets, basics.times_s, combined), ridge


def _normalize_variance(features: Float32 | Float64, same: Int64) -> Float32:
    """Scale features ``(P, d)`` so that their mean within-animal variance is 1."""
    if not len(same):
        return features.astype(np.float32)
    variance = np.square(features[same[:, 0]] - features[same[:, 1]]).mean()
    return np.asarray(features / np.sqrt(max(variance, 1e-12)), np.float32)


def _build_ridge(n_basic: int, n_combined: int) -> Float64:
    """Return the ridge ``(n_combined,)`` of basic features, followed by fur features."""
    ridge: Float64 = np.repeat([_RIDGE, _FUR_RIDGE], [n_basic, n_combined - n_basic])
    return ridge


def _cross_validate(
    features: _ScaledFeatures,
    same: Int64,
    different: Int64,
    n_axes: int,
    rng: np.random.Generator,
) -> _HeldOutLlrs | None:
    """Return log-likelihood ratios of held-out pairs; None if a fold has too few pairs."""
    folds = (features.times_s // FOLD_BLOCK_S).astype(np.int64) % _N_FOLDS
    held_out = []
    for fold in range(_N_FOLDS):
        # Fit the discriminants without this fold.
        train_same = same[(folds[same] != fold).all(axis=1)]
        train_different = different[(folds[different] != fold).all(axis=1)]
        if min(len(train_same), len(train_different)) < MIN_PAIRS:
            return None
        axes = _fit_axes(features, train_same, train_different, n_axes)
        # Test them on averages of its segments.
        segments = features.project(axes).select(np.flatnonzero(folds == fold))
        tests = [
            pairs
            for pairs in _sample_test_pairs(segments, rng)
            if pairs.is_same.any() and not pairs.is_same.all()
        ]
        if not tests:
            return None
        variances = _estimate_variances(tests, n_axes)
        held_out += [
            _HeldOutLlrs(
                variances.compute_coat_llrs(pairs, n_axes),
                variances.compute_llrs(pairs, n_axes),
                pairs.is_same,
            )
            for pairs in tests
        ]
    return _HeldOutLlrs.concatenate(held_out)


def _select(held_out: _HeldOutLlrs) -> tuple[AppearanceSelection, float]:
    """Compare loss and accuracy with and without fur; return the calibration weight too."""
    is_same = held_out.is_same
    labels = is_same.astype(np.float64)
    weight_without = fit_calibration_weight(held_out.without_fur, labels)
    weight_with = fit_calibration_weight(held_out.with_fur, labels)
    loss_without, accuracy_without = _score(weight_without * held_out.without_fur, is_same)
    loss_with, accuracy_with = _score(weight_with * held_out.with_fur, is_same)
    used = (
        weight_with > 0
        and loss_with < loss_without - MIN_IMPROVEMENT
        and accuracy_with > accuracy_without
    )
    # Pairs of different coats are easy, and would hide how often look-alikes are confused: the
    # weight is reduced by their share.
    not_easy = float((held_out.without_fur > _MAX_DIFFERENT_COAT_LLR).mean())
    selection = AppearanceSelection(accuracy_without, accuracy_with, used)
    return selection, weight_with * not_easy


def _score(llrs: Float64, is_same: Bool) -> tuple[float, float]:
    """Return loss in nats and accuracy at the best threshold, both classes weighted equally."""
    # Pairs of one animal should be above the threshold, others below it.
    classes = ((1, is_same), (-1, ~is_same))

    def compute_loss(threshold: float) -> float:
        losses = [np.logaddexp(0, sign * (threshold - llrs[own])).mean() for sign, own in classes]
        return float(np.mean(losses))

    bounds = (llrs.min() - 1, llrs.max() + 1)
    best = minimize_scalar(compute_loss, bounds=bounds, method="bounded")
    # A pair that lies on the threshold counts half.
    accuracies = [
        ((sign * (llrs[own] - best.x) > 0) + 0.5 * (llrs[own] == best.x)).mean()
        for sign, own in classes
    ]
    return float(best.fun), float(np.mean(accuracies))


def _fit_axes(features: _ScaledFeatures, same: Int64, different: Int64, n_axes: int) -> _Axes:
    """Fit discriminants of coats, then discriminants of animals that have the same coat."""
    n_basic = features.basic.shape[1]
    ridge = _build_ridge(n_basic, features.combined.shape[1])
    between = compute_mean_scatter(features.owners, features.basic, same, different)
    within = compute_scatter(features.basic, same)
    coat = solve_discriminants(within, between, n_axes, ridge[:n_basic])
    # Weight pairs of different animals by the probability that their coats look alike.
    projected = np.asarray(features.basic @ coat, np.float64)
    coat_within = fit_student_variance(subtract_pairs(projected, same))
    differences = subtract_pairs(projected, different)
    coat_between, alike_share = fit_between_variance(differences, coat_within)
    weights = compute_alike_probabilities(differences, coat_within, coat_between, alike_share)
    between = compute_mean_scatter(features.owners, features.combined, same, different, weights)
    within = compute_scatter(features.combined, same)
    return _Axes(coat, solve_discriminants(within, between, n_axes, ridge))


def _sample_test_pairs(segments: TrackletFeatures, rng: np.random.Generator) -> list[_TestPairs]:
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
            _TestPairs(
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


def _estimate_variances(tests: list[_TestPairs], n_coat_axes: int) -> _Variances:
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
    return _Variances(within, np.maximum(between - blur, within), noise, alike_share)
