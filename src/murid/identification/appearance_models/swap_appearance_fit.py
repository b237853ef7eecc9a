"""Fit `SwapAppearance` to a recording, without labels.

The within-animal variation is estimated from single tracklets, and with a small weight from groups
of tracklets: a group that contains two animals by mistake would take their difference for variation
and hide the mistake. For the same reason each fold of the recording is compared in a space that was
fitted on the other folds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.types import Bool, Float32, Float64, Int64
from murid.identification.appearance_models.discriminants import (
    compute_mean_scatter,
    compute_scatter,
    solve_discriminants,
)
from murid.identification.appearance_models.pair_likelihood import (
    fit_between_variance,
    fit_student_variance,
)
from murid.identification.appearance_models.pair_sampling import (
    sample_different_pairs,
    sample_same_pairs,
    subtract_pairs,
)
from murid.identification.appearance_models.swap_appearance import CoatVariances, SwapAppearance
from murid.identification.appearance_models.tracklet_features import (
    TrackletFeatures,
    find_folds,
    sum_by_group,
)

# Segments of a group further apart than this are not used for the within-animal variation.
MAX_LAG_S = 20.0
# A segment counts in full if its squared difference from the one before is at least half of the
# mean. The counts of an animal that does not move hardly grow.
NOVELTY_WEIGHT = 2.0
_N_FOLDS = 5
_MAX_AXES = 8
# Weight of the within-group scatter beside the within-tracklet scatter.
_GROUP_WEIGHT = 0.1
# Pairs below which nothing is fitted.
_MIN_PAIRS = 30


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
        As of `feature_scaling.scale_features`.
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
    folds = find_folds(features.times_s, _N_FOLDS)
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
    """Return the coat variances of all folds."""
    return CoatVariances(
        np.array([space.coat_within for space in spaces], np.float64),
        np.array([space.coat_between for space in spaces], np.float64),
        np.array([space.alike_share for space in spaces]),
    )
