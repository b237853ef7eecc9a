"""Choose segments of solo recordings for a composed recording, and transform their animals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from murid.core.types import Float64, Int64
from murid.synthetic.cutouts import Cutout
from murid.synthetic.sprite import Sprite, estimate_body_length, flip_sprite, resize_sprite

# Random segments among which the best is chosen for each animal. More of them come closer to the
# wanted contact, and take longer.
_N_CANDIDATES = 60

# Score of a segment: the wanted share of frames in which the animal is near an earlier one, and
# the penalties of frames in which it is not found and of a segment that is used already.
_TARGET_CONTACT = 0.25
_UNSEEN_PENALTY = 10
_REUSE_PENALTY = 3
_MIN_SEEN_SHARE = 0.9

# Recoloured coats: minimum difference of brightness from the floor, in [0, 1], the number of random
# values tried, and the maximum warm tint.
_MIN_CONTRAST = 0.18
_N_BRIGHTNESS_CANDIDATES = 24
_MAX_WARMTH = 0.12

# Maximum shading of a coat, as a difference of brightness. Larger differences are background that
# shines through, and must not be recoloured.
_MAX_SHADING = 0.1

# Overlap (IoU) above which two ranges count as the same arena; range of the zoom between others.
_SAME_RANGE_IOU = 0.7
_MIN_ZOOM = 0.5
_MAX_ZOOM = 2.0

# Percentiles of the positions that bound the range of an animal, without outliers.
_RANGE_PERCENTILES = [1, 99]


@dataclass(frozen=True)
class SoloSummary:
    """Positions and appearance of the animal of a solo recording.

    Attributes
    ----------
    frames : ndarray
        ``(k,)`` int64 analysed frames, evenly spaced, ascending.
    positions : ndarray
        ``(k, 2)`` float64 pixels, NaN where the animal was not found.
    area_px : float
        Median area of the body.
    brightness : float
        Median brightness of the coat, in [0, 1].
    """

    frames: Int64
    positions: Float64
    area_px: float
    brightness: float

    @property
    def body_px(self) -> float:
        """Length of a body of this area, nose to tail base, pixels."""
        return estimate_body_length(self.area_px)

    @property
    def range(self) -> Float64:
        """Range of the animal: ``(2, 2)``, minimum and maximum x, y, without outliers."""
        seen = self.positions[np.isfinite(self.positions[:, 0])]
        return np.asarray(np.percentile(seen, _RANGE_PERCENTILES, axis=0), np.float64)


@dataclass(frozen=True)
class SoloSegment:
    """A segment of a solo recording, and how its animal is transformed.

    Attributes
    ----------
    solo : int
        Number of the recording.
    start : int
        First frame.
    mirrored : tuple of bool
        Whether left and right, and top and bottom, are exchanged.
    centre, target : tuple of float
        Centre of the animal's range in the solo recording and in the arena, pixels.
    zoom : float
        Enlargement.
    brightness : float or None
        New brightness of the coat; None to keep it.
    colour_gains : tuple of float
        Gains of red, green and blue of a recoloured coat.
    """

    solo: int
    start: int
    mirrored: tuple[bool, bool]
    centre: tuple[float, float]
    target: tuple[float, float]
    zoom: float = 1.0
    brightness: float | None = None
    colour_gains: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def transform_positions(self, positions: Float64) -> Float64:
        """Transform positions ``(..., 2)`` from the solo recording to the arena."""
        signs = np.where(self.mirrored, -1.0, 1.0)
        return np.asarray((positions - self.centre) * signs * self.zoom + self.target, np.float64)

    def transform_cutout(self, cutout: Cutout, brightness: float) -> Cutout:
        """Transform a cut-out, whose coat has the given brightness, to the arena."""
        left_right, up_down = self.mirrored
        sprite = flip_sprite(cutout.sprite, left_right, up_down)
        if self.zoom != 1:
            sprite = resize_sprite(sprite, self.zoom)
        sprite = _recolour(sprite, self, brightness)
        return Cutout(sprite, self.transform_positions(cutout.position))


def choose_segments(
    rng: np.random.Generator,
    solos: Sequence[SoloSummary],
    n_animals: int,
    n_frames: int,
    *,
    floor_brightness: float,
    same_arena: bool,
    recolour: bool,
    coloured: bool,
) -> list[SoloSegment]:
    """Choose a segment for each animal, so that the animals behave differently and meet.

    Parameters
    ----------
    rng : Generator
    solos : sequence of SoloSummary
        The recordings provide animals in turn. Each must have at least `n_frames` frames.
    n_animals, n_frames : int
    floor_brightness : float
        Brightness of the arena's floor in [0, 1], from which recoloured coats must differ.
    same_arena : bool
        Whether all recordings are in the arena of the composed recording; otherwise their ranges
        are fitted to that of the first.
    recolour : bool
        Whether further animals of one recording get other coats.
    coloured : bool
        Whether coats can differ in colour, rather than in brightness alone.
    """
    segments: list[SoloSegment] = []
    brightnesses = [summary.brightness for summary in solos]
    for k in range(n_animals):
        number = k % len(solos)
        candidates = [
            _sample_segment(rng, number, solos, n_frames, same_arena) for _ in range(_N_CANDIDATES)
        ]
        scores = [_score_segment(c, segments, solos, n_frames) for c in candidates]
        segment = candidates[scores.index(max(scores))]
        if recolour and k >= len(solos):
            brightness = _sample_brightness(rng, floor_brightness, brightnesses)
            warmth = float(rng.uniform(0, _MAX_WARMTH)) * coloured
            colour_gains = (1 + warmth, 1.0, 1 - 1.5 * warmth)
            segment = replace(segment, brightness=brightness, colour_gains=colour_gains)
            brightnesses.append(brightness)
        segments.append(segment)
    return segments


def _sample_segment(
    rng: np.random.Generator,
    number: int,
    solos: Sequence[SoloSummary],
    n_frames: int,
    same_arena: bool,
) -> SoloSegment:
    """Sample a start at which the animal is found, and a mirroring."""
    summary = solos[number]
    last_start = int(summary.frames[-1]) + 1 - n_frames
    is_found = np.isfinite(summary.positions[:, 0])
    starts = summary.frames[(summary.frames <= last_start) & is_found]
    start = int(rng.choice(starts)) if len(starts) else int(summary.frames[0])
    mirrored = (bool(rng.integers(2)), bool(rng.integers(2)))
    own_range = summary.range
    target_range = own_range if same_arena else _choose_target_range(own_range, solos[0].range)
    size_ratio = (target_range[1] - target_range[0]) / np.maximum(own_range[1] - own_range[0], 1)
    zoom = float(np.clip(size_ratio.min(), _MIN_ZOOM, _MAX_ZOOM))
    centre = _get_centre(own_range)
    target = _get_centre(target_range)
    return SoloSegment(number, start, mirrored, centre, target, zoom)


def _choose_target_range(own: Float64, wanted: Float64) -> Float64:
    """Return the wanted range ``(2, 2)``, or the own one if both are the same arena."""
    overlap = np.minimum(own[1], wanted[1]) - np.maximum(own[0], wanted[0])
    intersection = np.maximum(overlap, 0).prod()
    union = np.prod(own[1] - own[0]) + np.prod(wanted[1] - wanted[0]) - intersection
    return own if intersection >= _SAME_RANGE_IOU * union else wanted


def _get_centre(bounds: Float64) -> tuple[float, float]:
    x, y = bounds.mean(axis=0).tolist()
    return x, y


def _score_segment(
    segment: SoloSegment,
    earlier: Sequence[SoloSegment],
    solos: Sequence[SoloSummary],
    n_frames: int,
) -> float:
    """Return a score: high if the animal is seen, is not repeated, and sometimes meets others."""
    path = _get_path(segment, solos, n_frames)
    seen_share = float(np.isfinite(path[:, 0]).mean())
    unseen = max(0.0, _MIN_SEEN_SHARE - seen_share)

    # Contact: the share of frames in which another animal is nearer than a body length.
    reach = segment.zoom * solos[segment.solo].body_px
    near = []
    for other in earlier:
        other_path = _get_path(other, solos, n_frames)
        n = min(len(path), len(other_path))
        near.append(np.linalg.norm(path[:n] - other_path[:n], axis=1) < reach)
    contact = float(np.mean(np.any(near, axis=0))) if near else _TARGET_CONTACT

    # Reuse: the overlap with an earlier segment of the same recording.
    overlaps = [
        max(0, 1 - abs(segment.start - other.start) / n_frames)
        for other in earlier
        if other.solo == segment.solo
    ]
    reuse = max(overlaps, default=0)
    return -_UNSEEN_PENALTY * unseen - _REUSE_PENALTY * reuse - abs(contact - _TARGET_CONTACT)


def _get_path(segment: SoloSegment, solos: Sequence[SoloSummary], n_frames: int) -> Float64:
    """Return the positions ``(k, 2)`` of a segment in the arena."""
    summary = solos[segment.solo]
    end = segment.start + n_frames
    in_segment = (summary.frames >= segment.start) & (summary.frames < end)
    return segment.transform_positions(summary.positions[in_segment])


def _sample_brightness(rng: np.random.Generator, floor: float, taken: Sequence[float]) -> float:
    """Sample a brightness that differs from the floor's and from those taken already."""
    candidates = rng.uniform(0.05, 0.9, _N_BRIGHTNESS_CANDIDATES)
    candidates = candidates[np.abs(candidates - floor) > _MIN_CONTRAST]
    difference = np.abs(candidates[:, None] - np.array(taken)).min(axis=1)
    return float(candidates[int(difference.argmax())])


def _recolour(sprite: Sprite, segment: SoloSegment, brightness: float) -> Sprite:
    """Give a coat another brightness and hue, and keep its shading."""
    if segment.brightness is None:
        return sprite
    shading = np.clip(sprite.image - np.float32(brightness), -_MAX_SHADING, _MAX_SHADING)
    shaded = segment.brightness + shading
    coloured = shaded * np.array(segment.colour_gains, np.float32)
    return replace(sprite, image=np.clip(coloured, 0, 1).astype(np.float32))
