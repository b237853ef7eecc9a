"""How far looks tell the animals of this recording apart, learnt from the recording itself, without labels.

Pieces of one tracklet are one animal, tracklets seen at the same time are different ones. Linear
discriminants of these pairs give a logarithm of odds for any two tracklets; it is scaled by what it
proves on stretches of the recording that it was not learnt from, down to nothing where animals look
alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize
from scipy.special import expit

from murid.core.types import Float32, Float64, Int64

LEAST_LAG_S = 2.0
"""Time between two pieces of one tracklet that count as two sights of an animal; before that it
hardly moves."""
PIECE_S = 0.5
"""Time over which looks are averaged; longer in a long recording."""
AT_ONCE_S = 0.25
"""Time within which two tracklets are seen at once."""
MOST_GAIN = 8.0
"""Highest logarithm of odds that looks may add."""
BLOCK_S = 10.0
RIDGE = 0.1
_FREEDOM = 4.0
MOST_DIMS = 8
LEAST_PAIRS = 10
_MOST_PAIRS = 20000
_PRIOR_PIECES = 20
_N_STEPS = 30
_LEAST_ALIKE = 0.01


@dataclass(frozen=True, eq=False, slots=True)
class TrackletFeatures:
    """Mean looks over short stretches of tracklets.

    Attributes
    ----------
    tracklets : ndarray
        ``(P,)`` int64 number of the tracklet that each is of, ascending.
    times_s : ndarray
        ``(P,)`` float64.
    features : ndarray
        ``(P, d)`` float32 or float64.
    printed : ndarray
        ``(Q,)`` int64: which of them have prints of their fur.
    fur_descriptors : ndarray
        ``(Q, p)`` float32: these, as points of the space of `patterns`.
    """

    tracklets: Int64
    times_s: Float64
    features: Float32 | Float64
    printed: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))
    fur_descriptors: Float32 = field(default_factory=lambda: np.zeros((0, 1), np.float32))

    def __len__(self) -> int:
        return len(self.times_s)

    def regroup(self, groups: Int64) -> TrackletFeatures:
        """Pieces, without prints, of groups ``(T,)`` of tracklets instead of tracklets."""
        of = groups[self.tracklets]
        order = np.argsort(of, kind="stable")
        return TrackletFeatures(of[order], self.times_s[order], self.features[order])


@dataclass(frozen=True, eq=False, slots=True)
class AppearanceFeatures:
    """Looks of whatever, ``(n, r)`` float64, NaN where unknown, and the pieces that each is the mean of, ``(n,)``."""

    means: Float64
    counts: Float64

    def __getitem__(self, rows: Int64) -> AppearanceFeatures:
        """Return some of them."""
        return AppearanceFeatures(self.means[rows], self.counts[rows])

    @classmethod
    def average(cls, seen: Float32 | Float64, owners: Int64, n: int) -> AppearanceFeatures:
        """Views of `n` owners, of pieces ``(P, r)`` that are theirs by `owners` ``(P,)``."""
        sums, counts = add_up(seen, owners, n)
        return cls(
            np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], np.nan), counts
        )


@dataclass(frozen=True, eq=False, slots=True)
class AppearanceModel:
    """Tracklets in the space in which animals of the recording differ.

    Attributes
    ----------
    features : Views
        Of the tracklets.
    same, different : ndarray
        ``(r,)`` float64: variances of differences, within and between animals.
    calibration_weight : float
        Factor in [0, 1] by which odds are multiplied.
    alike : float
        Share of pairs of animals that look the same, as two of one coat do.
    """

    features: AppearanceFeatures
    same: Float64
    different: Float64
    calibration_weight: float
    alike: float = 0.0

    @classmethod
    def none(cls, n_tracklets: int) -> AppearanceModel:
        """Looks that say nothing."""
        unknown = AppearanceFeatures(np.full((n_tracklets, 1), np.nan), np.zeros(n_tracklets))
        return cls(unknown, np.ones(1), np.ones(1), 0.0)

    def compute_llrs(self, heads: Int64, tails: Int64) -> Float64:
        """Logarithms ``(E,)`` of how much likelier the looks are for one animal than for two."""
        return self.compare(self.features[heads], self.features[tails])

    def compare(self, a: AppearanceFeatures, b: AppearanceFeatures) -> Float64:
        """The same for views ``(E,)``; 0 where one of them is unknown."""
        differences = a.means - b.means
        known = np.asarray(np.isfinite(differences).all(axis=1), bool)
        odds = compute_odds(
            np.where(known[:, None], differences, 0), self.same, self.different, self.alike
        )
        return np.asarray(
            np.clip(np.where(known, self.calibration_weight * odds, 0), -MOST_GAIN, MOST_GAIN),
            np.float64,
        )


def fit_appearance_model(
    tracklet_features: TrackletFeatures, groups: Int64, n_animals: int, rng: np.random.Generator
) -> AppearanceModel:
    """Learn what tells the animals apart, and how far to trust it.

    Parameters
    ----------
    tracklet_features : Pieces
    groups : ndarray
        ``(T,)`` int64: tracklets of one number are one animal for sure.
    n_animals : int
    rng : Generator
    """
    none = AppearanceModel.none(len(groups))
    tracklet_features = tracklet_features.regroup(groups)
    same, different = pair_same(tracklet_features, rng), pair_different(tracklet_features, rng)
    if min(len(same), len(different)) < LEAST_PAIRS or n_animals < 2:
        return none
    n_dims = min(MOST_DIMS, tracklet_features.features.shape[1], n_animals - 1)
    blocks = (tracklet_features.times_s // BLOCK_S).astype(np.int64) % 2
    proofs = [_prove(tracklet_features, same, different, blocks, k, n_dims) for k in (0, 1)]
    alike_pairs, apart_pairs = (np.concatenate(side) for side in zip(*proofs, strict=True))
    if not len(alike_pairs):
        return none
    # What varies within an animal is more on stretches that the axes were not learnt from.
    spread = fit_spread(alike_pairs)
    apart, alike = fit_apart(apart_pairs, spread)
    odds = [compute_odds(own, spread, apart, alike) for own in (alike_pairs, apart_pairs)]
    calibration_weight = calibrate(
        np.concatenate(odds), np.repeat([1.0, 0.0], [len(o) for o in odds])
    )
    if calibration_weight <= 0:
        return none
    seen = tracklet_features.features @ find_axes(
        tracklet_features.features, same, different, n_dims
    )
    features = AppearanceFeatures.average(seen, tracklet_features.tracklets, len(groups))[groups]
    return AppearanceModel(features, spread, apart, calibration_weight, alike)


def add_up(values: Float32 | Float64, groups: Int64, n_groups: int) -> tuple[Float64, Float64]:
    """Sums ``(n_groups, d)`` and counts ``(n_groups,)`` of the rows ``(n, d)`` of each group."""
    sums = np.column_stack([np.bincount(groups, column, n_groups) for column in values.T])
    return sums.astype(np.float64), np.bincount(groups, minlength=n_groups).astype(np.float64)


def pair_same(tracklet_features: TrackletFeatures, rng: np.random.Generator) -> Int64:
    """Pairs ``(k, 2)`` of pieces of one tracklet that lie some time apart."""
    bounds = np.searchsorted(
        tracklet_features.tracklets, np.arange(tracklet_features.tracklets.max(initial=-1) + 2)
    )
    sizes = np.diff(bounds)
    quota = np.minimum(sizes * 4, 400)
    first = np.repeat(bounds[:-1], quota)
    picks = np.column_stack(
        [first + (rng.random(len(first)) * np.repeat(sizes, quota)).astype(np.int64) for _ in "ab"]
    )
    apart = (
        np.abs(tracklet_features.times_s[picks[:, 0]] - tracklet_features.times_s[picks[:, 1]])
        >= LEAST_LAG_S
    )
    return thin(picks[apart], rng)


def pair_different(
    tracklet_features: TrackletFeatures, rng: np.random.Generator, at_once_s: float = AT_ONCE_S
) -> Int64:
    """Pairs ``(k, 2)`` of pieces of different tracklets seen at the same time."""
    order = np.argsort(tracklet_features.times_s, kind="stable")
    times = tracklet_features.times_s[order]
    pairs = []
    for shift in range(1, 9):
        a, b = order[:-shift], order[shift:]
        near = (times[shift:] - times[:-shift] < at_once_s) & (
            tracklet_features.tracklets[a] != tracklet_features.tracklets[b]
        )
        pairs.append(np.column_stack([a[near], b[near]]))
    return thin(np.concatenate(pairs), rng)


def thin(pairs: Int64, rng: np.random.Generator, most: int = _MOST_PAIRS) -> Int64:
    """So many pairs at most."""
    return pairs if len(pairs) <= most else pairs[rng.choice(len(pairs), most, replace=False)]


def find_axes(features: Float32 | Float64, same: Int64, different: Int64, n_dims: int) -> Float64:
    """Linear discriminants ``(d, n_dims)``: differences between animals over those within one (Fisher)."""
    within = scatter(features, same)
    usual = max(float(np.trace(within)) / len(within), 1e-9)  # boxes that are all alike do not vary
    return solve_axes(within, scatter(features, different), n_dims, RIDGE * usual)


def solve_axes(within: Float64, between: Float64, n_dims: int, ridge: float | Float64) -> Float64:
    """The same from scatters ``(d, d)`` of differences within and between animals.

    `ridge` ``(d,)`` is variance within animals that few pieces have not shown.
    """
    n = len(within)
    noise = within + ridge * np.eye(n)
    axes: Float64 = eigh(between, noise, subset_by_index=(n - n_dims, n - 1))[1][:, ::-1]
    return axes


def scatter(features: Float32 | Float64, pairs: Int64, weights: Float64 | None = None) -> Float64:
    """Mean square ``(d, d)`` of the differences of pairs, which count by their weights ``(E,)``, or all the same."""
    differences = (features[pairs[:, 0]] - features[pairs[:, 1]]).astype(np.float64)
    if weights is None:
        weights = np.ones(len(differences))
    squares: Float64 = (
        (differences * weights[:, None]).T @ differences / max(float(weights.sum()), 1e-12)
    )
    return squares


def scatter_means(
    owners: Int64,
    features: Float32 | Float64,
    same: Int64,
    different: Int64,
    weights: Float64 | None = None,
) -> Float64:
    """Mean square ``(d, d)`` of the differences of animals' means, in pairs that count by their weights ``(E,)``.

    Means of few pieces count less, or their noise would be taken for a difference.
    """
    used = np.unique(np.concatenate([same, different]))
    sums, counts = add_up(features[used], owners[used], int(owners.max()) + 1)
    means = (sums / np.maximum(counts, 1)[:, None])[owners]
    reliable = (counts / (counts + _PRIOR_PIECES))[owners][different].prod(axis=1)
    return scatter(means, different, reliable if weights is None else reliable * weights)


def fit_spread(differences: Float64, weights: Float64 | None = None) -> Float64:
    """Squared scales ``(r,)`` of Student's t, of greatest likelihood (EM)."""
    squares = np.square(differences)
    spread = np.maximum(np.average(squares, axis=0, weights=weights), 1e-9)
    for _ in range(_N_STEPS):
        tamed = (_FREEDOM + 1) / (_FREEDOM + squares / spread) * squares
        spread = np.maximum(np.average(tamed, axis=0, weights=weights), 1e-9)
    return np.asarray(spread, np.float64)


