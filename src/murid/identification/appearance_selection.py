"""Learning a recording's animals from prints of their fur, without labels, and judging whether that helps.

Pieces of one tracklet are one animal, tracklets seen at the same time are different ones; of these
pairs come linear discriminants (Fisher) of everything that was seen. What is learnt on some
stretches of the recording is tried on the others, with the prints and without: they are used only
if they tell more of these pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from murid.core.types import Float32, Float64, Int64
from murid.identification.appearance_model import (
    AT_ONCE_S,
    BLOCK_S,
    LEAST_PAIRS,
    MOST_DIMS,
    PIECE_S,
    TrackletFeatures,
    add_up,
    calibrate,
    compute_odds,
    fit_apart,
    fit_spread,
    pair_different,
    pair_same,
    scatter,
    scatter_means,
    solve_axes,
    thin,
)

LEAST_GAIN = 0.01
"""Held-out log likelihood, in nats a pair, that prints have to gain, and tell more of the pairs
rightly."""
_RIDGE = 0.05
"""Of embeddings and size, as a share of how much each varies within an animal, which is what pieces
have in common."""
_PRINT_RIDGE = 0.3
"""Of prints, of which there are so many more values than pieces that only their common direction
says something."""
_N_PARTS = 3
_STRETCHES = (1, 4, 16)  # pieces whose mean is tried on held-out stretches
_LEAST_SHARE = 0.02  # of the variance of single pieces that remains however many are averaged
_COATS_TELL = -1.0  # logarithm of odds by which two coats are told apart
_MOST_TRIED = 4000  # pairs of each kind and length


@dataclass(frozen=True, eq=False, slots=True)
class AppearanceSelection:
    """What prints were found to be worth on stretches of the recording that nothing was learnt from.

    Attributes
    ----------
    before, after : float
        Share of held-out pairs of stretches told rightly as one animal or two, without prints and
        with them.
    used : bool
        Whether the prints are used.
    """

    before: float
    after: float
    used: bool


@dataclass(frozen=True, eq=False, slots=True)
class _Features:
    """What pieces of groups of tracklets look like: without prints ``(P, d)``, and all of it ``(P, d + p)``."""

    owners: Int64
    times_s: Float64
    plain: Float32
    everything: Float32

    def see(self, axes: tuple[Float64, Float64]) -> TrackletFeatures:
        """Pieces along the axes that tell coats, and those that tell animals of one coat."""
        seen = np.column_stack([self.plain @ axes[0], self.everything @ axes[1]]).astype(np.float64)
        return TrackletFeatures(self.owners, self.times_s, seen)


@dataclass(frozen=True, eq=False, slots=True)
class _Pairs:
    """Pairs of stretches: differences ``(E, r)``, pieces' share in their variance ``(E,)``, whether of one animal."""

    differences: Float64
    shares: Float64
    is_same: NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class _Spread:
    """Variances ``(r,)`` within and between animals, what a single piece adds to both, and the share of one coat."""

    same: Float64
    different: Float64
    noise: Float64
    alike: float

    def compare(self, pairs: _Pairs, n_coats: int) -> tuple[Float64, Float64]:
        """Logarithms ``(E,)`` of the odds that pairs are one animal, by their coats alone and by everything."""
        blur = self.noise * pairs.shares[:, None]
        same, different, seen = self.same + blur, self.different + blur, pairs.differences
        coats = compute_odds(
            seen[:, :n_coats], same[:, :n_coats], different[:, :n_coats], self.alike
        )
        return coats, compute_odds(seen, same, different, self.alike, n_coats)


def cross_validate_fur(
    tracklet_features: TrackletFeatures, groups: Int64, n_animals: int, rng: np.random.Generator
) -> tuple[AppearanceSelection | None, float]:
    """Find out whether prints help to tell the animals apart, beside embeddings and size.

    Parameters
    ----------
    tracklet_features : Pieces
    groups : ndarray
        ``(T,)`` int64: tracklets of one number are one animal for sure.
    n_animals : int
    rng : Generator

    Returns
    -------
    adaptation : Adaptation or None
        None if there are too few pairs to judge.
    calibration_weight : float
        Factor in [0, 1] by which odds of everything that is seen are to be multiplied.
    """
    of = groups[tracklet_features.tracklets[tracklet_features.printed]]
    order = np.argsort(of, kind="stable")
    rows = tracklet_features.printed[order]
    own = TrackletFeatures(
        of[order], tracklet_features.times_s[rows], tracklet_features.features[rows]
    )
    same, different = pair_same(own, rng), pair_different(own, rng)
    if min(len(same), len(different)) < LEAST_PAIRS or n_animals < 2:
        return None, 0.0
    plain = _level(own.features, same)
    everything = np.column_stack([plain, _level(tracklet_features.fur_descriptors[order], same)])
    features = _Features(own.tracklets, own.times_s, plain, everything)
    return _prove(features, same, different, min(MOST_DIMS, n_animals - 1), rng)


