"""How far the animals of this recording get, and change their shape, in how long; learnt from its pure tracklets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.types import Float32, Float64, Int64
from murid.identification.tracklets import Tracklets

FREEDOM = 2.0
"""Degrees of freedom of the residuals' distribution: heavy tails, for animals start and stop at
once."""
IMPOSSIBLE = 1e-4
"""Share of links that no motion explains."""
HIDDEN_REACH = 0.6
"""Body lengths that an unseen animal moves by at most as a rule: who runs about is seen."""
COAST_S = 0.25
"""Time constant with which a predicted velocity dies away."""
VELOCITY_S = 0.15
"""Time over which a velocity is measured."""
LEAST_PLACE = 0.1
"""Least scale of places, body lengths: at its ends, where animals touch, a tracklet's boxes are
loose …"""
LEAST_SHAPE = 0.2
"""… and so is the logarithm of their sizes."""
WHOLE = 0.8
"""Longer side of the box, in body lengths, of an animal that is seen whole …"""
DISPLACED = 0.5
"""… and scale of places, for each body length that a box is shorter: the rest may lie at either
end."""
_LEAST_ALIKE = 1e-2
_LEAST_AREA = 4.0
_N_SAMPLES = 4000
_LEAST_SAMPLES = 30


@dataclass(frozen=True, eq=False, slots=True)
class Ends:
    """First and last detections of tracklets.

    Attributes
    ----------
    first, last : ndarray
        ``(T, 4)`` float32: centre x, y in body lengths, logarithms of width and height.
    entering, leaving : ndarray
        ``(T, 2)`` float64 velocities, body lengths a frame; 0 where a tracklet is too short to have
        one.
    moving : ndarray
        ``(T,)`` bool: whether it is long enough.
    """

    first: Float32
    last: Float32
    entering: Float64
    leaving: Float64
    moving: np.ndarray


def find_ends(shapes: Float32, tracklets: Tracklets, fps: float) -> Ends:
    """Measure the ends of the tracklets; `shapes` ``(M, 4)`` are in the order of their rows."""
    first, last = tracklets.offsets[:-1], tracklets.offsets[1:] - 1
    reach = np.minimum(last - first, max(2, round(VELOCITY_S * fps)))
    moving = reach >= 2
    transitions = np.maximum(reach, 1)[:, None]
    entering = (shapes[first + reach, :2] - shapes[first, :2]) / transitions
    leaving = (shapes[last, :2] - shapes[last - reach, :2]) / transitions
    return Ends(
        shapes[first], shapes[last], entering * moving[:, None], leaving * moving[:, None], moving
    )


@dataclass(frozen=True, eq=False, slots=True)
class MotionModel:
    """Scales of what motion leaves unexplained, by the length of the gap.

    Attributes
    ----------
    gaps : ndarray
        ``(G,)`` float64 frames, ascending, at which the scales were measured.
    moving, still, shape : ndarray
        ``(G,)`` float64: residual of places with and without velocities, in body lengths, and of
        the shape.
    shape_spread : float
        The same of the shapes of detections at random.
    area : float
        Where the animals go, in square body lengths.
    fps : float
        Frames per second.
    """

    gaps: Float64
    moving: Float64
    still: Float64
    shape: Float64
    shape_spread: float
    area: float
    fps: float

    def compute_llrs(self, ends: Ends, heads: Int64, tails: Int64, gaps: Int64) -> Float64:
        """Logarithms ``(E,)`` of how much likelier places and shapes are for one animal than for any other."""
        moving = ends.moving[heads] & ends.moving[tails]
        offsets = (ends.last[heads, :2] - ends.first[tails, :2]).astype(np.float64)
        residuals = offsets + _coast(ends.leaving[heads], ends.entering[tails], gaps, self.fps)
        distances = np.where(moving, _measure(residuals), _measure(offsets))
        scales = np.where(moving, self._look_up(self.moving, gaps), self._look_up(self.still, gaps))
        scales = np.sqrt(scales**2 + _displace(ends.last[heads]) + _displace(ends.first[tails]))
        place = np.log((1 - IMPOSSIBLE) * _density(distances, scales) * self.area + IMPOSSIBLE)
        change = _measure((ends.last[heads, 2:] - ends.first[tails, 2:]).astype(np.float64))
        spread = np.full(len(change), self.shape_spread)
        alike = _density(change, np.minimum(self._look_up(self.shape, gaps), spread)) / _density(
            change, spread
        )
        llrs: Float64 = place + np.log(np.maximum(alike, _LEAST_ALIKE))
        return llrs

    def _look_up(self, scales: Float64, gaps: Int64) -> Float64:
        """Scales at any gap: between measured ones on a double logarithmic line."""
        known = np.exp(np.interp(np.log(gaps), np.log(self.gaps), np.log(scales)))
        return np.minimum(known, HIDDEN_REACH)


def fit_motion(
    shapes: Float32, tracklets: Tracklets, fps: float, rng: np.random.Generator
) -> MotionModel:
    """Measure, within tracklets, how well places and shapes are told across gaps of every length."""
    frames = np.unique(np.round(np.geomspace(1, max(2.0, 20 * fps), 16)).astype(np.int64))
    llr = max(2, round(VELOCITY_S * fps))
    found: list[tuple[int, float, float, float]] = []
    for gap in frames.tolist():
        places = _sample_places(tracklets, gap, llr, rng)
        if len(places) < _LEAST_SAMPLES and found:
            break
        if not len(places):
            found.append((gap, 0.1, 0.1, 0.1))
            break
        a, b = shapes[places], shapes[places + gap]
        before = (a[:, :2] - shapes[places - llr, :2]) / llr
        after = (shapes[places + gap + llr, :2] - b[:, :2]) / llr
        offsets = (a[:, :2] - b[:, :2]).astype(np.float64)
        residuals = offsets + _coast(before, after, np.full(len(places), gap), fps)
        change = _fit(a[:, 2:] - b[:, 2:], LEAST_SHAPE)
        found.append((gap, _fit(residuals, LEAST_PLACE), _fit(offsets, LEAST_PLACE), change))
    gaps, moving, still, shape = np.maximum.accumulate(np.array(found, np.float64)).T
    low, high = np.percentile(shapes[:, :2], [1, 99], axis=0) if len(shapes) else np.ones((2, 2))
    pairs = rng.integers(0, max(1, len(shapes)), (2, _N_SAMPLES))
    spread = _fit(shapes[pairs[0], 2:] - shapes[pairs[1], 2:], LEAST_SHAPE) if len(shapes) else 1.0
    area = max(_LEAST_AREA, float(np.prod(high - low)))
    return MotionModel(gaps, moving, still, shape, spread, area, fps)


def _sample_places(tracklets: Tracklets, gap: int, llr: int, rng: np.random.Generator) -> Int64:
    """Positions among the tracklets' rows with `llr` detections before, and `gap` and `llr` after them."""
    room = np.maximum(tracklets.lengths - gap - 2 * llr, 0)
    total = int(room.sum())
    drawn = np.unique(rng.integers(0, total, _N_SAMPLES)) if total else np.zeros(0, np.int64)
    ends = np.cumsum(room)
    chosen = np.searchsorted(ends, drawn, side="right")
    places: Int64 = tracklets.offsets[chosen] + llr + drawn - (ends - room)[chosen]
    return places


