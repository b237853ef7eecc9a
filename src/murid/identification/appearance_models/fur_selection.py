"""Cross-validation that decides whether fur descriptors help to tell the animals apart.

Discriminants are fitted on a part of the recording and tested on the rest, with and without fur
descriptors. The descriptors are used only if they tell more of the held-out pairs apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from murid.core.records import ArrayRecord
from murid.core.types import Bool, Float32, Float64, Int64
from murid.identification.appearance_models.appearance_model import (
    MAX_AXES,
    MIN_PAIRS,
    fit_calibration_weight,
)
from murid.identification.appearance_models.averaged_pairs import (
    estimate_variances,
    sample_averaged_pairs,
)
from murid.identification.appearance_models.discriminants import (
    compute_mean_scatter,
    compute_scatter,
    solve_discriminants,
)
from murid.identification.appearance_models.feature_scaling import build_ridge, normalize_variance
from murid.identification.appearance_models.pair_likelihood import (
    compute_alike_probabilities,
    fit_between_variance,
    fit_student_variance,
)
from murid.identification.appearance_models.pair_sampling import (
    sample_different_pairs,
    sample_same_pairs,
    subtract_pairs,
)
from murid.identification.appearance_models.tracklet_features import TrackletFeatures, find_folds

# Decrease of the held-out loss, in nats per pair, from which on fur descriptors are used: a smaller
# one may be due to chance.
MIN_IMPROVEMENT = 0.01
_N_FOLDS = 3
# Log-likelihood ratio below which colour and embeddings alone tell that two animals differ.
_MAX_DIFFERENT_COAT_LLR = -1.0


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
class _HeldOutLlrs(ArrayRecord):
    """Log-likelihood ratios ``(E,)`` of held-out pairs without and with fur, and the truth."""

    without_fur: Float64
    with_fur: Float64
    is_same: Bool


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
    basic = normalize_variance(basics.features, same)
    combined = np.column_stack([basic, normalize_variance(fur_features, same)])
    scaled = _ScaledFeatures(basics.tracklets, basics.times_s, basic, combined)
    # Without embeddings, the features without fur are fewer than the axes that the animals need.
    n_axes = min(MAX_AXES, basic.shape[1], n_animals - 1)
    held_out = _cross_validate(scaled, same, different, n_axes, rng)
    return (None, 0.0) if held_out is None else _select(held_out)


def _cross_validate(
    features: _ScaledFeatures,
    same: Int64,
    different: Int64,
    n_axes: int,
    rng: np.random.Generator,
) -> _HeldOutLlrs | None:
    """Return log-likelihood ratios of held-out pairs; None if a fold has too few pairs."""
    folds = find_folds(features.times_s, _N_FOLDS)
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
            for pairs in sample_averaged_pairs(segments, rng)
            if pairs.is_same.any() and not pairs.is_same.all()
        ]
        if not tests:
            return None
        variances = estimate_variances(tests, n_axes)
        held_out += [
            _HeldOutLlrs(
                variances.compute_coat_llrs(pairs, n_axes),
                variances.compute_llrs(pairs, n_axes),
                pairs.is_same,
            )
            for pairs in tests
        ]
    return _HeldOutLlrs.concatenate(held_out)


def _fit_axes(features: _ScaledFeatures, same: Int64, different: Int64, n_axes: int) -> _Axes:
    """Fit discriminants of coats, then discriminants of animals that have the same coat."""
    n_basic = features.basic.shape[1]
    ridge = build_ridge(n_basic, features.combined.shape[1])
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
    # Pairs of different coats are easy, and hide how often animals of one coat are confused. So the
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