def scale_features(
    tracklet_features: TrackletFeatures, printed: bool
) -> tuple[TrackletFeatures, Float64]:
    """Pieces with all that is seen of them side by side, as `swap_appearance.fit_swap_appearance` wants them.

    Parameters
    ----------
    tracklet_features : Pieces
    printed : bool
        Whether prints count; then only pieces that have any are taken.

    Returns
    -------
    tracklet_features : Pieces
    ridge : ndarray
        ``(d,)`` float64, of each feature.
    """
    rows = tracklet_features.printed if printed else np.arange(len(tracklet_features))
    own = TrackletFeatures(
        tracklet_features.tracklets[rows],
        tracklet_features.times_s[rows],
        tracklet_features.features[rows],
    )
    same = pair_same(own, np.random.default_rng(0))
    parts = [_level(own.features, same)]
    if printed:
        parts.append(_level(tracklet_features.fur_descriptors, same))
    everything: Float32 = np.column_stack(parts)
    return TrackletFeatures(own.tracklets, own.times_s, everything), _choose_ridge(
        parts[0], everything
    )


def _level(features: Float32 | Float64, same: Int64) -> Float32:
    """Features of which each varies as much as another one, on average, within an animal."""
    if not len(same):
        return features.astype(np.float32)
    usual = np.square(features[same[:, 0]] - features[same[:, 1]]).mean()
    return np.asarray(features / np.sqrt(max(usual, 1e-12)), np.float32)


def _choose_ridge(plain: Float32, everything: Float32) -> Float64:
    ridge: Float64 = np.repeat(
        [_RIDGE, _PRINT_RIDGE], [plain.shape[1], everything.shape[1] - plain.shape[1]]
    )
    return ridge


def _learn(
    features: _Features, same: Int64, different: Int64, n_dims: int
) -> tuple[Float64, Float64]:
    """Discriminants ``(d, n_dims)`` of coats, and ``(d + p, n_dims)`` of animals of one coat."""
    ridge = _choose_ridge(features.plain, features.everything)
    coats = _find_axes(
        features.owners, features.plain, ridge[: features.plain.shape[1]], same, different, n_dims
    )
    seen = features.plain @ coats
    spread = fit_spread(seen[same[:, 0]] - seen[same[:, 1]])
    differences = seen[different[:, 0]] - seen[different[:, 1]]
    weights = _weigh_alike(differences, spread, *fit_apart(differences, spread))
    return coats, _find_axes(
        features.owners, features.everything, ridge, same, different, n_dims, weights
    )


def _weigh_alike(differences: Float64, same: Float64, apart: Float64, alike: float) -> Float64:
    """How likely each pair ``(E,)`` of different animals is of one coat, from differences in their coats."""
    weights: Float64 = expit(
        np.log(alike) - np.log1p(-alike) + compute_odds(differences, same, apart)
    )
    return weights


def _find_axes(
    owners: Int64,
    features: Float32,
    ridge: Float64,
    same: Int64,
    different: Int64,
    n_dims: int,
    weights: Float64 | None = None,
) -> Float64:
    """Discriminants of what differs between animals, in pairs of them that count by their weights."""
    between = scatter_means(owners, features, same, different, weights)
    return solve_axes(scatter(features, same), between, n_dims, ridge)


