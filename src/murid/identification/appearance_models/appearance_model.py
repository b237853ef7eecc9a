"""The appearance model: log-likelihood ratios of "same animal" from the appearance of tracklets.

It is fitted to the recording itself, without labels. Tracklet features are projected on linear
discriminants. The log-likelihood ratios are multiplied by a calibration weight, found on parts of
the recording that the discriminants were not fitted on. It is 0 where the animals look alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from murid.core.records import ArrayRecord
from murid.core.types import Bool, Float32, Float64, Int64
from murid.identification.appearance_models.discriminants import fit_discriminants
from murid.identification.appearance_models.pair_likelihood import (
    compute_pair_llrs,
    fit_between_variance,
    fit_student_variance,
)
from murid.identification.appearance_models.pair_sampling import (
    sample_different_pairs,
    sample_same_pairs,
    subtract_pairs,
)
from murid.identification.appearance_models.tracklet_features import (
    TrackletFeatures,
    find_folds,
    sum_by_group,
)

# Largest absolute log-likelihood ratio that appearance may contribute to one link. A higher bound
# lets a few unusual images overrule motion.
MAX_LLR = 8.0
# Share of the within-animal variance that is added to it: few segments underestimate it.
_RIDGE = 0.1
# More axes than this fit noise.
MAX_AXES = 8
# Pairs below which nothing is fitted.
MIN_PAIRS = 10


@dataclass(frozen=True, eq=False, slots=True)
class AppearanceFeatures(ArrayRecord):
    """Mean features of tracklets, paths or other groups of segments.

    Attributes
    ----------
    means : ndarray
        ``(n, r)`` float64, NaN where unknown.
    counts : ndarray
        ``(n,)`` float64 number of segments that each is the mean of.
    """

    means: Float64
    counts: Float64

    @classmethod
    def average(cls, features: Float32 | Float64, owners: Int64, n: int) -> AppearanceFeatures:
        """Average the features ``(P, r)`` of each of `n` owners ``(P,)``."""
        sums, counts = sum_by_group(features, owners, n)
        means = sums / np.maximum(counts, 1)[:, None]
        return cls(np.where(counts[:, None] > 0, means, np.nan), counts)


@dataclass(frozen=True, eq=False, slots=True)
class AppearanceModel:
    """Mean features of tracklets, and the distribution of their differences.

    Attributes
    ----------
    features : AppearanceFeatures
        Of the tracklets ``(T,)``, on the discriminants.
    within, between : ndarray
        ``(r,)`` float64 variances of differences within and between animals.
    calibration_weight : float
        Factor in [0, 1] of the log-likelihood ratios.
    alike_share : float
        Share of pairs of animals that look alike, as two of one coat do.
    n_animals : int
    """

    features: AppearanceFeatures
    within: Float64
    between: Float64
    calibration_weight: float
    alike_share: float = 0.0
    n_animals: int = 2

    @classmethod
    def uninformative(cls, n_tracklets: int) -> AppearanceModel:
        """Return a model whose log-likelihood ratios are 0."""
        unknown = AppearanceFeatures(np.full((n_tracklets, 1), np.nan), np.zeros(n_tracklets))
        return cls(unknown, np.ones(1), np.ones(1), 0.0)

    def compute_llrs(self, predecessors: Int64, successors: Int64) -> Float64:
        """Return log-likelihood ratios ``(E,)`` of "same animal" for pairs of tracklets ``(E,)``.

        They are 0 where one of the tracklets has no features.
        """
        differences = self.features.means[predecessors] - self.features.means[successors]
        known = np.asarray(np.isfinite(differences).all(axis=1), bool)
        llrs = compute_pair_llrs(
            np.where(known[:, None], differences, 0),
            self.within,
            self.between,
            self.alike_share,
        )
        # The alternative is a random animal, as that of motion, which is the same one in one of N
        # cases. So a perfect likeness counts as much as the knowledge which of N animals it is.
        log_other = np.log1p(-1 / self.n_animals) - self.calibration_weight * llrs
        random_llrs = -np.logaddexp(-np.log(self.n_animals), log_other)
        return np.where(known, np.maximum(random_llrs, -MAX_LLR), 0)


def fit_appearance_model(
    features: TrackletFeatures, groups: Int64, n_animals: int, rng: np.random.Generator
) -> AppearanceModel:
    """Fit the discriminants, the distribution of differences, and the calibration weight.

    Parameters
    ----------
    features : TrackletFeatures
    groups : ndarray
        ``(T,)`` int64: tracklets of one group are one animal beyond doubt.
    n_animals : int
    rng : Generator

    Returns
    -------
    AppearanceModel
        An uninformative one if there are too few pairs, or if the animals look alike.
    """
    uninformative = AppearanceModel.uninformative(len(groups))
    features = features.regroup(groups)
    same = sample_same_pairs(features, rng)
    different = sample_different_pairs(features, rng)
    if min(len(same), len(different)) < MIN_PAIRS or n_animals < 2:
        return uninformative
    # Differences of pairs of each half, on discriminants of the other half.
    n_axes = min(MAX_AXES, features.features.shape[1], n_animals - 1)
    halves = find_folds(features.times_s, 2)
    validated = [
        _validate_half(features, same, different, halves == half, n_axes) for half in (0, 1)
    ]
    same_differences = np.concatenate([own_same for own_same, _ in validated])
    different_differences = np.concatenate([own_different for _, own_different in validated])
    if not len(same_differences):
        return uninformative
    # Variances come from held-out pairs too: within-animal variance is larger there.
    within = fit_student_variance(same_differences)
    between, alike_share = fit_between_variance(different_differences, within)
    same_llrs = compute_pair_llrs(same_differences, within, between, alike_share)
    different_llrs = compute_pair_llrs(different_differences, within, between, alike_share)
    calibration_weight = fit_calibration_weight(
        np.concatenate([same_llrs, different_llrs]),
        np.repeat([1.0, 0.0], [len(same_llrs), len(different_llrs)]),
    )
    if calibration_weight <= 0:
        return uninformative
    # The final discriminants use the whole recording.
    axes = fit_discriminants(features.features, same, different, n_axes, _RIDGE)
    means = AppearanceFeatures.average(features.features @ axes, features.tracklets, len(groups))
    return AppearanceModel(
        means.select(groups), within, between, calibration_weight, alike_share, n_animals
    )


def _validate_half(
    features: TrackletFeatures,
    same: Int64,
    different: Int64,
    in_training: Bool,
    n_axes: int,
) -> tuple[Float64, Float64]:
    """Fit on pairs in one half; return differences of the same and different pairs of the other.

    Both are ``(k, n_axes)``, and empty if there are too few pairs.
    """
    train_same = same[in_training[same].all(axis=1)]
    train_different = different[in_training[different].all(axis=1)]
    test_same = same[~in_training[same].any(axis=1)]
    test_different = different[~in_training[different].any(axis=1)]
    if min(map(len, (train_same, train_different, test_same, test_different))) < MIN_PAIRS:
        return np.zeros((0, n_axes)), np.zeros((0, n_axes))
    axes = fit_discriminants(features.features, train_same, train_different, n_axes, _RIDGE)
    projected = np.asarray(features.features @ axes, np.float64)
    return subtract_pairs(projected, test_same), subtract_pairs(projected, test_different)


def fit_calibration_weight(llrs: Float64, labels: Float64) -> float:
    """Return the factor in [0, 1] of log-likelihood ratios that fits labels best (Platt scaling).

    Both classes have the same total weight.

    Parameters
    ----------
    llrs : ndarray
        ``(n,)`` float64.
    labels : ndarray
        ``(n,)`` float64: 1 for the same animal, 0 for different ones.
    """
    if not len(llrs):
        return 0.0
    is_same = labels > 0
    same_weight = 0.5 / max(labels.sum(), 1)
    different_weight = 0.5 / max((1 - labels).sum(), 1)
    weights = np.where(is_same, same_weight, different_weight)

    def compute_loss(parameters: Float64) -> float:
        slope, intercept = parameters
        probabilities = expit(slope * llrs + intercept)
        likelihoods = np.where(is_same, probabilities, 1 - probabilities)
        return float(-(weights * np.log(likelihoods + 1e-12)).sum())

    best = minimize(compute_loss, np.array([0.5, 0.0]), method="Nelder-Mead")
    return float(np.clip(best.x[0], 0, 1))
