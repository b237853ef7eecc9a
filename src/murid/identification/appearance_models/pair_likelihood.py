"""Log-likelihood ratios of "same animal" to "different animals", with Student's t-distribution."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from murid.core.types import Float64

# Degrees of freedom of Student's t. With fewer, outliers count less: a box may show another animal.
_DEGREES_OF_FREEDOM = 4.0
_N_EM_STEPS = 30
# Lower limit of the variance: it is 0 if all boxes are alike.
_MIN_VARIANCE = 1e-9
# Bounds of the share of look-alike pairs, so that EM does not get stuck at 0 or 1.
_INITIAL_ALIKE_SHARE = 0.1
_MIN_ALIKE_SHARE = 0.01


def fit_student_variance(differences: Float64, weights: Float64 | None = None) -> Float64:
    """Fit the squared scales ``(r,)`` of Student's t to differences ``(k, r)`` by EM."""
    squares = np.square(differences)
    variance = np.maximum(np.average(squares, axis=0, weights=weights), _MIN_VARIANCE)
    for _ in range(_N_EM_STEPS):
        # The expected precision of each sample: outliers get a small one.
        scaled = _DEGREES_OF_FREEDOM + squares / variance
        weighted = (_DEGREES_OF_FREEDOM + 1) / scaled * squares
        variance = np.maximum(np.average(weighted, axis=0, weights=weights), _MIN_VARIANCE)
    return np.asarray(variance, np.float64)


def fit_between_variance(differences: Float64, within: Float64) -> tuple[Float64, float]:
    """Fit the variances between different animals, and the share of pairs that look alike, by EM.

    Two animals of one coat look alike: they differ no more than two images of one animal.

    Parameters
    ----------
    differences : ndarray
        ``(k, r)`` float64 of pairs of different animals.
    within : ndarray
        ``(r,)`` float64 within-animal variances.

    Returns
    -------
    between : ndarray
        ``(r,)`` float64.
    alike_share : float
    """
    between = np.maximum(fit_student_variance(differences), within)
    alike_share = _INITIAL_ALIKE_SHARE
    for _ in range(_N_EM_STEPS):
        # E step: the probability of each pair that its animals do not look alike.
        unlike = compute_unlike_probabilities(differences, within, between, alike_share)
        # M step: the share, and the variances of pairs that do not look alike.
        share = 1 - unlike.mean()
        alike_share = float(np.clip(share, _MIN_ALIKE_SHARE, 1 - _MIN_ALIKE_SHARE))
        between = np.maximum(fit_student_variance(differences, unlike + 1e-9), within)
    return between, alike_share


def compute_alike_probabilities(
    differences: Float64, within: Float64, between: Float64, alike_share: float
) -> Float64:
    """Return the probability ``(E,)`` that each pair of different animals looks alike."""
    prior_log_odds = np.log(alike_share) - np.log1p(-alike_share)
    llrs = compute_pair_llrs(differences, within, between)
    return np.asarray(expit(prior_log_odds + llrs), np.float64)


def compute_unlike_probabilities(
    differences: Float64, within: Float64, between: Float64, alike_share: float
) -> Float64:
    """Return the probability ``(E,)`` that each pair of different animals does not look alike."""
    prior_log_odds = np.log1p(-alike_share) - np.log(alike_share)
    llrs = compute_pair_llrs(differences, within, between)
    return np.asarray(expit(prior_log_odds - llrs), np.float64)


def compute_pair_llrs(
    differences: Float64,
    within: Float64,
    between: Float64,
    alike_share: float = 0.0,
    n_coat_axes: int | None = None,
) -> Float64:
    """Return the log-likelihood ratio of "same animal" to "different animals" of each pair.

    Differences follow Student's t under both hypotheses. A share of the pairs of different animals
    look alike in their coats: for these, equal coats are no evidence of the same animal.

    Parameters
    ----------
    differences : ndarray
        ``(..., r)`` float64.
    within, between : ndarray
        ``(r,)`` or ``(..., r)`` float64 variances.
    alike_share : float
    n_coat_axes : int, optional
        The first axes, which describe the coat; all by default.

    Returns
    -------
    ndarray
        ``(...)`` float64.
    """
    between = np.maximum(between, within)
    squares = np.square(differences)
    log_between = np.log1p(squares / (between * _DEGREES_OF_FREEDOM))
    log_within = np.log1p(squares / (within * _DEGREES_OF_FREEDOM))
    log_ratios = log_between - log_within
    per_axis = 0.5 * np.log(between / within) + (_DEGREES_OF_FREEDOM + 1) / 2 * log_ratios
    coat_llrs: Float64 = per_axis[..., :n_coat_axes].sum(axis=-1)
    if alike_share > 0:
        # Mix both hypotheses: different animals look alike with this probability.
        unlike = np.log1p(-alike_share) - coat_llrs
        coat_llrs = -np.logaddexp(np.log(alike_share), unlike)
    if n_coat_axes is None:
        return coat_llrs
    individual_llrs: Float64 = per_axis[..., n_coat_axes:].sum(axis=-1)
    return coat_llrs + individual_llrs
