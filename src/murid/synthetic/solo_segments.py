"""Animals filmed alone, brought together: which stretch of a recording each plays, how it is turned and dyed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.synthetic.cutouts import find_animal
from murid.synthetic.sprite import Sprite, resize_sprite

Float = NDArray[np.float32]
Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]

_N_TRIES = 60
_WANTED_CONTACT = 0.25  # of the frames in which an animal is near an earlier one
_LEAST_SEEN = 0.9  # of the frames of a stretch
_CLEAR = 0.18  # least difference between coat and floor, in [0, 1]
_MOST_SHADING = 0.1  # beyond it is the background that shines through, which a dye does not colour
_MOST_BLENDED = 0.3  # opacity below which an edge's own colour cannot be told
_RIM = (0.5, 0.75)  # of the body's contrast: where opacity begins, and is full
_TAIL = (0.2, 0.5)  # the same for the tail, which is thin and therefore pale
_RIM_WIDTH = 0.4  # of the body's half width; what lies deeper is opaque
_SAME_RANGE = 0.7  # overlap of two ranges from which on they are the same arena


@dataclass(frozen=True)
class Cutout:
    """An animal lifted off its background.

    Attributes
    ----------
    sprite : Sprite
        Its colours are freed of the background that shone through its edge.
    position : ndarray
        ``(2,)`` float64 pixels of the picture where the sprite's origin was.
    """

    sprite: Sprite
    position: Float64


@dataclass(frozen=True)
class SoloSummary:
    """What is known of a solo recording before it is played.

    Attributes
    ----------
    frames : ndarray
        ``(k,)`` int64: frames looked at, evenly spaced, ascending.
    positions : ndarray
        ``(k, 2)`` float64 pixels, NaN where the animal was not found.
    area_px, tone : float
        Median area of the body, and its median brightness in [0, 1].
    """

    frames: NDArray[np.int64]
    positions: Float64
    area_px: float
    tone: float

    @property
    def body_px(self) -> float:
        """Length of a body of this area, nose to tail base, pixels."""
        return float(np.sqrt(self.area_px / 0.3))

    @property
    def range(self) -> Float64:
        """Where the animal goes: ``(2, 2)``, lowest and highest x, y, outliers left out."""
        seen = self.positions[np.isfinite(self.positions[:, 0])]
        return np.asarray(np.percentile(seen, [1, 99], axis=0), np.float64)


@dataclass(frozen=True)
class Part:
    """What one animal of a composed recording plays.

    Attributes
    ----------
    solo, start : int
        Number of the recording, and first frame.
    mirrored : tuple of bool
        Left and right, top and bottom exchanged.
    centre, target : tuple of float
        Middle of the range in the solo recording, and where it goes in the arena, pixels.
    zoom : float
        Enlargement.
    tone : float or None
        Brightness that the coat is given; None = its own.
    tint : tuple of float
        Gain of red, green and blue.
    """

    solo: int
    start: int
    mirrored: tuple[bool, bool]
    centre: tuple[float, float]
    target: tuple[float, float]
    zoom: float = 1.0
    tone: float | None = None
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def move(self, positions: Float64) -> Float64:
        """Positions ``(..., 2)`` of the solo recording in the arena."""
        signs = np.where(self.mirrored, -1.0, 1.0)
        return np.asarray((positions - self.centre) * signs * self.zoom + self.target, np.float64)

    def perform(self, lifted: Cutout, own_tone: float) -> Cutout:
        """Animal of the solo recording as it is in the arena."""
        sprite = _mirror(lifted.sprite, self.mirrored)
        sprite = sprite if self.zoom == 1 else resize_sprite(sprite, self.zoom)
        return Cutout(_dye(sprite, self, own_tone), self.move(lifted.position))


def lift_animal(image: UInt8, place: UInt8) -> Cutout | None:
    """Lift the one animal off the background of its picture, with soft edges.

    Parameters
    ----------
    image, place : ndarray
        ``(h, w, 3)`` uint8 RGB: the picture, and the same view without the animal.

    Returns
    -------
    Lifted or None
        None where no animal stands clear of the picture's edge.
    """
    found = find_animal(image, place)
    if found is None:
        return None
    sprite = found.sprite
    corner = found.box[:2] - np.array(
        [np.flatnonzero((sprite.body > 0.5).any(axis=axis))[0] for axis in (0, 1)]
    )
    left, top = (round(float(v)) for v in corner)
    height, width = sprite.alpha.shape
    behind = place[top : top + height, left : left + width].astype(np.float32) / np.float32(255)
    alpha = _compute_opacity(sprite, np.abs(sprite.image - behind).max(axis=2))
    freed = behind + (sprite.image - behind) / np.maximum(alpha, _MOST_BLENDED)[..., None]
    body = np.where(alpha > 0.5, sprite.body, np.float32(0))
    lifted = Sprite(np.clip(freed, 0, 1, dtype=np.float32), alpha, body, sprite.origin)
    return Cutout(lifted, np.array([left, top]) + sprite.origin.astype(np.float64))


def _compute_opacity(sprite: Sprite, difference: Float) -> Float:
    """Opacity by how far the rim differs from the background, which shows through blur and faint reflections."""
    body = (sprite.body > 0.5).astype(np.uint8)
    contrast = float(np.median(difference[body > 0]))
    near = cv2.dilate(body, np.ones((7, 7), np.uint8)) > 0
    low, high = (
        np.where(near, of_body, of_tail) for of_body, of_tail in zip(_RIM, _TAIL, strict=True)
    )
    rim = np.clip((difference / contrast - low) / (high - low), 0, 1)
    depth = cv2.distanceTransform(body, cv2.DIST_L2, 3)
    core = np.clip(depth - _RIM_WIDTH * depth.max(), 0, 1)
    return np.asarray(np.minimum(sprite.alpha, np.maximum(rim, core)), np.float32)


def choose_parts(
    rng: np.random.Generator,
    solos: Sequence[SoloSummary],
    n_animals: int,
    n_frames: int,
    *,
    floor_tone: float,
    same_arena: bool,
    recolour: bool,
    coloured: bool,
) -> list[Part]:
    """Cast a composed recording: animals that do different things, and meet.

    Parameters
    ----------
    rng : Generator
    solos : sequence of Scouted
        Each gives an animal in turn, so there have to be as many frames in each as are asked for.
    n_animals, n_frames : int
    floor_tone : float
        Brightness of the arena's floor in [0, 1], which no coat may come too near to.
    same_arena : bool
        Whether the arena is that of all recordings; else their ranges are laid over that of the
        first.
    recolour : bool
        Whether later animals of one recording are given other coats.
    coloured : bool
        Whether coats may differ in colour rather than in brightness alone.
    """
    parts: list[Part] = []
    tones = [scouted.tone for scouted in solos]
    for k in range(n_animals):
        number = k % len(solos)
        tries = [_draw_part(rng, number, solos, n_frames, same_arena) for _ in range(_N_TRIES)]
        part = max(tries, key=lambda t: _rate(t, parts, solos, n_frames))
        if recolour and k >= len(solos):
            tone, warmth = (
                _draw_tone(rng, floor_tone, tones),
                float(rng.uniform(0, 0.12)) * coloured,
            )
            part = replace(part, tone=tone, tint=(1 + warmth, 1.0, 1 - 1.5 * warmth))
            tones.append(tone)
        parts.append(part)
    return parts


def _draw_part(
    rng: np.random.Generator,
    number: int,
    solos: Sequence[SoloSummary],
    n_frames: int,
    same_arena: bool,
) -> Part:
    scouted = solos[number]
    last = int(scouted.frames[-1]) + 1 - n_frames
    starts = scouted.frames[(scouted.frames <= last) & np.isfinite(scouted.positions[:, 0])]
    start = int(rng.choice(starts)) if len(starts) else int(scouted.frames[0])
    mirrored = (bool(rng.integers(2)), bool(rng.integers(2)))
    centre, target, zoom = _fit_range(
        scouted.range, scouted.range if same_arena else solos[0].range
    )
    return Part(number, start, mirrored, centre, target, zoom)


def _fit_range(
    own: Float64, wanted: Float64
) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Middles of both ranges, and the enlargement that makes the one fit into the other."""
    cross = np.maximum(np.minimum(own[1], wanted[1]) - np.maximum(own[0], wanted[0]), 0).prod()
    union = np.prod(own[1] - own[0]) + np.prod(wanted[1] - wanted[0]) - cross
    wanted = own if cross >= _SAME_RANGE * union else wanted
    zoom = float(
        np.clip(((wanted[1] - wanted[0]) / np.maximum(own[1] - own[0], 1)).min(), 0.5, 2.0)
    )
    (x, y), (u, v) = own.mean(axis=0).tolist(), wanted.mean(axis=0).tolist()
    return (x, y), (u, v), zoom


