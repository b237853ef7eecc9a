"""Backgrounds: arenas and cages as laboratories have them, and wild clutter that teaches what is not an animal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.scenes.texture import crop_texture

Float = NDArray[np.float32]
Colour = NDArray[Any]


@dataclass(frozen=True)
class Arena:
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


def make_arena(rng: np.random.Generator, height: int, width: int, realistic: float = 0.6) -> Arena:
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
    Arena
    """
    if rng.random() >= realistic:
        return _make_wild(rng, height, width)
    maker = (_make_open_field, _make_round, _make_cage)[int(rng.choice(3, p=[0.35, 0.3, 0.35]))]
    return maker(rng, height, width)


def make_clean_arena(rng: np.random.Generator, height: int, width: int) -> Arena:
    """Draw an open field that fills most of the picture: a plain recording for demonstrations and tests."""
    return _make_open_field(rng, height, width, rim=0.08, grey=float(rng.uniform(0.45, 0.75)))


def _grey(rng: np.random.Generator, low: float = 0.0, high: float = 1.0, tint: float = 0.06) -> Colour:
    return np.clip(rng.uniform(low, high) * (1 + rng.normal(0, tint, 3)), 0, 1)


def _fill(rng: np.random.Generator, height: int, width: int, colour: Colour) -> Float:
    """Return a surface of one colour with uneven light and grain."""
    image = np.empty((height, width, 3), np.float32)
    image[:] = colour
    light = 1 + rng.uniform(0, 0.16) * crop_texture(rng, height, width, fine=False)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    slope_x, slope_y = rng.normal(0, 0.25, 2)
    light = light + slope_x * (x / width - 0.5) + slope_y * (y / height - 0.5)
    if rng.random() < 0.4:
        cx, cy = rng.uniform(0.2, 0.8, 2)
        light = light + rng.uniform(-0.4, 0.4) * np.exp(-((x / width - cx) ** 2 + (y / height - cy) ** 2) / 0.1)
    grain = rng.uniform(0, 0.12) ** 1.5 * crop_texture(rng, height, width, fine=True)
    return np.asarray(np.clip(image * np.maximum(light, 0.1)[..., None] + grain[..., None], 0, 1), np.float32)


def _bedding(rng: np.random.Generator, height: int, width: int) -> Float:
    """Chips, corncob or gravel: grains of two tones with shadows between them."""
    grain = float(np.exp(rng.uniform(0.0, 1.1)))
    small = crop_texture(rng, int(height / grain) + 2, int(width / grain) + 2, fine=True)
    how = cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_NEAREST
    grains = cv2.resize(small, (width, height), interpolation=how)
    fine = crop_texture(rng, height, width, fine=True)
    tone = np.tanh(rng.uniform(0.6, 2) * grains + 0.4 * fine)
    colour = _grey(rng, 0.15, 0.8, 0.12)
    contrast = 0.1 + 0.6 * rng.random() ** 1.5
    return np.asarray(np.clip(colour * (1 + contrast * tone[..., None]), 0, 1), np.float32)


def _floor(rng: np.random.Generator, height: int, width: int, bedding: float, grey: float | None = None) -> Float:
    if grey is not None:
        return _fill(rng, height, width, np.full(3, grey))
    return _bedding(rng, height, width) if rng.random() < bedding else _fill(rng, height, width, _grey(rng, 0.03, 0.97))


def _no_cover(height: int, width: int) -> tuple[Float, Float]:
    return np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)


