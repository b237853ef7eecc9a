"""Linear discriminants of pairs of tracklet features, and log-likelihood ratios with Student's t.

Two features of one tracklet are a pair of the same animal. Features of two tracklets that are seen
at the same time are a pair of different animals. No labels are needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import eigh
from scipy.special import expit

from murid.core.types import Float32, Float64, Index, Int64

# Features of one tracklet count as independent observations of an animal only after this time:
# within less, it hardly moves, and its variation would be underestimated.
MIN_LAG_S = 2.0
# Length of the segments over which features are averaged. Longer segments have less noise, but
# there are fewer of them.
SEGMENT_S = 0.5
# Two tracklets are seen at the same time if their segments are less than this apart.
SIMULTANEOUS_S = 0.25
# Neighbours in time order that are examined for pairs of different animals.
_MAX_NEIGHBOURS = 8

# Candidate pairs per segment and per tracklet: so that a long tracklet does not dominate.
_PAIRS_PER_SEGMENT = 4
_MAX_PAIRS_PER_TRACKLET = 400
# Pairs beyond which a random subset is used: more pairs cost time and hardly change the estimates.
_MAX_PAIRS = 20000
# A mean of this number of segments counts half: means of few segments differ by noise alone.
_PRIOR_SEGMENTS = 20

# Degrees of freedom of Student's t. Fewer make outliers, such as a box of another animal, count
# less.
_DEGREES_OF_FREEDOM = 4.0
_N_EM_STEPS = 30
_MIN_VARIANCE = 1e-9
# Bounds of the share of look-alike pairs, so that EM does not get stuck at 0 or 1.
_INITIAL_ALIKE_SHARE = 0.1
_MIN_ALIKE_SHARE = 0.01


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


def subtract_pairs(features: Float32 | Float64, pairs: Int64) -> Float64:
    """Return the differences ``(k, d)`` of the features of each pair ``(k, 2)``."""
    return np.asarray(features[pairs[:, 0]] - features[pairs[:, 1]], np.float64)


def sample_same_pairs(features: TrackletFeatures, rng: np.random.Generator) -> Int64:
    """Draw pairs ``(k, 2)`` of segments of one tracklet that are some time apart."""
    n_tracklets = features.tracklets.max(initial=-1) + 1
    bounds = np.searchsorted(features.tracklets, np.arange(n_tracklets + 1))
    sizes = np.diff(bounds)
    # Draw both members of each pair at random within its tracklet.
    quota = np.minimum(sizes * _PAIRS_PER_SEGMENT, _MAX_PAIRS_PER_TRACKLET)
    starts = np.repeat(bounds[:-1], quota)
    n_choices = np.repeat(sizes, quota)
    members = [starts + (rng.random(len(starts)) * n_choices).astype(np.int64) for _ in range(2)]
    pairs: Int64 = np.column_stack(members)
    # Drop pairs that are too close in time to be independent.
    lags = np.abs(features.times_s[pairs[:, 0]] - features.times_s[pairs[:, 1]])
    return subsample_pairs(pairs[lags >= MIN_LAG_S], rng)


def sample_different_pairs(
    features: TrackletFeatures,
    rng: np.random.Generator,
    max_lag_s: float = SIMULTANEOUS_S,
) -> Int64:
    """Draw pairs ``(k, 2)`` of segments of different tracklets that are seen at the same time."""
    order = np.argsort(features.times_s, kind="stable")
    times = features.times_s[order]
    pairs = []
    for shift in range(1, _MAX_NEIGHBOURS + 1):
        earlier = order[:-shift]
        later = order[shift:]
        simultaneous = times[shift:] - times[:-shift] < max_lag_s
        different = features.tracklets[earlier] != features.tracklets[later]
        wanted = simultaneous & different
        pairs.append(np.column_stack([earlier[wanted], later[wanted]]))
    return subsample_pairs(np.concatenate(pairs), rng)


def subsample_pairs(pairs: Int64, rng: np.random.Generator, max_pairs: int = _MAX_PAIRS) -> Int64:
    """Return at most `max_pairs` of the pairs ``(k, 2)``, drawn without replacement."""
    if len(pairs) <= max_pairs:
        return pairs
    return pairs[rng.choice(len(pairs), max_pairs, replace=False)]


def fit_discriminants(
    features: Float32 | Float64, same: Int64, different: Int64, n_axes: int, ridge: float
) -> Float64:
    """Fit Fisher's linear discriminants ``(d, n_axes)`` to pairs of same and different animals.

    `ridge` is a share of the mean within-animal variance.
    """
    within = compute_scatter(features, same)
    # The variance is 0 if all boxes are alike.
    mean_variance = max(float(np.trace(within)) / len(within), _MIN_VARIANCE)
    between = compute_scatter(features, different)
    return solve_discriminants(within, between, n_axes, ridge * mean_variance)


def solve_discriminants(
    within: Float64, between: Float64, n_axes: int, ridge: float | Float64
) -> Float64:
    """Return discriminants ``(d, n_axes)``, best first, of within- and between-animal scatter.

    Both scatters are ``(d, d)``. `ridge`, a number or ``(d,)``, is added to the within-animal
    variances, which few segments underestimate.
    """
    n = len(within)
    noise = within + ridge * np.eye(n)
    axes: Float64 = eigh(between, noise, subset_by_index=(n - n_axes, n - 1))[1][:, ::-1]
    return axes


def compute_scatter(
    features: Float32 | Float64, pairs: Int64, weights: Float64 | None = None
) -> Float64:
    """Return the weighted mean outer product ``(d, d)`` of the differences of pairs ``(E, 2)``."""
    differences = subtract_pairs(features, pairs)
    if weights is None:
        weights = np.ones(len(differences))
    total = max(float(weights.sum()), 1e-12)
    scatter: Float64 = (differences * weights[:, None]).T @ differences / total
    return scatter


def compute_mean_scatter(
    owners: Int64,
    features: Float32 | Float64,
    same: Int64,
    different: Int64,
    weights: Float64 | None = None,
) -> Float64:
    """Return the scatter ``(d, d)`` of the differences between owners' means in `different` pairs.

    Means of few segments have a smaller weight: otherwise their noise would count as a difference.
    `owners` ``(P,)`` is the animal or tracklet of each segment, `weights` ``(E,)`` of the pairs.
    """
    used = np.unique(np.concatenate([same, different]))
    n_owners = int(owners.max()) + 1
    sums, counts = sum_by_group(features[used], owners[used], n_owners)
    means = (sums / np.maximum(counts, 1)[:, None])[owners]
    reliability = (counts / (counts + _PRIOR_SEGMENTS))[owners][different].prod(axis=1)
    if weights is not None:
        reliability = reliability * weights
    return compute_scatter(means, different, reliability)


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

    Pairs that look alike, such as two animals of one coat, differ only as one animal does.

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
        prior_log_odds = np.log1p(-alike_share) - np.log(alike_share)
        llrs = compute_pair_llrs(differences, within, between)
        unlike = expit(prior_log_odds - llrs)
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