def _rate(
    part: Part, earlier: Sequence[Part], solos: Sequence[SoloSummary], n_frames: int
) -> float:
    """High for a stretch in which the animal is seen, not played already, and sometimes near the others."""
    path = _trace(part, solos, n_frames)
    unseen = max(0.0, _LEAST_SEEN - float(np.isfinite(path[:, 0]).mean()))
    others = [_trace(other, solos, n_frames) for other in earlier]
    reach = part.zoom * solos[part.solo].body_px
    near = [np.linalg.norm(path[: len(o)] - o[: len(path)], axis=1) < reach for o in others]
    contact = float(np.mean(np.any(near, axis=0))) if near else _WANTED_CONTACT
    shared = [
        max(0, 1 - abs(part.start - o.start) / n_frames) for o in earlier if o.solo == part.solo
    ]
    return -10 * unseen - 3 * max(shared, default=0) - abs(contact - _WANTED_CONTACT)


def _trace(part: Part, solos: Sequence[SoloSummary], n_frames: int) -> Float64:
    scouted = solos[part.solo]
    played = (scouted.frames >= part.start) & (scouted.frames < part.start + n_frames)
    return part.move(scouted.positions[played])


def _draw_tone(rng: np.random.Generator, floor: float, taken: Sequence[float]) -> float:
    """Tone of a coat that differs from the floor, and from the coats that are there."""
    tries = rng.uniform(0.05, 0.9, 24)
    tries = tries[np.abs(tries - floor) > _CLEAR]
    gaps = np.abs(tries[:, None] - np.array(taken)).min(axis=1)
    return float(tries[int(gaps.argmax())])


def _dye(sprite: Sprite, part: Part, own_tone: float) -> Sprite:
    """Give the coat another brightness and hue, its shading kept."""
    if part.tone is None:
        return sprite
    shading = np.clip(sprite.image - np.float32(own_tone), -_MOST_SHADING, _MOST_SHADING)
    shaded = part.tone + shading
    dyed = np.clip(shaded * np.array(part.tint, np.float32), 0, 1).astype(np.float32)
    return replace(sprite, image=dyed)


def _mirror(sprite: Sprite, mirrored: tuple[bool, bool]) -> Sprite:
    flip = (
        slice(None, None, -1 if mirrored[1] else 1),
        slice(None, None, -1 if mirrored[0] else 1),
    )
    height, width = sprite.alpha.shape
    x, y = sprite.origin
    origin = np.array(
        [width - 1 - x if mirrored[0] else x, height - 1 - y if mirrored[1] else y], np.float32
    )
    image, alpha, body = (
        np.ascontiguousarray(layer[flip]) for layer in (sprite.image, sprite.alpha, sprite.body)
    )
    return Sprite(image, alpha, body, origin)
