"""Backgrounds: arenas and cages as laboratories have them, and wild clutter that teaches what is not an animal."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.synthetic.clutter import (
    add_clutter,
    draw_bars,
    draw_blob,
    draw_furniture,
    draw_line,
    draw_shelter,
    scatter_shapes,
)
from murid.synthetic.surfaces import draw_floor, draw_grey, fill_surface, soften

__all__ = ["Enclosure", "add_clutter", "make_enclosure", "make_open_field"]

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Enclosure:
    """A place without animals.

    Attributes
    ----------
    image : ndarray
        ``(h, w, 3)`` float32 RGB in [0, 1].
    floor : ndarray
        ``(h, w)`` bool: where animals may stand.
    cover : ndarray
        ``(h, w, 3)`` float32 RGB of what lies above the animals.
    cover_alpha : ndarray
        ``(h, w)`` float32: its opacity.
    """

    image: Float
    floor: NDArray[np.bool_]
    cover: Float
    cover_alpha: Float


def make_enclosure(
    rng: np.random.Generator, height: int, width: int, realistic: float = 0.6
) -> Enclosure:
    """Draw a background.

    Parameters
    ----------
    rng : Generator
    height, width : int
        Size in pixels.
    realistic : float
        Share of laboratory arenas; the rest is clutter without meaning.

    Returns
    -------
    Enclosure
    """
    if rng.random() >= realistic:
        return _make_wild(rng, height, width)
    maker = (_make_open_field, _make_round, _make_cage)[int(rng.choice(3, p=[0.35, 0.3, 0.35]))]
    return maker(rng, height, width)


def make_open_field(rng: np.random.Generator, height: int, width: int) -> Enclosure:
    """Draw an open field that fills most of the picture: a plain recording for demonstrations and tests."""
    return _make_open_field(rng, height, width, rim=0.08, grey=float(rng.uniform(0.45, 0.75)))


def _no_cover(height: int, width: int) -> tuple[Float, Float]:
    return np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)


def _make_open_field(
    rng: np.random.Generator,
    height: int,
    width: int,
    rim: float | None = None,
    grey: float | None = None,
) -> Enclosure:
    image = fill_surface(rng, height, width, draw_grey(rng, 0.02, 0.9))
    sides = rng.uniform(-0.05, 0.22, 4) if rim is None else np.full(4, rim)
    left, top = max(0, int(sides[0] * width)), max(0, int(sides[1] * height))
    right, bottom = (
        min(width, int((1 - sides[2]) * width)),
        min(height, int((1 - sides[3]) * height)),
    )
    inside = np.zeros((height, width), np.uint8)
    cv2.rectangle(inside, (left, top), (right, bottom), 1, -1)
    mask = soften(rng, inside)
    image = image * (1 - mask) + draw_floor(rng, height, width, 0.25, grey) * mask
    if rng.random() < 0.6:
        shade = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), float(rng.uniform(3, 14)))[
            ..., None
        ]
        image *= 1 - rng.uniform(0, 0.8) * inside[..., None] * (1 - shade)
    if rng.random() < 0.6:
        cv2.rectangle(
            image,
            (left, top),
            (right, bottom),
            draw_grey(rng).tolist(),
            int(rng.integers(1, 5)),
            cv2.LINE_AA,
        )
    for _ in range(int(rng.integers(0, 4)) if grey is None else 0):
        draw_line(rng, image)
    return Enclosure(image.astype(np.float32), inside.astype(bool), *_no_cover(height, width))


def _make_round(rng: np.random.Generator, height: int, width: int) -> Enclosure:
    image = fill_surface(rng, height, width, draw_grey(rng))
    if rng.random() < 0.5:
        scatter_shapes(rng, image, int(rng.integers(1, 8)))
    centre = (int(width * rng.uniform(0.3, 0.7)), int(height * rng.uniform(0.3, 0.7)))
    radius = float(rng.uniform(0.35, 0.75) * min(height, width))
    axes = (int(radius), int(radius * rng.uniform(0.85, 1.0)))
    if rng.random() < 0.6:
        wall = (int(axes[0] * rng.uniform(1.05, 1.5)), int(axes[1] * rng.uniform(1.05, 1.5)))
        cv2.ellipse(
            image, centre, wall, 0, 0, 360, draw_grey(rng, 0, 0.6).tolist(), -1, cv2.LINE_AA
        )
    inside = np.zeros((height, width), np.uint8)
    cv2.ellipse(inside, centre, axes, 0, 0, 360, 1, -1)
    mask = soften(rng, inside)
    image = image * (1 - mask) + draw_floor(rng, height, width, 0.45) * mask
    if rng.random() < 0.5:
        cv2.ellipse(
            image,
            centre,
            axes,
            0,
            0,
            360,
            draw_grey(rng).tolist(),
            int(rng.integers(1, 5)),
            cv2.LINE_AA,
        )
    grown = cv2.dilate(inside, np.ones((7, 7), np.uint8))
    return Enclosure(image.astype(np.float32), grown.astype(bool), *_no_cover(height, width))


def _make_cage(rng: np.random.Generator, height: int, width: int) -> Enclosure:
    image = fill_surface(rng, height, width, draw_grey(rng, 0.1, 1))
    scatter_shapes(rng, image, int(rng.integers(2, 10)))
    m = rng.uniform(-0.05, 0.2, 4)
    corners = [(m[0], m[1]), (1 - m[2], m[1]), (1 - m[2], 1 - m[3]), (m[0], 1 - m[3])]
    polygon = np.array(
        [(x * width, y * height) for x, y in corners] + rng.normal(0, 6, (4, 2)), np.float32
    )
    inside = np.zeros((height, width), np.uint8)
    cv2.fillPoly(inside, [polygon.astype(np.int32)], 1)
    rounding = int(rng.integers(3, 25)) * 2 + 1
    inside = cv2.morphologyEx(
        inside, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (rounding, rounding))
    )
    for _ in range(int(rng.integers(1, 4))):
        ring = cv2.dilate(inside, np.ones((3, 3), np.uint8), iterations=int(rng.integers(2, 14)))
        edges, _ = cv2.findContours(ring, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(
            image, edges, -1, draw_grey(rng).tolist(), int(rng.integers(1, 5)), cv2.LINE_AA
        )
    mask = soften(rng, inside)
    image = image * (1 - mask) + draw_floor(rng, height, width, 0.8) * mask
    image = np.ascontiguousarray(image, np.float32)
    shade = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), float(rng.uniform(4, 20)))[
        ..., None
    ]
    image *= 1 - rng.uniform(0, 0.9) * inside[..., None] * (1 - shade)
    for _ in range(int(rng.integers(0, 4))):
        draw_furniture(rng, image)
    cover, alpha = _no_cover(height, width)
    if rng.random() < 0.3:
        draw_bars(rng, cover, alpha)
    if rng.random() < 0.3:
        draw_shelter(rng, cover, alpha)
    return Enclosure(image, inside.astype(bool), cover, alpha)


def _make_wild(rng: np.random.Generator, height: int, width: int) -> Enclosure:
    image = draw_floor(rng, height, width, 0.35)
    scatter_shapes(rng, image, int(rng.integers(0, 14)))
    for _ in range(int(rng.integers(0, 5))):
        draw_blob(rng, image)
    cover, alpha = _no_cover(height, width)
    if rng.random() < 0.08:
        draw_bars(rng, cover, alpha)
    return Enclosure(image, np.ones((height, width), bool), cover, alpha)
