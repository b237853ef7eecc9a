"""Log-likelihood ratios of "same animal" to "different animals", with Student's t-distribution."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from murid.core.types import Float64

# Degrees of freedom of Student's t. With fewer, outliers count less: a box may show another animal.
_DEGREES_OF_FREEDOM = 4.0
_N_EM_STEPS = 30
# Lower limit of the variance: it is 0 if all boxes are alike.
_MIN_VARIANCE = 1e-9
# Bounds of the share of look-alike pairs, so that EM does not get stuck at 0 or 1.
_INITIAL_ALIKE_SHARE = 0.5
_MIN_ALIKE_SHARE = 0.01


def fit_student_variance(differences: Float64) -> Float64:
    """Fit the squared scales ``(r,)`` of Student's t to differences ``(k, r)`` by EM."""
    squares = np.square(differences)
    variance: Float64 = np.maximum(squares.mean(axis=0), _MIN_VARIANCE)
    for _ in range(_N_EM_STEPS):
        variance = _update_variance(squares, variance, np.ones(len(squares)))
    return variance


def _update_variance(squares: Float64, variance: Float64, weights: Float64) -> Float64:
    """Return the squared scales ``(r,)`` after one step of EM, of weighted samples."""
    # The expected precision of each sample: outliers get a small one.
    precisions = (_DEGREES_OF_FREEDOM + 1) / (_DEGREES_OF_FREEDOM + squares / variance)
    updated = weights @ (precisions * squares) / max(weights.sum(), _MIN_VARIANCE)
    return np.asarray(np.maximum(updated, _MIN_VARIANCE), np.float64)


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
        between = np.maximum(_update_variance(np.square(differences), between, unlike), within)
    return between, alike_share


def compute_unlike_probabilities(
    differences: Float64, within: Float64, between: Float64, alike_shares: Float64 | float
) -> Float64:
    """Return the probability ``(k,)`` that each pair of different animals does not look alike."""
    llrs = _sum_log_ratios(differences, within, between)
    return np.asarray(expit(-logit(alike_shares) - llrs), np.float64)


def compute_pair_llrs(
    differences: Float64, within: Float64, between: Float64, alike_shares: Float64 | float
) -> Float64:
    """Return the log-likelihood ratio of "same animal" to "different animals" of each pair.

    Differences follow Student's t under both hypotheses. A share of the pairs of different animals
    look alike: for these, equal looks are no evidence of the same animal.

    Parameters
    ----------
    differences : ndarray
        ``(k, r)`` float64.
    within, between : ndarray
        ``(r,)`` or ``(k, r)`` float64 variances.
    alike_shares : ndarray or float
        ``(k,)``, above 0.

    Returns
    -------
    ndarray
        ``(k,)`` float64.
    """
    unlike = np.log1p(-alike_shares) - _sum_log_ratios(differences, within, between)
    llrs: Float64 = -np.logaddexp(np.log(alike_shares), unlike)
    return llrs


def _sum_log_ratios(differences: Float64, within: Float64, between: Float64) -> Float64:
    """Return the log-likelihood ratio ``(k,)`` without look-alikes, summed over the axes."""
    squares = np.square(differences) / _DEGREES_OF_FREEDOM
    # One logarithm of the ratio: logarithms take most of the time of linking.
    log_ratios = (_DEGREES_OF_FREEDOM + 1) * np.log(
        (1 + squares / between) / (1 + squares / within)
    )
    sums: Float64 = 0.5 * (np.log(between / within) + log_ratios).sum(axis=1)
    return sums
