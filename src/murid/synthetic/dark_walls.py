"""Boxes with dark, reflecting walls and dark corners, in which dark animals are hard to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, Float64
from murid.synthetic.bedding import draw_coarse_bedding
from murid.synthetic.composition import Shadow, compose_scene
from murid.synthetic.enclosure import Enclosure
from murid.synthetic.sprite import Sprite, flip_sprite
from murid.synthetic.surfaces import draw_bedding, draw_plain_surface, sample_grey

# Distance of the walls from the edges of the image, as a share of its size. Negative ones are
# outside of it, as in a cropped recording.
_WALL_SHARES = (-0.08, 0.26)

# Brightness of walls and floor.
_WALL_BRIGHTNESS = (0.01, 0.17)
_FLOOR_BRIGHTNESS = (0.32, 0.9)

# Share of the corners that are dark, and the range of their darkness and of their radius, as a
# share of the image. A darkness of 1 hides everything; up to 0.75 an outline is left.
_DARK_CORNER_PROBABILITY = 0.5
_DARKNESS = (0.2, 0.75)
_DARK_RADIUS = (0.1, 0.4)

# Opacity and brightness of mirror images, relative to the animal, and the blur in body lengths.
_REFLECTION_OPACITY = (0.2, 0.8)
_REFLECTION_BRIGHTNESS = (0.3, 0.9)
_REFLECTION_BLUR = (0.01, 0.06)

# Animals further from a wall than this are not mirrored, in body lengths.
_MAX_MIRROR_DISTANCE = 0.9

# Where animals are put, relative to the wall: this far inside of it, in body lengths. Those below 0
# lean over the edge.
_WALL_DISTANCES = (-0.1, 0.45)


@dataclass(frozen=True)
class DarkBox:
    """A box with dark walls.

    Attributes
    ----------
    enclosure : Enclosure
    walls : tuple of float
        Left, top, right and bottom edge of the floor, pixels.
    """

    enclosure: Enclosure
    walls: tuple[float, float, float, float]


def make_dark_box(rng: np.random.Generator, height: int, width: int) -> DarkBox:
    """Draw a box with dark walls around a bedded or plain floor, and with dark corners.

    Parameters
    ----------
    rng : Generator
    height, width : int
        Pixels.

    Returns
    -------
    DarkBox
    """
    shares = rng.uniform(*_WALL_SHARES, 4)
    left, top = shares[:2] * (width, height)
    right, bottom = (1 - shares[2:]) * (width, height)
    return draw_dark_box(rng, height, width, (left, top, right, bottom))


def draw_dark_box(
    rng: np.random.Generator,
    height: int,
    width: int,
    walls: tuple[float, float, float, float],
    brightness: float | None = None,
) -> DarkBox:
    """Draw a box whose floor has the given edges, and optionally a given brightness."""
    if brightness is None:
        brightness = float(rng.uniform(*_FLOOR_BRIGHTNESS))
    colour = sample_grey(rng, brightness, brightness, 0.04)
    floor_kind = int(rng.integers(3))
    if floor_kind == 0:
        floor = draw_plain_surface(rng, height, width, colour)
    elif floor_kind == 1:
        floor = draw_bedding(rng, height, width, colour)
    else:
        floor = draw_coarse_bedding(rng, height, width, colour, float(rng.uniform(0.05, 0.2)))
    wall = draw_plain_surface(rng, height, width, sample_grey(rng, *_WALL_BRIGHTNESS))

    left, top, right, bottom = (round(edge) for edge in walls)
    inside = np.zeros((height, width), np.uint8)
    cv2.rectangle(inside, (left, top), (right - 1, bottom - 1), 1, -1)
    mask = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), float(rng.uniform(0.5, 2)))
    image = wall * (1 - mask[..., None]) + floor * mask[..., None]
    # The upper rim of the walls, which catches light.
    if rng.random() < 0.5:
        rim = int(rng.uniform(0.08, 0.25) * min(height, width))
        corner = (left - rim, top - rim)
        opposite = (right + rim, bottom + rim)
        grey = sample_grey(rng, 0.1, 0.6).tolist()
        cv2.rectangle(image, corner, opposite, grey, int(rng.integers(1, 4)), cv2.LINE_AA)
    image = np.ascontiguousarray(image, np.float32)
    enclosure = Enclosure.uncovered(image, inside.astype(bool))
    light = _draw_dark_corners(rng, height, width, walls)
    return DarkBox(replace(enclosure, light=light), walls)


def _draw_dark_corners(
    rng: np.random.Generator,
    height: int,
    width: int,
    walls: tuple[float, float, float, float],
) -> Float32 | None:
    """Return the light ``(h, w)`` in [0, 1], which falls off into some corners; None if in none."""
    left, top, right, bottom = walls
    light = np.ones((height, width), np.float32)
    y = np.arange(height, dtype=np.float32)[:, None]
    x = np.arange(width, dtype=np.float32)
    for corner_x, corner_y in ((left, top), (right, top), (left, bottom), (right, bottom)):
        if rng.random() >= _DARK_CORNER_PROBABILITY:
            continue
        radius = float(rng.uniform(*_DARK_RADIUS)) * min(height, width)
        darkness = np.float32(rng.uniform(*_DARKNESS))
        # A product of two one-dimensional functions is a round patch, and quick.
        across = np.exp(-((x - corner_x) ** 2) / (2 * radius**2))
        down = np.exp(-((y - corner_y) ** 2) / (2 * radius**2))
        light *= 1 - darkness * (across * down).astype(np.float32)
    return light if light.min() < 1 else None


@dataclass(frozen=True)
class WallReflections:
    """Mirror images of animals on the walls of a dark box, alike in all frames of a recording.

    Attributes
    ----------
    box : DarkBox
    opacity, brightness : float
        Of the mirror images, relative to the animals.
    blur_px : float
    max_distance_px : float
        Animals further from a wall are not mirrored by it.
    """

    box: DarkBox
    opacity: float
    brightness: float
    blur_px: float
    max_distance_px: float

    @classmethod
    def sample(cls, rng: np.random.Generator, box: DarkBox, body_px: float) -> WallReflections:
        """Sample how much the walls of a box reflect, for animals of a typical length."""
        return cls(
            box,
            float(rng.uniform(*_REFLECTION_OPACITY)),
            float(rng.uniform(*_REFLECTION_BRIGHTNESS)),
            max(0.5, float(rng.uniform(*_REFLECTION_BLUR)) * body_px),
            _MAX_MIRROR_DISTANCE * body_px,
        )

    def add(self, sprites: Sequence[Sprite], positions: NDArray[Any]) -> Enclosure:
        """Return the box with dimmed mirror images of animals at ``(n, 2)`` pixels."""
        mirrored = []
        places = []
        for sprite, position in zip(sprites, positions, strict=True):
            # Left and right walls mirror x, upper and lower ones y.
            for axis, wall in zip((0, 1, 0, 1), self.box.walls, strict=True):
                if abs(position[axis] - wall) > self.max_distance_px:
                    continue
                place = np.array(position, np.float64)
                place[axis] = 2 * wall - place[axis]
                flipped = flip_sprite(sprite, left_right=axis == 0, up_down=axis == 1)
                mirrored.append(self._dim(flipped))
                places.append(place)
        enclosure = self.box.enclosure
        if not mirrored:
            return enclosure
        # The light falls on the scene when it is composed with the animals.
        bare = Enclosure.uncovered(enclosure.image)
        scene, _ = compose_scene(bare, mirrored, np.array(places), Shadow(strength=0), 0)
        image = np.where(enclosure.floor[..., None], enclosure.image, scene)
        return replace(enclosure, image=image)

    def _dim(self, sprite: Sprite) -> Sprite:
        """Return a dimmed and blurred sprite without a body, so that it gets no box."""
        alpha = cv2.GaussianBlur(sprite.alpha, (0, 0), self.blur_px) * np.float32(self.opacity)
        return replace(
            sprite,
            image=sprite.image * np.float32(self.brightness),
            alpha=np.asarray(alpha, np.float32),
            body=np.zeros_like(sprite.body),
        )


def place_at_walls(
    rng: np.random.Generator,
    walls: tuple[float, float, float, float],
    size: tuple[int, int],
    n: int,
    body_px: float,
) -> Float64:
    """Sample ``(n, 2)`` positions along the walls, most of them next to each other in one corner.

    Parameters
    ----------
    rng : Generator
    walls : tuple of float
        Left, top, right and bottom edge of the floor, pixels.
    size : tuple of int
        Height and width of the image.
    n : int
    body_px : float
    """
    height, width = size
    # Only walls in the image.
    left, right = np.clip([walls[0], walls[2]], 0, width)
    top, bottom = np.clip([walls[1], walls[3]], 0, height)
    corner = rng.integers(2, size=2)
    positions = np.zeros((n, 2))
    for k in range(n):
        depth = rng.uniform(*_WALL_DISTANCES, 2) * body_px
        if rng.random() < 0.6:
            depth += np.array([rng.exponential(0.35), rng.exponential(0.35)]) * body_px * (k > 0)
            x = left + depth[0] if corner[0] else right - depth[0]
            y = top + depth[1] if corner[1] else bottom - depth[1]
        elif rng.random() < 0.5:
            x = left + depth[0] if rng.random() < 0.5 else right - depth[0]
            y = rng.uniform(top, bottom)
        else:
            x = rng.uniform(left, right)
            y = top + depth[1] if rng.random() < 0.5 else bottom - depth[1]
        positions[k] = x, y
    return positions
