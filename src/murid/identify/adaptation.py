"""Learning a recording's animals from prints of their fur, without labels, and judging whether that helps.

Pieces of one tracklet are one animal, tracklets seen at the same time are different ones; of these pairs come linear
discriminants (Fisher) of everything that was seen. What is learnt on some stretches of the recording is tried on the
others, with the prints and without: they are used only if they tell more of these pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from murid.core.types import Float32, Float64, Int64
from murid.identify.appearance import (
    AT_ONCE_S,
    BLOCK_S,
    LEAST_PAIRS,
    MOST_DIMS,
    PIECE_S,
    Looks,
    Pieces,
    Views,
    add_up,
    calibrate,
    compute_odds,
    pair_different,
    pair_same,
    scatter,
    solve_axes,
    thin,
)

LEAST_GAIN = 0.01
"""Held-out log likelihood, in nats a pair, that prints have to gain, and tell more of the pairs rightly."""
_SHRINKAGE = 0.3
_PRIOR_PIECES = 20
_N_PARTS = 3
_STRETCHES = (1, 4, 16)  # pieces whose mean is tried on held-out stretches
_LEAST_SHARE = 0.02  # of the variance of single pieces that remains however many are averaged
_MOST_TRIED = 4000  # pairs of each kind and length


@dataclass(frozen=True, eq=False, slots=True)
class Adaptation:
    """What prints were found to be worth on stretches of the recording that nothing was learnt from.

    Attributes
    ----------
    before, after : float
        Share of held-out pairs of stretches told rightly as one animal or two, without prints and with them.
    used : bool
        Whether the prints are used.
    """

    before: float
    after: float
    used: bool


@dataclass(frozen=True, eq=False, slots=True)
class _Pairs:
    """Pairs of stretches: differences ``(E, r)``, pieces' share in their variance ``(E,)``, whether of one animal."""

    differences: Float64
    shares: Float64
    is_same: NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class _Proof:
    """How features did on held-out stretches: variances as in `Looks`, trust, loss in nats, share told rightly."""

    same: Float64
    different: Float64
    noise: Float64
    trust: float
    loss: float
    right: float


def adapt_looks(
    pieces: Pieces, groups: Int64, n_animals: int, rng: np.random.Generator
) -> tuple[Looks | None, Adaptation | None]:
    """Learn what tells the animals apart from embeddings, size and prints.

    Parameters
    ----------
    pieces : Pieces
    groups : ndarray
        ``(T,)`` int64: tracklets of one number are one animal for sure.
    n_animals : int
    rng : Generator

    Returns
    -------
    looks : Looks or None
        None if prints do not help.
    adaptation : Adaptation or None
        None if there are too few pairs to judge.
    """
    of = groups[pieces.tracklets[pieces.printed]]
    order = np.argsort(of, kind="stable")
    rows = pieces.printed[order]
    own = Pieces(of[order], pieces.times_s[rows], pieces.features[rows])
    same, different = pair_same(own, rng), pair_different(own, rng)
    if min(len(same), len(different)) < LEAST_PAIRS or n_animals < 2:
        return None, None
    plain = _level(own.features, same)
    n_dims = min(MOST_DIMS, n_animals - 1)
    before = _prove(Pieces(own.tracklets, own.times_s, plain), same, different, n_dims, rng)
    everything = np.column_stack([plain, _level(pieces.prints[order].astype(np.float64), same)])
    after = _prove(Pieces(own.tracklets, own.times_s, everything), same, different, n_dims, rng)
    if before is None or after is None:
        return None, None
    used = after.trust > 0 and after.loss < before.loss - LEAST_GAIN and after.right > before.right
    adaptation = Adaptation(before.right, after.right, used)
    if not used:
        return None, adaptation
    seen = everything @ _learn(Pieces(own.tracklets, own.times_s, everything), same, different, n_dims)
    sums, counts = add_up(seen, own.tracklets, len(groups))
    means = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], np.nan)
    return Looks(Views(means, counts)[groups], after.same, after.different, after.noise, after.trust), adaptation


def _level(features: Float32 | Float64, same: Int64) -> Float64:
    """Features of which each varies as much as another one, on average, within an animal."""
    usual = np.square(features[same[:, 0]] - features[same[:, 1]]).mean()
    return np.asarray(features / np.sqrt(max(usual, 1e-12)), np.float64)


def _learn(pieces: Pieces, same: Int64, different: Int64, n_dims: int) -> Float64:
    """Discriminants ``(d, n_dims)`` of what differs between the means of animals.

    Means of few pieces are drawn towards the mean of all, or their noise would be taken for a difference.
    """
    used = np.unique(np.concatenate([same, different]))
    owners, middle = pieces.tracklets, pieces.features[used].mean(axis=0)
    sums, counts = add_up(pieces.features[used] - middle, owners[used], int(owners.max()) + 1)
    means = (sums / (counts + _PRIOR_PIECES)[:, None])[owners]
    return solve_axes(scatter(pieces.features, same), scatter(means, different), n_dims, _SHRINKAGE)