def fit_apart(differences: Float64, same: Float64) -> tuple[Float64, float]:
    """Variances ``(r,)`` between animals that do not look the same, and the share of pairs that do (EM)."""
    different, alike = np.maximum(fit_spread(differences), same), 0.1
    for _ in range(_N_STEPS):
        weights = expit(
            np.log1p(-alike) - np.log(alike) - compute_odds(differences, same, different)
        )
        alike = float(np.clip(1 - weights.mean(), _LEAST_ALIKE, 1 - _LEAST_ALIKE))
        different = np.maximum(fit_spread(differences, weights + 1e-9), same)
    return different, alike


def compute_odds(
    differences: Float64,
    same: Float64,
    different: Float64,
    alike: float = 0.0,
    n_coats: int | None = None,
) -> Float64:
    """Logarithm of the odds that two sights are one animal, both differences distributed as Student's t.

    A share `alike` of pairs of animals look as much the same in their coats, the first `n_coats`
    dimensions or all, as one animal does: coats then speak against one animal, but hardly for it.
    """
    wider = np.maximum(different, same)
    squares = np.square(differences)
    odds = np.log1p(squares / (wider * _FREEDOM)) - np.log1p(squares / (same * _FREEDOM))
    each = 0.5 * np.log(wider / same) + (_FREEDOM + 1) / 2 * odds
    coats: Float64 = each[..., :n_coats].sum(axis=-1)
    if alike > 0:
        coats = -np.logaddexp(np.log(alike), np.log1p(-alike) - coats)
    return coats if n_coats is None else coats + each[..., n_coats:].sum(axis=-1)