def _prove(
    features: _Features, same: Int64, different: Int64, n_dims: int, rng: np.random.Generator
) -> tuple[AppearanceSelection | None, float]:
    """Learn on all but a third of the recording what is tried on that, for each third."""
    parts = (features.times_s // BLOCK_S).astype(np.int64) % _N_PARTS
    odds, labels = [], []
    for part in range(_N_PARTS):
        learnt = [pairs[(parts[pairs] != part).all(axis=1)] for pairs in (same, different)]
        if min(map(len, learnt)) < LEAST_PAIRS:
            return None, 0.0
        seen = features.see(_learn(features, learnt[0], learnt[1], n_dims))
        tried = np.flatnonzero(parts == part)
        tests = _pair_stretches(
            TrackletFeatures(seen.tracklets[tried], seen.times_s[tried], seen.features[tried]), rng
        )
        tests = [own for own in tests if own.is_same.any() and not own.is_same.all()]
        if not tests:
            return None, 0.0
        spread = _measure_spread(tests, n_dims)
        odds += [spread.compare(own, n_dims) for own in tests]
        labels += [own.is_same for own in tests]
    truth = np.concatenate(labels)
    before, after = (np.concatenate(said) for said in zip(*odds, strict=True))
    trusts = [calibrate(said, truth.astype(np.float64)) for said in (before, after)]
    (lost, right), (loses, tells) = (
        _judge(t * said, truth) for t, said in zip(trusts, (before, after), strict=True)
    )
    used = trusts[1] > 0 and loses < lost - LEAST_GAIN and tells > right
    # Pairs that coats tell apart are easy, and hide how often the others are told wrongly.
    return AppearanceSelection(right, tells, used), trusts[1] * float((before > _COATS_TELL).mean())


def _judge(odds: Float64, is_same: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean loss in nats and share told rightly, both kinds of pairs counting the same, at the best threshold."""

    def lose(threshold: float) -> float:
        return float(
            np.mean([np.logaddexp(0, side * (threshold - odds[own])).mean() for side, own in kinds])
        )

    kinds = ((1, is_same), (-1, ~is_same))
    best = minimize_scalar(lose, bounds=(odds.min() - 1, odds.max() + 1), method="bounded")
    right = [
        ((side * (odds[own] - best.x) > 0) + 0.5 * (odds[own] == best.x)).mean()
        for side, own in kinds
    ]
    return float(best.fun), float(np.mean(right))


def _pair_stretches(tracklet_features: TrackletFeatures, rng: np.random.Generator) -> list[_Pairs]:
    """Pairs of stretches of each length."""
    codes = tracklet_features.tracklets * (
        int(tracklet_features.times_s.max(initial=0) // BLOCK_S) + 1
    )
    codes = codes + (tracklet_features.times_s // BLOCK_S).astype(np.int64)
    _, firsts, runs = np.unique(codes, return_index=True, return_inverse=True)
    ranks = np.arange(len(codes)) - firsts[runs]
    tests = []
    for length in _STRETCHES:
        _, numbers = np.unique(
            np.column_stack([runs, ranks // length]), axis=0, return_inverse=True
        )
        columns: Float64 = np.column_stack(
            [tracklet_features.tracklets, tracklet_features.times_s, tracklet_features.features]
        )
        sums, counts = add_up(columns, numbers.ravel(), int(numbers.max(initial=-1)) + 1)
        whole = counts > length / 2
        means, counts = (sums / counts[:, None])[whole], counts[whole]
        stretches = TrackletFeatures(
            means[:, 0].round().astype(np.int64), means[:, 1], means[:, 2:]
        )
        at_once_s = max(AT_ONCE_S, length * PIECE_S / 2)
        pairs = [pair_same(stretches, rng), pair_different(stretches, rng, at_once_s)]
        a, b = np.concatenate([thin(own, rng, _MOST_TRIED) for own in pairs]).T
        is_same = np.repeat([True, False], [min(len(own), _MOST_TRIED) for own in pairs])
        tests.append(_Pairs(means[a, 2:] - means[b, 2:], 1 / counts[a] + 1 / counts[b], is_same))
    return tests


def _measure_spread(tests: list[_Pairs], n_coats: int) -> _Spread:
    """Variances within and between animals, of one coat beyond the first dimensions, and what a single piece adds."""
    short, long = tests[0], tests[-1]
    small, large = (np.square(own.differences[own.is_same]).mean(axis=0) for own in (long, short))
    few, many = short.shares[short.is_same].mean(), long.shares[long.is_same].mean()
    noise = np.maximum(large - small, 0) / max(few - many, 1e-6)
    within = np.maximum(np.maximum(small - noise * many, _LEAST_SHARE * large), 1e-9)
    differences, blur = long.differences[~long.is_same], noise * long.shares[~long.is_same].mean()
    coats = differences[:, :n_coats]
    alone = (within + blur)[:n_coats]
    apart, alike = fit_apart(coats, alone)
    weights = _weigh_alike(coats, alone, apart, alike) + 1e-9
    between = np.average(np.square(differences), axis=0, weights=weights)
    between[:n_coats] = apart
    return _Spread(within, np.maximum(between - blur, within), noise, alike)