def _prove(pieces: Pieces, same: Int64, different: Int64, n_dims: int, rng: np.random.Generator) -> _Proof | None:
    """Learn on all but a third of the recording what is tried on that, for each third."""
    parts = (pieces.times_s // BLOCK_S).astype(np.int64) % _N_PARTS
    spreads, odds, labels = [], [], []
    for part in range(_N_PARTS):
        learnt = [pairs[(parts[pairs] != part).all(axis=1)] for pairs in (same, different)]
        if min(map(len, learnt)) < LEAST_PAIRS:
            return None
        seen = pieces.features @ _learn(pieces, learnt[0], learnt[1], n_dims)
        tried = np.flatnonzero(parts == part)
        tests = _pair_stretches(Pieces(pieces.tracklets[tried], pieces.times_s[tried], seen[tried]), rng)
        tests = [own for own in tests if own.is_same.any() and not own.is_same.all()]
        if not tests:
            return None
        spread = _measure_spread(tests)
        spreads.append(spread)
        for own in tests:
            blur = spread[2] * own.shares[:, None]
            odds.append(compute_odds(own.differences, spread[0] + blur, spread[1] + blur))
            labels.append(own.is_same)
    said, truth = np.concatenate(odds), np.concatenate(labels)
    trust = calibrate(said, truth.astype(np.float64))
    within, between, noise = np.mean(spreads, axis=0)
    return _Proof(within, between, noise, trust, *_judge(trust * said, truth))


def _judge(odds: Float64, is_same: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean loss in nats and share told rightly, both kinds of pairs counting the same, at the best threshold."""

    def lose(threshold: float) -> float:
        return float(np.mean([np.logaddexp(0, side * (threshold - odds[own])).mean() for side, own in kinds]))

    kinds = ((1, is_same), (-1, ~is_same))
    best = minimize_scalar(lose, bounds=(odds.min() - 1, odds.max() + 1), method="bounded")
    right = [((side * (odds[own] - best.x) > 0) + 0.5 * (odds[own] == best.x)).mean() for side, own in kinds]
    return float(best.fun), float(np.mean(right))


def _pair_stretches(pieces: Pieces, rng: np.random.Generator) -> list[_Pairs]:
    """Pairs of stretches of each length."""
    codes = pieces.tracklets * (int(pieces.times_s.max(initial=0) // BLOCK_S) + 1)
    codes = codes + (pieces.times_s // BLOCK_S).astype(np.int64)
    _, firsts, runs = np.unique(codes, return_index=True, return_inverse=True)
    ranks = np.arange(len(codes)) - firsts[runs]
    tests = []
    for length in _STRETCHES:
        _, numbers = np.unique(np.column_stack([runs, ranks // length]), axis=0, return_inverse=True)
        columns: Float64 = np.column_stack([pieces.tracklets, pieces.times_s, pieces.features])
        sums, counts = add_up(columns, numbers.ravel(), int(numbers.max(initial=-1)) + 1)
        whole = counts > length / 2
        means, counts = (sums / counts[:, None])[whole], counts[whole]
        stretches = Pieces(means[:, 0].round().astype(np.int64), means[:, 1], means[:, 2:])
        at_once_s = max(AT_ONCE_S, length * PIECE_S / 2)
        pairs = [pair_same(stretches, rng), pair_different(stretches, rng, at_once_s)]
        a, b = np.concatenate([thin(own, rng, _MOST_TRIED) for own in pairs]).T
        is_same = np.repeat([True, False], [min(len(own), _MOST_TRIED) for own in pairs])
        tests.append(_Pairs(means[a, 2:] - means[b, 2:], 1 / counts[a] + 1 / counts[b], is_same))
    return tests


def _measure_spread(tests: list[_Pairs]) -> Float64:
    """Variances ``(3, r)``: within and between animals, and what a single piece adds to both."""
    short, long = tests[0], tests[-1]
    small, large = (np.square(own.differences[own.is_same]).mean(axis=0) for own in (long, short))
    few, many = short.shares[short.is_same].mean(), long.shares[long.is_same].mean()
    noise = np.maximum(large - small, 0) / max(few - many, 1e-6)
    within = np.maximum(np.maximum(small - noise * many, _LEAST_SHARE * large), 1e-9)
    apart = np.square(long.differences[~long.is_same]).mean(axis=0) - noise * long.shares[~long.is_same].mean()
    return np.stack([within, np.maximum(apart, within), noise])