def _prove(
    tracklet_features: TrackletFeatures,
    same: Int64,
    different: Int64,
    blocks: Int64,
    k: int,
    n_dims: int,
) -> tuple[Float64, Float64]:
    """Learn on one half of the recording; differences ``(k, r)`` of the other half's pairs of each kind."""
    learnt = [pairs[(blocks[pairs] == k).all(axis=1)] for pairs in (same, different)]
    tested = [pairs[(blocks[pairs] != k).all(axis=1)] for pairs in (same, different)]
    if min(map(len, learnt)) < LEAST_PAIRS or min(map(len, tested)) < LEAST_PAIRS:
        return np.zeros((0, n_dims)), np.zeros((0, n_dims))
    seen = tracklet_features.features @ find_axes(
        tracklet_features.features, learnt[0], learnt[1], n_dims
    )
    alike, apart = (seen[pairs[:, 0]] - seen[pairs[:, 1]] for pairs in tested)
    return alike, apart


def calibrate(odds: Float64, labels: Float64) -> float:
    """Factor in [0, 1] that makes the odds fit the labels best, both classes counting the same (Platt)."""
    if not len(odds):
        return 0.0
    weights = np.where(labels > 0, 0.5 / max(labels.sum(), 1), 0.5 / max((1 - labels).sum(), 1))

    def lose(parameters: Float64) -> float:
        likely = expit(parameters[0] * odds + parameters[1])
        return float(-(weights * np.log(np.where(labels > 0, likely, 1 - likely) + 1e-12)).sum())

    best = minimize(lose, np.array([0.5, 0.0]), method="Nelder-Mead")
    return float(np.clip(best.x[0], 0, 1))
