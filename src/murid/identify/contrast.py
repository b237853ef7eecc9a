"""Whether two animals were exchanged: what differed between them before is held against what differs after.

Two differences that point the same way speak for the names as they are, opposite ones against them: the product of two
differences that share no sight, as in the cross-validated distance of Walther et al. (NeuroImage 2016). Where an animal
differs from which is not asked. What varies within an animal is learnt from single tracklets, and only a little from
groups of them: a group that holds two animals would take their difference for the variation of one, and so hide itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from murid.core.types import Float64, Int64
from murid.identify.appearance import Pieces, Views, pair_different, pair_same, scatter, scatter_means, solve_axes

MOST_ODDS = 32.0
"""Highest logarithm of odds that looks may add to one decision."""
LONGEST_LAG_S = 20.0
"""Longest time between two sights of an animal from which its variation is learnt."""
DEPENDENCE = 2.5
"""Pieces next to each other are worth so many times less than independent ones."""
_MOST_DIMS = 8
_GROUPED = 0.1  # weight of variation within groups, beside that within tracklets
_LEAST_PAIRS = 30


@dataclass(frozen=True, eq=False, slots=True)
class Contrast:
    """Tracklets in the space in which animals differ most for what varies within each.

    Attributes
    ----------
    views : Views
        ``(T,)`` of the tracklets.
    noise : float
        Trace of the covariance of single pieces within an animal.
    square : float
        Trace of the square of that.
    trust : float
        Factor by which odds are multiplied; 0 = they say nothing.
    """

    views: Views
    noise: float
    square: float
    trust: float

    @classmethod
    def none(cls, n_tracklets: int) -> Contrast:
        """Contrast that says nothing."""
        return cls(Views(np.full((n_tracklets, 1), np.nan), np.zeros(n_tracklets)), 1.0, 1.0, 0.0)

    def compare_exchanged(self, before: tuple[Views, Views], after: tuple[Views, Views]) -> Float64:
        """Logarithms ``(k,)`` of how much likelier two animals are the same after as before than exchanged.

        Where one of the four is unknown, the one on its side is held against both of the other side.
        """
        (a, b), (c, d) = before, after
        return (
            self._compare_differences(before, after)
            + np.where(d.counts > 0, 0, self.compare_owners(c, a, b))
            + np.where(c.counts > 0, 0, self.compare_owners(d, b, a))
            + np.where(b.counts > 0, 0, self.compare_owners(a, c, d))
            + np.where(a.counts > 0, 0, self.compare_owners(b, d, c))
        )

    def compare_owners(self, views: Views, one: Views, other: Views) -> Float64:
        """Logarithms ``(k,)`` of how much likelier views are of one animal than of another; 0 where one is unknown."""
        apart, blur, share = one.means - other.means, _share(one) + _share(other), _share(views)
        distance = np.maximum(np.square(apart).sum(axis=1) - self.noise * blur, 0)
        said = ((views.means - (one.means + other.means) / 2) * apart).sum(axis=1)
        said += self.noise / 2 * (_share(one) - _share(other))
        variance = self._usual * distance * (share + blur / 4) + self.square * share * blur
        return self._weigh(distance * said / (DEPENDENCE * variance + 1e-9))

    def _compare_differences(self, before: tuple[Views, Views], after: tuple[Views, Views]) -> Float64:
        early, late = (a.means - b.means for a, b in (before, after))
        blur, other_blur = (_share(a) + _share(b) for a, b in (before, after))
        said = (early * late).sum(axis=1)
        variance = blur * other_blur * self.square + (blur + other_blur) * self._usual * np.abs(said)
        score = said / np.sqrt(DEPENDENCE * variance + 1e-9)
        return self._weigh(log_ndtr(score) - log_ndtr(-score))  # any distance of the two being as likely as another

    @property
    def _usual(self) -> float:
        """Variance of pieces along a direction in which they vary as is usual."""
        return self.square / max(self.noise, 1e-9)

    def _weigh(self, odds: Float64) -> Float64:
        return np.clip(self.trust * np.nan_to_num(odds), -MOST_ODDS, MOST_ODDS).astype(np.float64)


def _share(views: Views) -> Float64:
    shares: Float64 = 1 / np.maximum(views.counts, 1)
    return shares


def fit_contrast(pieces: Pieces, ridge: Float64, groups: Int64, trust: float, rng: np.random.Generator) -> Contrast:
    """Learn what varies within an animal, and in what animals differ.

    Parameters
    ----------
    pieces : Pieces
        All that is seen of them in their features.
    ridge : ndarray
        ``(d,)`` float64 variance within animals that few pieces have not shown.
    groups : ndarray
        ``(T,)`` int64: tracklets of one number are one animal, as far as is known.
    trust : float
        Of looks, as of `Looks`.
    rng : Generator
    """
    n = len(groups)
    alone, grouped = _measure(pieces, np.arange(n), rng), _measure(pieces, groups, rng)
    if trust <= 0 or alone is None or grouped is None:
        return Contrast.none(n)
    (within, between), (longer, wider) = alone, grouped
    axes = solve_axes(within + _GROUPED * longer, between + wider, min(_MOST_DIMS, len(within)), ridge)
    covariance = axes.T @ longer @ axes / 2
    views = Views.average(pieces.features @ axes, pieces.tracklets, n)
    return Contrast(views, float(np.trace(covariance)), float(np.square(covariance).sum()), trust)


def _measure(pieces: Pieces, groups: Int64, rng: np.random.Generator) -> tuple[Float64, Float64] | None:
    """Scatters ``(d, d)`` within groups, of pieces soon after each other, and between the means of two seen at once."""
    own = pieces.regroup(groups)
    same, different = pair_same(own, rng), pair_different(own, rng)
    same = same[np.ptp(own.times_s[same], axis=1) <= LONGEST_LAG_S]
    if min(len(same), len(different)) < _LEAST_PAIRS:
        return None
    return scatter(own.features, same), scatter_means(own.tracklets, own.features, same, different)