def _coast(before: Float64, after: Float64, gaps: Int64, fps: float) -> Float64:
    """Displacements ``(E, 2)`` across the gaps if half of each is due to either velocity, which dies away."""
    tau = COAST_S * fps
    reach = tau * (1 - np.exp(-gaps / (2 * tau)))
    displacements: Float64 = (before + after) * reach[:, None]
    return displacements


def _displace(shapes: Float32) -> Float64:
    """Squared scale ``(n,)`` of how far an animal's middle may lie from that of the part of it that is seen."""
    longest = np.exp(shapes[:, 2:].astype(np.float64)).max(axis=1)
    return np.asarray(np.square(DISPLACED * np.maximum(WHOLE - longest, 0)))


def _measure(vectors: Float64) -> Float64:
    """Lengths of vectors ``(n, 2)``."""
    lengths: Float64 = np.hypot(vectors[:, 0], vectors[:, 1])
    return lengths


def _fit(residuals: Float32 | Float64, least: float) -> float:
    """Scale of two-dimensional residuals, from their median length."""
    median = float(np.median(_measure(residuals.astype(np.float64))))
    return max(least, median / float(np.sqrt(FREEDOM * (2 ** (2 / FREEDOM) - 1))))


def _density(distances: Float64, scales: Float64) -> Float64:
    """Student's t in two dimensions."""
    density: Float64 = (1 + (distances / scales) ** 2 / FREEDOM) ** (-FREEDOM / 2 - 1) / (
        2 * np.pi * scales**2
    )
    return density