def _make_open_field(
    rng: np.random.Generator, height: int, width: int, rim: float | None = None, grey: float | None = None
) -> Arena:
    image = _fill(rng, height, width, _grey(rng, 0.02, 0.9))
    sides = rng.uniform(-0.05, 0.22, 4) if rim is None else np.full(4, rim)
    left, top = max(0, int(sides[0] * width)), max(0, int(sides[1] * height))
    right, bottom = min(width, int((1 - sides[2]) * width)), min(height, int((1 - sides[3]) * height))
    inside = np.zeros((height, width), np.uint8)
    cv2.rectangle(inside, (left, top), (right, bottom), 1, -1)
    mask = _soften(rng, inside)
    image = image * (1 - mask) + _floor(rng, height, width, 0.25, grey) * mask
    if rng.random() < 0.6:
        shade = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), float(rng.uniform(3, 14)))[..., None]
        image *= 1 - rng.uniform(0, 0.8) * inside[..., None] * (1 - shade)
    if rng.random() < 0.6:
        cv2.rectangle(image, (left, top), (right, bottom), _grey(rng).tolist(), int(rng.integers(1, 5)), cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 4)) if grey is None else 0):
        _draw_line(rng, image)
    return Arena(image.astype(np.float32), inside.astype(bool), *_no_cover(height, width))


def _make_round(rng: np.random.Generator, height: int, width: int) -> Arena:
    image = _fill(rng, height, width, _grey(rng))
    if rng.random() < 0.5:
        _scatter(rng, image, int(rng.integers(1, 8)))
    centre = (int(width * rng.uniform(0.3, 0.7)), int(height * rng.uniform(0.3, 0.7)))
    radius = float(rng.uniform(0.35, 0.75) * min(height, width))
    axes = (int(radius), int(radius * rng.uniform(0.85, 1.0)))
    if rng.random() < 0.6:
        wall = (int(axes[0] * rng.uniform(1.05, 1.5)), int(axes[1] * rng.uniform(1.05, 1.5)))
        cv2.ellipse(image, centre, wall, 0, 0, 360, _grey(rng, 0, 0.6).tolist(), -1, cv2.LINE_AA)
    inside = np.zeros((height, width), np.uint8)
    cv2.ellipse(inside, centre, axes, 0, 0, 360, 1, -1)
    mask = _soften(rng, inside)
    image = image * (1 - mask) + _floor(rng, height, width, 0.45) * mask
    if rng.random() < 0.5:
        cv2.ellipse(image, centre, axes, 0, 0, 360, _grey(rng).tolist(), int(rng.integers(1, 5)), cv2.LINE_AA)
    grown = cv2.dilate(inside, np.ones((7, 7), np.uint8))
    return Arena(image.astype(np.float32), grown.astype(bool), *_no_cover(height, width))


def _make_cage(rng: np.random.Generator, height: int, width: int) -> Arena:
    image = _fill(rng, height, width, _grey(rng, 0.1, 1))
    _scatter(rng, image, int(rng.integers(2, 10)))
    m = rng.uniform(-0.05, 0.2, 4)
    corners = [(m[0], m[1]), (1 - m[2], m[1]), (1 - m[2], 1 - m[3]), (m[0], 1 - m[3])]
    polygon = np.array([(x * width, y * height) for x, y in corners] + rng.normal(0, 6, (4, 2)), np.float32)
    inside = np.zeros((height, width), np.uint8)
    cv2.fillPoly(inside, [polygon.astype(np.int32)], 1)
    rounding = int(rng.integers(3, 25)) * 2 + 1
    inside = cv2.morphologyEx(
        inside, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (rounding, rounding))
    )
    for _ in range(int(rng.integers(1, 4))):
        ring = cv2.dilate(inside, np.ones((3, 3), np.uint8), iterations=int(rng.integers(2, 14)))
        edges, _ = cv2.findContours(ring, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(image, edges, -1, _grey(rng).tolist(), int(rng.integers(1, 5)), cv2.LINE_AA)
    mask = _soften(rng, inside)
    image = image * (1 - mask) + _floor(rng, height, width, 0.8) * mask
    image = np.ascontiguousarray(image, np.float32)
    shade = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), float(rng.uniform(4, 20)))[..., None]
    image *= 1 - rng.uniform(0, 0.9) * inside[..., None] * (1 - shade)
    for _ in range(int(rng.integers(0, 4))):
        _draw_furniture(rng, image)
    cover, alpha = _no_cover(height, width)
    if rng.random() < 0.3:
        _draw_bars(rng, cover, alpha)
    if rng.random() < 0.3:
        _draw_shelter(rng, cover, alpha)
    return Arena(image, inside.astype(bool), cover, alpha)


