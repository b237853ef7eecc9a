"""Whether two animals were exchanged: what differed between them before is held against what differs after.

Two differences that point the same way speak for the names as they are, opposite ones against them:
the product of two differences that share no sight, as in the cross-validated distance of Walther et
al. (NeuroImage 2016). Where an animal differs from which is not asked. What varies within an animal
is learnt from single tracklets, and only a little from groups of them: a group that holds two
animals would take their difference for the variation of one, and so hide itself. For the same
reason a stretch of the recording is judged by what was learnt from the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit, log_ndtr

from murid.core.types import Float32, Float64, Int64
from murid.identification.appearance_model import (
    BLOCK_S,
    AppearanceFeatures,
    TrackletFeatures,
    add_up,
    compute_odds,
    fit_apart,
    fit_spread,
    pair_different,
    pair_same,
    scatter,
    scatter_means,
    solve_axes,
)

MOST_ODDS = 32.0
"""Highest logarithm of odds that looks may add to one decision."""
LEAST_LIMIT, ODDS_PER_PIECE = 2.0, 2.0
"""That of looks that were seen in hardly any piece, and how much it rises with each, of the animal
seen least."""
LONGEST_LAG_S = 20.0
"""Longest time between two sights of an animal from which its variation is learnt."""
DEPENDENCE, FEW = 0.9, 1.0
"""Variance of a mean of pieces, in that of as many independent ones: of many, and how much more of
a single one."""
NEWS = 2.0
"""A piece is worth a whole sight if it differs from the one before it by half of what is usual,
squared."""
_N_PARTS = 5
_MOST_DIMS = 8
_GROUPED = 0.1  # weight of variation within groups, beside that within tracklets
_LEAST_PAIRS = 30


@dataclass(frozen=True, eq=False, slots=True)
class CoatVariance:
    """How much animals of one coat, and of different ones, differ in each space.

    Attributes
    ----------
    same, different : ndarray
        ``(p, r)`` float64 variances of differences of pieces.
    alike : ndarray
        ``(p,)`` float64 share of pairs of animals that look the same.
    """

    same: Float64
    different: Float64
    alike: Float64

    def tell(self, differences: Float64, spaces: Int64) -> Float64:
        """How likely animals ``(k,)`` that differ so much have different coats."""
        swap_probabilities = np.ones(len(spaces))
        for space in range(len(self.alike)):
            own = spaces == space
            odds = compute_odds(differences[own], self.same[space], self.different[space])
            swap_probabilities[own] = expit(
                np.log1p(-self.alike[space]) - np.log(self.alike[space]) - odds
            )
        return np.asarray(swap_probabilities, np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class SwapAppearance:
    """Tracklets in spaces in which animals differ most for what varies within each.

    There are a few spaces, each learnt from all but some stretches of the recording, which are to
    be compared in it: in a space that was learnt from it, a wrongly joined stretch looks like what
    it was joined to.

    Attributes
    ----------
    means : ndarray
        ``(p, T, r)`` float32 looks of the tracklets in each space, NaN where unknown.
    counts : ndarray
        ``(T,)`` float64 pieces that are worth a sight of their own.
    noise : ndarray
        ``(p,)`` float64 trace of the covariance of single pieces within an animal.
    square : ndarray
        ``(p,)`` float64 trace of the square of that.
    calibration_weight : float
        Factor by which odds are multiplied; 0 = they say nothing.
    coats : Coats, optional
        Where it is by these alone that animals are told: two of one coat differ by where they are,
        and in what light.
    """

    means: Float32
    counts: Float64
    noise: Float64
    square: Float64
    calibration_weight: float
    coats: CoatVariance | None = None

    @classmethod
    def none(cls, n_tracklets: int) -> SwapAppearance:
        """Contrast that says nothing."""
        return cls(
            np.full((1, n_tracklets, 1), np.nan, np.float32),
            np.zeros(n_tracklets),
            np.ones(1),
            np.ones(1),
            0.0,
        )

    def find_spaces(self, times_s: Float64) -> Int64:
        """Spaces ``(k,)`` in which to compare what was seen at some time."""
        return _find_parts(times_s, len(self.means))

    def look_at(self, tracklets: Int64, spaces: Int64) -> AppearanceFeatures:
        """Views ``(k,)`` of tracklets."""
        return AppearanceFeatures(
            self.means[spaces, tracklets].astype(np.float64), self.counts[tracklets]
        )

    def compare_exchanged(
        self,
        before: tuple[AppearanceFeatures, AppearanceFeatures],
        after: tuple[AppearanceFeatures, AppearanceFeatures],
        spaces: Int64,
    ) -> Float64:
        """Logarithms ``(k,)`` of how much likelier two animals are the same after as before than exchanged.

        Where one of the four is unknown, the one on its side is held against both of the other
        side.
        """
        (a, b), (c, d) = before, after
        return (
            self._compare_differences(before, after, spaces)
            + np.where(d.counts > 0, 0, self.compare_owners(c, a, b, spaces))
            + np.where(c.counts > 0, 0, self.compare_owners(d, b, a, spaces))
            + np.where(b.counts > 0, 0, self.compare_owners(a, c, d, spaces))
            + np.where(a.counts > 0, 0, self.compare_owners(b, d, c, spaces))
        )

    def compare_owners(
        self,
        features: AppearanceFeatures,
        one: AppearanceFeatures,
        other: AppearanceFeatures,
        spaces: Int64,
    ) -> Float64:
        """Logarithms ``(k,)`` of how much likelier views are of one animal than of another; 0 where one is unknown."""
        noise, square, usual = self._describe(spaces)
        apart, blur, share = one.means - other.means, _share(one) + _share(other), _share(features)
        distance = np.maximum(np.square(apart).sum(axis=1) - noise * blur, 0)
        said = ((features.means - (one.means + other.means) / 2) * apart).sum(axis=1)
        said += noise / 2 * (_share(one) - _share(other))
        variance = usual * distance * (share + blur / 4) + square * share * blur
        odds = distance * said / (DEPENDENCE * variance + 1e-9)
        return self._weigh(odds, self._tell_coats(apart, spaces), features, one, other)

    def _compare_differences(
        self,
        before: tuple[AppearanceFeatures, AppearanceFeatures],
        after: tuple[AppearanceFeatures, AppearanceFeatures],
        spaces: Int64,
    ) -> Float64:
        _, square, usual = self._describe(spaces)
        early, late = (a.means - b.means for a, b in (before, after))
        blur, other_blur = (_share(a) + _share(b) for a, b in (before, after))
        said = (early * late).sum(axis=1)
        variance = blur * other_blur * square + (blur + other_blur) * usual * np.abs(said)
        score = said / np.sqrt(DEPENDENCE * variance + 1e-9)
        odds = log_ndtr(score) - log_ndtr(
            -score
        )  # any distance of the two being as likely as another
        told = np.minimum(self._tell_coats(early, spaces), self._tell_coats(late, spaces))
        return self._weigh(odds, told, *before, *after)

    def _describe(self, spaces: Int64) -> tuple[Float64, Float64, Float64]:
        """Noise, its square, and the variance of pieces along a direction in which they vary as is usual."""
        noise, square = self.noise[spaces], self.square[spaces]
        return noise, square, square / np.maximum(noise, 1e-9)

    def _tell_coats(self, differences: Float64, spaces: Int64) -> Float64:
        if self.coats is None:
            return np.ones(len(spaces))
        return self.coats.tell(np.nan_to_num(differences), spaces)

    def _weigh(self, odds: Float64, told: Float64, *seen: AppearanceFeatures) -> Float64:
        """Odds as far as they are to be trusted: a sight may be of half an animal, and then so are those soon after.

        They hold by the chance ``(k,)`` that such two can be `told`, else either is as likely.
        """
        fewest = np.min([features.counts for features in seen], axis=0)
        most = np.minimum(LEAST_LIMIT + ODDS_PER_PIECE * fewest, MOST_ODDS)
        trusted = self.calibration_weight * np.nan_to_num(odds)
        with np.errstate(divide="ignore"):
            swap_probabilities, neither = np.log(told), np.log1p(-told) - np.log(2)
        kept, exchanged = (
            np.logaddexp(swap_probabilities + log_expit(side * trusted), neither)
            for side in (1, -1)
        )
        return np.asarray(np.clip(kept - exchanged, -most, most), np.float64)


def _share(features: AppearanceFeatures) -> Float64:
    """Variance of means ``(k,)``, in that of a single piece."""
    counts = np.maximum(features.counts, 1)
    shares: Float64 = (1 + FEW / counts) / counts
    return shares


def fit_swap_appearance(
    tracklet_features: TrackletFeatures,
    ridge: Float64,
    groups: Int64,
    calibration_weight: float,
    rng: np.random.Generator,
    by_coats: bool = False,
) -> SwapAppearance:
    """Learn what varies within an animal, and in what animals differ.

    Parameters
    ----------
    tracklet_features : Pieces
        All that is seen of them in their features.
    ridge : ndarray
        ``(d,)`` float64 variance within animals that few pieces have not shown.
    groups : ndarray
        ``(T,)`` int64: tracklets of one number are one animal, as far as is known.
    calibration_weight : float
        Of looks, as of `AppearanceModel`.
    rng : Generator
    by_coats : bool
        Whether features show nothing but coats.
    """
    parts = _find_parts(tracklet_features.times_s, _N_PARTS)
    pairs = np.argsort(groups[tracklet_features.tracklets], kind="stable")[
        pair_same(tracklet_features.regroup(groups), rng)
    ]
    fresh, appearance, noise, square, coats = np.ones(len(tracklet_features)), [], [], [], []
    others = np.argsort(groups[tracklet_features.tracklets], kind="stable")[
        pair_different(tracklet_features.regroup(groups), rng)
    ]
    for part in range(_N_PARTS if calibration_weight > 0 else 0):
        rest, across = np.flatnonzero(parts != part), pairs[(parts[pairs] == part).sum(axis=1) == 1]
        if len(across) < _LEAST_PAIRS:  # of a short recording all is learnt from
            rest, across = np.arange(len(tracklet_features)), pairs
        axes = _learn(tracklet_features, rest, ridge, groups, rng)
        if axes is None:
            return SwapAppearance.none(len(groups))
        appearance.append(tracklet_features.features @ axes)
        covariance = scatter(appearance[-1], across) / 2
        noise.append(float(np.trace(covariance)))
        square.append(float(np.square(covariance).sum()))
        if by_coats:
            spread = fit_spread(_subtract(appearance[-1], across))
            coats.append((spread, *fit_apart(_subtract(appearance[-1], others), spread)))
        own = parts == part
        fresh[own] = _find_fresh(tracklet_features.tracklets, appearance[-1], 2 * noise[-1])[own]
    if not appearance:
        return SwapAppearance.none(len(groups))
    counts = np.bincount(tracklet_features.tracklets, fresh, len(groups)).astype(np.float64)
    weights = (fresh / np.maximum(counts, 1e-9)[tracklet_features.tracklets])[:, None]
    means = np.full((_N_PARTS, len(groups), appearance[0].shape[1]), np.nan, np.float32)
    known = counts > 0
    for part, seen in enumerate(appearance):  # one after the other, since a day has many tracklets
        means[part, known] = add_up(seen * weights, tracklet_features.tracklets, len(groups))[0][
            known
        ]
    told = (
        CoatVariance(*(np.array(column) for column in zip(*coats, strict=True)))
        if by_coats
        else None
    )
    return SwapAppearance(
        means, counts, np.array(noise), np.array(square), calibration_weight, told
    )


def _subtract(seen: Float64, pairs: Int64) -> Float64:
    return np.asarray(seen[pairs[:, 0]] - seen[pairs[:, 1]], np.float64)


def _find_fresh(tracklets: Int64, seen: Float64, usual: float) -> Float64:
    """How much of a sight of its own each piece ``(P,)`` is: an animal that lies still shows the same one on and on."""
    news = np.square(np.diff(seen, axis=0)).sum(axis=1) / max(usual, 1e-9)
    fresh: Float64 = np.append(
        1.0, np.where(tracklets[1:] == tracklets[:-1], np.minimum(NEWS * news, 1), 1.0)
    )
    return fresh[: len(tracklets)]


def _find_parts(times_s: Float64, n_parts: int) -> Int64:
    return (times_s // BLOCK_S).astype(np.int64) % n_parts


def _learn(
    tracklet_features: TrackletFeatures,
    rows: Int64,
    ridge: Float64,
    groups: Int64,
    rng: np.random.Generator,
) -> Float64 | None:
    """Axes ``(d, r)`` from some of the pieces; None if there are too few pairs."""
    own = TrackletFeatures(
        tracklet_features.tracklets[rows],
        tracklet_features.times_s[rows],
        tracklet_features.features[rows],
    )
    alone, grouped = _measure(own, np.arange(len(groups)), rng), _measure(own, groups, rng)
    if alone is None or grouped is None:
        return None
    (within, between), (longer, wider) = alone, grouped
    return solve_axes(
        within + _GROUPED * longer, between + wider, min(_MOST_DIMS, len(within)), ridge
    )


def _measure(
    tracklet_features: TrackletFeatures, groups: Int64, rng: np.random.Generator
) -> tuple[Float64, Float64] | None:
    """Scatters ``(d, d)`` within groups, of pieces soon after each other, and between the means of two seen at once."""
    own = tracklet_features.regroup(groups)
    same, different = pair_same(own, rng), pair_different(own, rng)
    same = same[np.ptp(own.times_s[same], axis=1) <= LONGEST_LAG_S]
    if min(len(same), len(different)) < _LEAST_PAIRS:
        return None
    return scatter(own.features, same), scatter_means(own.tracklets, own.features, same, different)
