"""Motion model: how animals move and change shape over gaps, fitted on their tracklets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.ranges import concatenate_ranges
from murid.core.records import ArrayRecord
from murid.core.types import Bool, Float32, Float64, Int64
from murid.identification.tracklets import Tracklets

# Degrees of freedom of the residuals' t-distribution. Few give heavy tails, which animals need:
# they start and stop abruptly.
DEGREES_OF_FREEDOM = 2.0
# Share of links that motion does not explain, such as those after a missed detection. Bounds how
# much a large distance can count against a link.
OUTLIER_SHARE = 1e-4
# Upper limit of the scale of displacements, in body lengths, for gaps of any length. An animal that
# is not detected hardly moves: a running animal would be detected.
MAX_DISPLACEMENT_SCALE = 0.6
# Across a pause of the recording nobody watches, so that limit does not hold, and position proves
# the less the longer the pause: its log-likelihood ratio decays with this time constant. After a
# minute it says nothing.
PAUSE_DECAY_S = 10.0
# Time constant with which a predicted velocity decays. Longer ones overshoot where animals stop.
VELOCITY_DECAY_S = 0.25
# Time over which velocities are measured: longer is less noisy but lags behind turns.
VELOCITY_S = 0.15
# Time constant of the share of motion that counts as motion over a short gap. With 0.1, 0.3 and
# 1 s, the held-out log-loss of swaps was 0.074, 0.073 and 0.072 in all, and 0.0011, 0.0010 and
# 0.0020 over gaps below 0.11 s, which most are at usual frame rates.
SHORT_GAP_S = 0.3
# Lower limits of the scales of displacements (in body lengths) and of the logarithm of sizes. The
# boxes at the ends of tracklets, where animals touch, are less accurate than those within.
MIN_DISPLACEMENT_SCALE = 0.1
MIN_SHAPE_SCALE = 0.2
# A box whose longer side is below this length (in body lengths) shows a part of an animal. The rest
# may lie at either end, so the centre is uncertain by this much per missing body length.
WHOLE_LENGTH = 0.8
PARTIAL_CENTRE_SCALE = 0.5
# Lower limit of the likelihood ratio of shapes, so that one bad box does not forbid a link.
_MIN_SHAPE_RATIO = 1e-2
# Lower limit of the area where the animals move, in square body lengths, and scale that is assumed
# if there is no tracklet to measure it in.
_MIN_AREA = 4.0
_DEFAULT_SCALE = 0.1
# Gaps at which scales are measured: this many, evenly spaced by logarithm, up to this duration.
_N_GAPS = 16
_MAX_GAP_S = 20
# Pairs of detections per gap. Below the minimum, longer gaps are not measured.
_N_SAMPLES = 4000
_MIN_SAMPLES = 30
# Over gaps of up to this many frames, displacements are measured between all detections too, for
# tracklets hold slow animals only where the frame rate is low.
_MAX_MIXTURE_GAP = 4
# Share of detections whose animal is not detected in the other frame.
_MISSED_SHARE = 0.1
_N_EM_STEPS = 30


@dataclass(frozen=True, eq=False, slots=True)
class TrackletEnds(ArrayRecord):
    """First and last detections of tracklets.

    Attributes
    ----------
    first_shapes, last_shapes : ndarray
        ``(T, 4)`` float32, as of `to_shapes`: centre x, y in body lengths, logarithms of width and
        height.
    first_velocities, last_velocities : ndarray
        ``(T, 2)`` float64 velocities after the first and before the last detection, in body lengths
        per frame; 0 where a tracklet is too short.
    has_velocity : ndarray
        ``(T,)`` bool: whether a tracklet is long enough to have velocities.
    """

    first_shapes: Float32
    last_shapes: Float32
    first_velocities: Float64
    last_velocities: Float64
    has_velocity: Bool

    @classmethod
    def empty(cls) -> TrackletEnds:
        """Return the ends of no tracklets."""
        shapes = np.zeros((0, 4), np.float32)
        velocities = np.zeros((0, 2))
        return cls(shapes, shapes, velocities, velocities, np.zeros(0, bool))


def count_velocity_frames(fps: float) -> int:
    """Return the number of frames over which velocities are measured, 2 or more."""
    return max(2, round(VELOCITY_S * fps))


def find_ends(shapes: Float32, tracklets: Tracklets, fps: float) -> TrackletEnds:
    """Return the ends of tracklets; `shapes` ``(M, 4)`` are in the order of their rows."""
    first = tracklets.offsets[:-1]
    last = tracklets.offsets[1:] - 1
    span = np.minimum(last - first, count_velocity_frames(fps))
    has_velocity = span >= 2
    n_frames = np.maximum(span, 1)[:, None]
    first_velocities = (shapes[first + span, :2] - shapes[first, :2]) / n_frames
    last_velocities = (shapes[last, :2] - shapes[last - span, :2]) / n_frames
    return TrackletEnds(
        first_shapes=shapes[first],
        last_shapes=shapes[last],
        first_velocities=first_velocities * has_velocity[:, None],
        last_velocities=last_velocities * has_velocity[:, None],
        has_velocity=has_velocity,
    )


@dataclass(frozen=True, eq=False, slots=True)
class MotionModel:
    """Scales of the residuals of motion and shape, by the length of the gap.

    Attributes
    ----------
    gap_frames : ndarray
        ``(G,)`` float64 lengths of gaps in frames, ascending, for which the scales were measured.
    scales_with_velocity, scales_without_velocity : ndarray
        ``(G,)`` float64 scales of displacements in body lengths, with and without a prediction from
        velocities.
    shape_scales : ndarray
        ``(G,)`` float64 scales of changes of the logarithms of width and height.
    random_shape_scale : float
        Scale of the same changes between two random detections.
    area : float
        Area where the animals move, in square body lengths.
    fps : float
        Frames per second.
    """

    gap_frames: Float64
    scales_with_velocity: Float64
    scales_without_velocity: Float64
    shape_scales: Float64
    random_shape_scale: float
    area: float
    fps: float

    def compute_llrs(
        self,
        ends: TrackletEnds,
        predecessors: Int64,
        successors: Int64,
        gaps: Int64,
        n_missing: Int64 | None = None,
    ) -> Float64:
        """Return the log-likelihood ratio ``(E,)`` that tracklets show the same animal.

        The alternative is a random animal at a random position. Displacements follow a
        t-distribution with a share of outliers.

        Parameters
        ----------
        ends : TrackletEnds
        predecessors, successors : ndarray
            ``(E,)`` int64: the earlier and the later tracklets.
        gaps : ndarray
            ``(E,)`` int64 frames between them, 1 or more.
        n_missing : ndarray, optional
            ``(E,)`` int64: how many of these frames are missing in the recording; none by default.
        """
        # Displacement, less that predicted from the velocities where both are known.
        has_velocities = ends.has_velocity[predecessors] & ends.has_velocity[successors]
        offsets = (ends.last_shapes[predecessors, :2] - ends.first_shapes[successors, :2]).astype(
            np.float64
        )
        predicted = _predict_displacements(
            ends.last_velocities[predecessors], ends.first_velocities[successors], gaps, self.fps
        )
        distances = _compute_lengths(offsets + predicted * has_velocities[:, None])
        scales = np.where(
            has_velocities,
            self._look_up(self.scales_with_velocity, gaps),
            self._look_up(self.scales_without_velocity, gaps),
        )
        is_interrupted = n_missing is not None and bool(n_missing.any())
        if n_missing is not None and is_interrupted:
            scales = np.maximum(scales, self._compute_unseen_scales(n_missing))
        # The centre is less certain where a box shows a part of an animal.
        predecessor_variances = _compute_centre_variances(ends.last_shapes[predecessors])
        successor_variances = _compute_centre_variances(ends.first_shapes[successors])
        scales = np.sqrt(scales**2 + predecessor_variances + successor_variances)
        density_ratio = _compute_density(distances, scales) * self.area
        position_llrs = np.log((1 - OUTLIER_SHARE) * density_ratio + OUTLIER_SHARE)
        if n_missing is not None and is_interrupted:
            position_llrs *= np.exp(-np.maximum(n_missing, 0) / (PAUSE_DECAY_S * self.fps))
        # Change of the shape, compared with that between random detections.
        changes = _compute_lengths(
            (ends.last_shapes[predecessors, 2:] - ends.first_shapes[successors, 2:]).astype(
                np.float64
            )
        )
        spread = np.full(len(changes), self.random_shape_scale)
        shape_scales = np.minimum(self._look_up(self.shape_scales, gaps), spread)
        shape_ratio = _compute_density(changes, shape_scales) / _compute_density(changes, spread)
        llrs: Float64 = position_llrs + np.log(np.maximum(shape_ratio, _MIN_SHAPE_RATIO))
        return llrs

    def _compute_unseen_scales(self, n_missing: Int64) -> Float64:
        """Return scales of displacements over frames that are missing; 0 where none are.

        Beyond the longest measured gap, displacements grow as those of a random walk, up to those
        of a random position.
        """
        n_frames = np.maximum(n_missing, 1).astype(np.float64)
        known = np.exp(
            np.interp(
                np.log(n_frames), np.log(self.gap_frames), np.log(self.scales_without_velocity)
            )
        )
        growth = np.sqrt(np.maximum(n_frames / self.gap_frames[-1], 1.0))
        scales = np.minimum(known * growth, np.sqrt(self.area / (2 * np.pi)))
        return np.where(n_missing > 0, scales, 0.0)

    def _look_up(self, scales: Float64, gaps: Int64) -> Float64:
        """Return scales ``(E,)`` at any gap; beyond the longest measured one, those of it."""
        max_gap = int(self.gap_frames[-1])
        table = self._interpolate(scales, np.arange(1, max_gap + 1))
        values: Float64 = table[np.minimum(gaps, max_gap) - 1]
        return values

    def _interpolate(self, scales: Float64, gaps: Int64) -> Float64:
        """Return scales at any gap, interpolated linearly between logarithms of gaps and scales."""
        known = np.exp(np.interp(np.log(gaps), np.log(self.gap_frames), np.log(scales)))
        # At low frame rates animals move further within two frames, one of which may be missed.
        within_two_frames = float(np.interp(2, self.gap_frames, self.scales_without_velocity))
        return np.minimum(known, max(MAX_DISPLACEMENT_SCALE, within_two_frames))


def fit_motion(
    shapes: Float32, tracklets: Tracklets, fps: float, rng: np.random.Generator
) -> MotionModel:
    """Return the motion model of a recording, measured across artificial gaps within tracklets.

    Tracklets hold no fast animal where the frame rate is low. So displacements over a few frames
    are measured between all detections as well, and the larger scale counts.

    Parameters
    ----------
    shapes : ndarray
        ``(M, 4)`` float32, in the order of the tracklets' rows.
    tracklets : Tracklets
    fps : float
        Frames per second.
    rng : Generator
        Draws the detections that are compared.
    """
    area = _measure_area(shapes)
    span = count_velocity_frames(fps)
    max_gap = max(2.0, _MAX_GAP_S * fps)
    gaps = np.unique(np.round(np.geomspace(1, max_gap, _N_GAPS)).astype(np.int64))
    measured: list[tuple[int, float, float, float]] = []
    for gap in gaps.tolist():
        rows = _sample_rows(tracklets, gap, span, rng)
        enough = len(rows) >= _MIN_SAMPLES or (len(rows) > 0 and not measured)
        if not enough and gap > _MAX_MIXTURE_GAP:
            break
        scales = (_DEFAULT_SCALE, _DEFAULT_SCALE, _DEFAULT_SCALE)
        if enough:
            scales = _measure_scales(shapes, rows, gap, span, fps)
        with_velocity, without_velocity, of_shape = scales
        if gap <= _MAX_MIXTURE_GAP:
            mixture = _fit_mixture_scale(shapes, tracklets, gap, area, without_velocity)
            # A velocity is of no use where there are hardly any tracklets to measure it in.
            with_velocity = with_velocity if enough else max(with_velocity, mixture)
            without_velocity = max(without_velocity, mixture)
        measured.append((gap, with_velocity, without_velocity, of_shape))
    # Longer gaps are never more certain.
    columns = np.maximum.accumulate(np.array(measured, np.float64)).T
    gap_frames, scales_with_velocity, scales_without_velocity, shape_scales = columns
    # The alternative: a random animal at a random position.
    first, second = rng.integers(0, max(1, len(shapes)), (2, _N_SAMPLES))
    random_shape_scale = 1.0
    if len(shapes):
        random_shape_scale = _fit_scale(shapes[first, 2:] - shapes[second, 2:], MIN_SHAPE_SCALE)
    return MotionModel(
        gap_frames,
        scales_with_velocity,
        scales_without_velocity,
        shape_scales,
        random_shape_scale,
        area,
        fps,
    )


def _measure_area(shapes: Float32) -> float:
    """Return the area where the animals move, in square body lengths."""
    if not len(shapes):
        return _MIN_AREA
    low, high = np.percentile(shapes[:, :2], [1, 99], axis=0)
    return max(_MIN_AREA, float(np.prod(high - low)))


def _fit_mixture_scale(
    shapes: Float32, tracklets: Tracklets, gap: int, area: float, initial_scale: float
) -> float:
    """Return the scale of displacements over a gap, without knowing which animal is which.

    Every detection is compared with all detections some frames later. One of these is the same
    animal, at a distance with Student's t-distribution; the others are anywhere. The scale is found
    by expectation maximization.
    """
    frames = np.arange(len(shapes)) - tracklets.offsets[tracklets.numbers]
    frames = frames + tracklets.first_frames[tracklets.numbers]
    order = np.argsort(frames, kind="stable")
    frames = frames[order]
    centres = shapes[order, :2].astype(np.float64)
    # A sample, evenly spread over the recording, of detections with others after the gap.
    first_later = np.searchsorted(frames, frames + gap)
    counts = np.searchsorted(frames, frames + gap, side="right") - first_later
    sample = np.flatnonzero(counts)
    sample = sample[:: max(1, len(sample) // _N_SAMPLES)]
    if len(sample) < _MIN_SAMPLES:
        return 0.0
    n_later = counts[sample]
    owners = np.repeat(np.arange(len(sample)), n_later)
    later = np.repeat(first_later[sample], n_later) + concatenate_ranges(n_later)
    distances = _compute_lengths(centres[sample[owners]] - centres[later])
    # Expectation: how likely each pair is the same animal. Maximization: the scale of Student's t,
    # in which outliers have less weight.
    scale = initial_scale
    for _ in range(_N_EM_STEPS):
        ratios = _compute_density(distances, np.full(len(distances), scale)) * area
        totals = np.bincount(owners, ratios, len(sample)) + _MISSED_SHARE * n_later
        is_same = ratios / totals[owners]
        weights = (DEGREES_OF_FREEDOM + 2) / (DEGREES_OF_FREEDOM + (distances / scale) ** 2)
        square = (is_same * weights * distances**2).sum() / (2 * is_same.sum())
        scale = max(MIN_DISPLACEMENT_SCALE, float(np.sqrt(square)))
    return scale


def split_by_gap(llrs: Float64, gaps: Int64, fps: float) -> Float64:
    """Split log-likelihood ratios of motion ``(k,)`` into those over short and over long gaps.

    Over a short gap an animal goes on as it did, which the model describes well. Over a longer one
    it may do something else. The share of the short part decays exponentially with the gap.

    Returns
    -------
    ndarray
        ``(k, 2)`` float64, short and long; each row adds up to the ratio.
    """
    short = llrs * np.exp(-gaps / (SHORT_GAP_S * fps))
    return np.column_stack([short, llrs - short])


def _sample_rows(tracklets: Tracklets, gap: int, span: int, rng: np.random.Generator) -> Int64:
    """Return random detections of tracklets, with enough others around a gap after them.

    They are given by their indices in ``tracklets.rows``. The same tracklet holds `span` detections
    more, before the gap and after it.
    """
    n_choices = np.maximum(tracklets.lengths - gap - 2 * span, 0)
    total = int(n_choices.sum())
    drawn = np.unique(rng.integers(0, total, _N_SAMPLES)) if total else np.zeros(0, np.int64)
    stops = np.cumsum(n_choices)
    chosen = np.searchsorted(stops, drawn, side="right")
    starts = stops - n_choices
    rows: Int64 = tracklets.offsets[chosen] + span + drawn - starts[chosen]
    return rows


def _measure_scales(
    shapes: Float32, rows: Int64, gap: int, span: int, fps: float
) -> tuple[float, float, float]:
    """Return the scales of displacements with and without velocities, and of shapes, over a gap."""
    before = shapes[rows]
    after = shapes[rows + gap]
    velocities_before = (before[:, :2] - shapes[rows - span, :2]) / span
    velocities_after = (shapes[rows + gap + span, :2] - after[:, :2]) / span
    gaps = np.full(len(rows), gap)
    offsets = (before[:, :2] - after[:, :2]).astype(np.float64)
    residuals = offsets + _predict_displacements(velocities_before, velocities_after, gaps, fps)
    return (
        _fit_scale(residuals, MIN_DISPLACEMENT_SCALE),
        _fit_scale(offsets, MIN_DISPLACEMENT_SCALE),
        _fit_scale(before[:, 2:] - after[:, 2:], MIN_SHAPE_SCALE),
    )


def _predict_displacements(before: Float64, after: Float64, gaps: Int64, fps: float) -> Float64:
    """Return displacements ``(E, 2)`` across gaps, from the decaying velocities on both sides."""
    decay_frames = VELOCITY_DECAY_S * fps
    n_frames = decay_frames * (1 - np.exp(-gaps / (2 * decay_frames)))
    displacements: Float64 = (before + after) * n_frames[:, None]
    return displacements


def _compute_centre_variances(shapes: Float32) -> Float64:
    """Return the variance ``(n,)`` of the centre of an animal given the box of a part of it."""
    lengths = np.exp(shapes[:, 2:].max(axis=1).astype(np.float64))
    return np.asarray(np.square(PARTIAL_CENTRE_SCALE * np.maximum(WHOLE_LENGTH - lengths, 0)))


def _compute_lengths(vectors: Float64) -> Float64:
    """Return the lengths of vectors ``(n, 2)``."""
    lengths: Float64 = np.hypot(vectors[:, 0], vectors[:, 1])
    return lengths


def _fit_scale(residuals: Float32 | Float64, min_scale: float) -> float:
    """Return the scale of a two-dimensional t-distribution, from the median length of residuals."""
    median = float(np.median(_compute_lengths(residuals.astype(np.float64))))
    median_of_unit_scale = float(np.sqrt(DEGREES_OF_FREEDOM * (2 ** (2 / DEGREES_OF_FREEDOM) - 1)))
    return max(min_scale, median / median_of_unit_scale)


def _compute_density(distances: Float64, scales: Float64) -> Float64:
    """Return the density of a two-dimensional t-distribution."""
    variances = np.square(scales)
    bases = 1 + np.square(distances) / (variances * DEGREES_OF_FREEDOM)
    # To the power of half the degrees of freedom and one: a square, much faster than a power.
    density: Float64 = 1 / (2 * np.pi * variances * np.square(bases))
    return density