def _make_wild(rng: np.random.Generator, height: int, width: int) -> Arena:
    image = _floor(rng, height, width, 0.35)
    _scatter(rng, image, int(rng.integers(0, 14)))
    for _ in range(int(rng.integers(0, 5))):
        _draw_blob(rng, image)
    cover, alpha = _no_cover(height, width)
    if rng.random() < 0.08:
        _draw_bars(rng, cover, alpha)
    return Arena(image, np.ones((height, width), bool), cover, alpha)


def add_clutter(rng: np.random.Generator, image: Float, count: int) -> None:
    """Draw things that are no animals, flat or round, into ``image`` in place."""
    for _ in range(count):
        if rng.random() < 0.5:
            _draw_blob(rng, image)
        else:
            _scatter(rng, image, 1)


def _soften(rng: np.random.Generator, mask: NDArray[np.uint8]) -> Float:
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), float(rng.uniform(0.5, 2))))[..., None]


def _scatter(rng: np.random.Generator, image: Float, count: int) -> None:
    """Rectangles, ellipses, rings and lines of any tone, some of them textured."""
    height, width = image.shape[:2]
    for _ in range(count):
        shape = int(rng.integers(4))
        if shape == 3:
            _draw_line(rng, image)
            continue
        axes = rng.uniform(0.02, 0.35, 2) ** 1.3 * min(height, width) + 2
        reach = int(axes.max()) + 6
        inside = _window(rng, reach, height, width)
        mask = _draw_shape(rng, shape, axes, reach)[
            : inside[0].stop - inside[0].start, : inside[1].stop - inside[1].start
        ]
        alpha = mask.astype(np.float32)[..., None] / 255 * np.float32(rng.uniform(0.5, 1))
        texture = crop_texture(rng, mask.shape[0], mask.shape[1], fine=bool(rng.integers(2)))
        fill = _grey(rng, 0, 1, 0.25) * (1 + rng.uniform(0, 0.3) * texture[..., None])
        image[inside] = np.clip(image[inside] * (1 - alpha) + fill * alpha, 0, 1)


def _window(rng: np.random.Generator, reach: int, height: int, width: int) -> tuple[slice, slice]:
    """A square of twice the reach, its top left corner anywhere in the picture or a little outside, cut to it."""
    top, left = int(rng.integers(-reach, height)), int(rng.integers(-reach, width))
    return slice(max(top, 0), max(min(top + 2 * reach, height), 1)), slice(
        max(left, 0), max(min(left + 2 * reach, width), 1)
    )


def _draw_shape(rng: np.random.Generator, shape: int, axes: NDArray[Any], reach: int) -> NDArray[np.uint8]:
    mask = np.zeros((2 * reach, 2 * reach), np.uint8)
    angle, size = float(rng.uniform(0, 180)), (int(axes[0]), int(axes[1]))
    if shape == 0:
        box = cv2.boxPoints(((reach, reach), (2 * size[0] * 0.6, 2 * size[1] * 0.6), angle)).astype(np.int32)
        cv2.fillPoly(mask, [box], 255, cv2.LINE_AA)
    else:
        thickness = -1 if shape == 1 else int(rng.integers(1, 6))
        cv2.ellipse(mask, (reach, reach), size, angle, 0, 360, 255, thickness, cv2.LINE_AA)
    return mask


def _draw_line(rng: np.random.Generator, image: Float) -> None:
    """A cable, a seam or a scratch."""
    height, width = image.shape[:2]
    start = rng.uniform(0, 1, 2) * (width, height)
    heading = np.cumsum(rng.normal(0, rng.uniform(0, 0.4), 14)) + rng.uniform(0, 2 * np.pi)
    steps = np.column_stack([np.cos(heading), np.sin(heading)]) * rng.uniform(4, 30)
    points = np.round(start + np.cumsum(steps, axis=0)).astype(np.int32)
    cv2.polylines(image, [points], False, _grey(rng, 0, 1, 0.2).tolist(), int(rng.integers(1, 5)), cv2.LINE_AA)


