"""Enclosures without animals for single images: open fields, arenas, cages, and pure clutter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from murid.core.types import Bool, Float32, UInt8
from murid.synthetic.clutter import (
    draw_bars,
    draw_blob,
    draw_furniture,
    draw_line,
    draw_shelter,
    scatter_shapes,
)
from murid.synthetic.surfaces import blur_edge, draw_floor, draw_plain_surface, sample_grey

# Share of images with an enclosure, and shares of its kinds. The other images show clutter, which
# teaches a detector what is not an animal; a larger share of clutter leaves fewer realistic images.
_REALISTIC_SHARE = 0.6
_OPEN_FIELD_SHARE = 0.35
_ROUND_ARENA_SHARE = 0.3
_CAGE_SHARE = 0.35

# Width of the wall around a plain open field, as a share of the image.
_PLAIN_WALL_SHARE = 0.08

# Share of the cages with bars, and with a roof, above the animals.
_BARS_PROBABILITY = 0.3
_ROOF_PROBABILITY = 0.3


@dataclass(frozen=True)
class Enclosure:
    """An enclosure without animals.

    Attributes
    ----------
    image : ndarray
        ``(h, w, 3)`` float32 RGB in [0, 1].
    floor : ndarray
        ``(h, w)`` bool: where animals can stand.
    cover : ndarray
        ``(h, w, 3)`` float32 RGB of what lies above the animals.
    cover_alpha : ndarray
        ``(h, w)`` float32 opacity of the cover.
    light : ndarray or None
        ``(h, w)`` float32 light that falls on floor and animals, relative to full light; None for
        full light everywhere.
    """

    image: Float32
    floor: Bool
    cover: Float32
    cover_alpha: Float32
    light: Float32 | None = None

    @classmethod
    def uncovered(cls, image: Float32, floor: Bool | None = None) -> Enclosure:
        """Make an enclosure with nothing above the animals; by default its floor is everywhere."""
        size = image.shape[:2]
        if floor is None:
            floor = np.ones(size, bool)
        return cls(image, floor, np.zeros((*size, 3), np.float32), np.zeros(size, np.float32))


def make_enclosure(rng: np.random.Generator, height: int, width: int) -> Enclosure:
    """Draw a random enclosure, or clutter without an enclosure.

    Parameters
    ----------
    rng : Generator
    height, width : int
        Size in pixels.

    Returns
    -------
    Enclosure
    """
    if rng.random() >= _REALISTIC_SHARE:
        return _draw_clutter(rng, height, width)
    shares = [_OPEN_FIELD_SHARE, _ROUND_ARENA_SHARE, _CAGE_SHARE]
    kind = int(rng.choice(3, p=shares))
    draw = (_draw_open_field, _draw_round_arena, _draw_cage)[kind]
    return draw(rng, height, width)


def make_open_field(rng: np.random.Generator, height: int, width: int) -> Enclosure:
    """Draw a plain open field that fills most of the image, for demonstrations and tests."""
    brightness = float(rng.uniform(0.45, 0.75))
    return _draw_open_field(rng, height, width, _PLAIN_WALL_SHARE, brightness)


def _draw_open_field(
    rng: np.random.Generator,
    height: int,
    width: int,
    wall_share: float | None = None,
    brightness: float | None = None,
) -> Enclosure:
    """Draw a rectangular floor between walls; with a brightness given, without scratches."""
    image = draw_plain_surface(rng, height, width, sample_grey(rng, 0.02, 0.9))

    # The walls can lie outside of the image, as in a cropped recording.
    wall_shares = rng.uniform(-0.05, 0.22, 4) if wall_share is None else np.full(4, wall_share)
    left = max(0, int(wall_shares[0] * width))
    top = max(0, int(wall_shares[1] * height))
    right = min(width, int((1 - wall_shares[2]) * width))
    bottom = min(height, int((1 - wall_shares[3]) * height))
    inside = np.zeros((height, width), np.uint8)
    cv2.rectangle(inside, (left, top), (right, bottom), 1, -1)
    mask = blur_edge(rng, inside)
    floor = draw_floor(rng, height, width, 0.25, brightness)
    image = image * (1 - mask) + floor * mask

    # The walls throw a shade on the floor, and have an edge.
    if rng.random() < 0.6:
        image = _shade_along_walls(rng, image, inside, (3, 14), 0.8)
    if rng.random() < 0.6:
        colour = sample_grey(rng).tolist()
        thickness = int(rng.integers(1, 5))
        cv2.rectangle(image, (left, top), (right, bottom), colour, thickness, cv2.LINE_AA)
    if brightness is None:
        for _ in range(int(rng.integers(0, 4))):
            draw_line(rng, image)
    return Enclosure.uncovered(image.astype(np.float32), inside.astype(bool))


def _shade_along_walls(
    rng: np.random.Generator,
    image: Any,
    inside: UInt8,
    blur_range_px: tuple[float, float],
    max_strength: float,
) -> Any:
    """Darken the floor along the walls, in place, and return it."""
    blur_px = float(rng.uniform(*blur_range_px))
    distance = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), blur_px)[..., None]
    image *= 1 - rng.uniform(0, max_strength) * inside[..., None] * (1 - distance)
    return image


def _draw_round_arena(rng: np.random.Generator, height: int, width: int) -> Enclosure:
    """Draw an elliptic floor, with or without a wall around it."""
    image = draw_plain_surface(rng, height, width, sample_grey(rng))
    if rng.random() < 0.5:
        scatter_shapes(rng, image, int(rng.integers(1, 8)))

    # Half axes of up to three quarters of the image, so that some arenas reach beyond it; seen
    # at an angle where they are not equal.
    centre = (int(width * rng.uniform(0.3, 0.7)), int(height * rng.uniform(0.3, 0.7)))
    radius = float(rng.uniform(0.35, 0.75) * min(height, width))
    axes = (int(radius), int(radius * rng.uniform(0.85, 1.0)))
    if rng.random() < 0.6:
        wall_axes = (int(axes[0] * rng.uniform(1.05, 1.5)), int(axes[1] * rng.uniform(1.05, 1.5)))
        wall_colour = sample_grey(rng, 0, 0.6).tolist()
        cv2.ellipse(image, centre, wall_axes, 0, 0, 360, wall_colour, -1, cv2.LINE_AA)
    inside = np.zeros((height, width), np.uint8)
    cv2.ellipse(inside, centre, axes, 0, 0, 360, 1, -1)
    mask = blur_edge(rng, inside)
    image = image * (1 - mask) + draw_floor(rng, height, width, 0.45) * mask
    if rng.random() < 0.5:
        edge_colour = sample_grey(rng).tolist()
        edge_px = int(rng.integers(1, 5))
        cv2.ellipse(image, centre, axes, 0, 0, 360, edge_colour, edge_px, cv2.LINE_AA)

    # Animals can lean over the edge by a few pixels.
    floor = cv2.dilate(inside, np.ones((7, 7), np.uint8))
    return Enclosure.uncovered(image.astype(np.float32), floor.astype(bool))


def _draw_cage(rng: np.random.Generator, height: int, width: int) -> Enclosure:
    """Draw a home cage with rounded corners, bedding, furniture, bars and a roof."""
    image = draw_plain_surface(rng, height, width, sample_grey(rng, 0.1, 1))
    scatter_shapes(rng, image, int(rng.integers(2, 10)))
    inside = _draw_cage_mask(rng, height, width)
    _draw_rims(rng, image, inside)
    mask = blur_edge(rng, inside)
    image = image * (1 - mask) + draw_floor(rng, height, width, 0.8) * mask
    image = np.ascontiguousarray(image, np.float32)
    image = _shade_along_walls(rng, image, inside, (4, 20), 0.9)
    for _ in range(int(rng.integers(0, 4))):
        draw_furniture(rng, image)
    enclosure = Enclosure.uncovered(image, inside.astype(bool))
    if rng.random() < _BARS_PROBABILITY:
        draw_bars(rng, enclosure.cover, enclosure.cover_alpha)
    if rng.random() < _ROOF_PROBABILITY:
        draw_shelter(rng, enclosure.cover, enclosure.cover_alpha)
    return enclosure


def _draw_cage_mask(rng: np.random.Generator, height: int, width: int) -> UInt8:
    """Draw the floor of a cage: a slightly skewed rectangle with rounded corners."""
    left, top, right, bottom = rng.uniform(-0.05, 0.2, 4)
    corners = [(left, top), (1 - right, top), (1 - right, 1 - bottom), (left, 1 - bottom)]
    points = np.array([(x * width, y * height) for x, y in corners])
    polygon = (points + rng.normal(0, 6, (4, 2))).astype(np.float32)
    inside = np.zeros((height, width), np.uint8)
    cv2.fillPoly(inside, [polygon.astype(np.int32)], 1)
    diameter = int(rng.integers(3, 25)) * 2 + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
    return np.asarray(cv2.morphologyEx(inside, cv2.MORPH_OPEN, disc), np.uint8)


def _draw_rims(rng: np.random.Generator, image: Any, inside: UInt8) -> None:
    """Draw one to three lines around the floor: the stacked rims of a cage seen from above."""
    for _ in range(int(rng.integers(1, 4))):
        distance_px = int(rng.integers(2, 14))
        ring = cv2.dilate(inside, np.ones((3, 3), np.uint8), iterations=distance_px)
        contours, _ = cv2.findContours(ring, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        colour = sample_grey(rng).tolist()
        thickness = int(rng.integers(1, 5))
        cv2.drawContours(image, contours, -1, colour, thickness, cv2.LINE_AA)


def _draw_clutter(rng: np.random.Generator, height: int, width: int) -> Enclosure:
    """Draw shapes and blobs on any floor; animals can stand everywhere."""
    image = draw_floor(rng, height, width, 0.35)
    scatter_shapes(rng, image, int(rng.integers(0, 14)))
    for _ in range(int(rng.integers(0, 5))):
        draw_blob(rng, image)
    enclosure = Enclosure.uncovered(image)
    if rng.random() < 0.08:
        draw_bars(rng, enclosure.cover, enclosure.cover_alpha)
    return enclosure