def _draw_blob(rng: np.random.Generator, image: Float) -> None:
    """A round, shaded thing that is no animal: a bowl, a stone, a pellet, a dome."""
    height, width = image.shape[:2]
    r = float(rng.uniform(6, 60))
    cx, cy = rng.uniform(0, width), rng.uniform(0, height)
    top, left = max(0, int(cy - r) - 1), max(0, int(cx - r) - 1)
    piece = image[top : int(cy + r) + 2, left : int(cx + r) + 2]
    y, x = np.mgrid[: piece.shape[0], : piece.shape[1]].astype(np.float32)
    y, x = y + (top - cy), x + (left - cx)
    aspect, angle = rng.uniform(0.5, 1.0), rng.uniform(0, np.pi)
    u = x * np.cos(angle) + y * np.sin(angle)
    v = (-x * np.sin(angle) + y * np.cos(angle)) / aspect
    inside = 1 - (u**2 + v**2) / r**2
    alpha = np.clip(inside * r / 2, 0, 1)[..., None]
    shade = np.sqrt(np.maximum(inside, 0)) * rng.uniform(-0.6, 0.6) + 1 + (u / r) * rng.uniform(-0.4, 0.4)
    if rng.random() < 0.3:
        shade = shade * np.where(inside > rng.uniform(0.2, 0.6), rng.uniform(0.5, 0.9), 1.1)
    piece[:] = np.clip(piece * (1 - alpha) + _grey(rng, 0.02, 1, 0.2) * shade[..., None] * alpha, 0, 1)


def _draw_furniture(rng: np.random.Generator, image: Float) -> None:
    """A shelter, tube, bowl or bottle standing in the cage."""
    height, width = image.shape[:2]
    if rng.random() < 0.4:
        _draw_blob(rng, image)
        return
    centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
    size = (float(rng.uniform(0.05, 0.35) * width), float(rng.uniform(0.03, 0.3) * height))
    box = cv2.boxPoints((centre, size, float(rng.choice([0, 90, rng.uniform(0, 180)])))).astype(np.int32)
    shadow = np.zeros((height, width), np.float32)
    cv2.fillPoly(shadow, [box + rng.integers(-8, 9, 2).astype(np.int32)], float(rng.uniform(0.2, 0.8)))
    image *= 1 - cv2.GaussianBlur(shadow, (0, 0), float(rng.uniform(1, 6)))[..., None]
    cv2.fillPoly(image, [box], _grey(rng).tolist(), cv2.LINE_AA)
    cv2.polylines(image, [box], True, _grey(rng).tolist(), int(rng.integers(1, 5)), cv2.LINE_AA)


def _draw_bars(rng: np.random.Generator, cover: Float, alpha: Float) -> None:
    """The lid's wires."""
    height, width = alpha.shape
    gap, thick = float(rng.uniform(14, 40)), int(rng.integers(1, 3))
    angle = float(rng.choice([0, np.pi / 2])) + rng.normal(0, 0.05)
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    reach = height + width
    for k in np.arange(-reach, reach, gap):
        a, b = (across * k + along * t for t in (-reach, reach))
        cv2.line(alpha, np.int32(a).tolist(), np.int32(b).tolist(), float(rng.uniform(0.4, 0.9)), thick, cv2.LINE_AA)
    cover[:] = _grey(rng)


def _draw_shelter(rng: np.random.Generator, cover: Float, alpha: Float) -> None:
    """A roof that animals go under."""
    height, width = alpha.shape
    centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
    size = (float(rng.uniform(0.1, 0.35) * width), float(rng.uniform(0.1, 0.3) * height))
    box = cv2.boxPoints((centre, size, float(rng.uniform(0, 90)))).astype(np.int32)
    roof = np.zeros((height, width), np.float32)
    cv2.fillPoly(roof, [box], 1.0, cv2.LINE_AA)
    texture = 1 + 0.08 * crop_texture(rng, height, width, fine=True)[..., None]
    inside = roof[..., None]
    cover[:] = cover * (1 - inside) + np.clip(_grey(rng, 0.05, 1) * texture, 0, 1) * inside
    np.maximum(alpha, roof, out=alpha)
