"""Things that are no animals: shapes, cables, bowls, furniture, the lid's wires, roofs."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.synthetic.surfaces import draw_grey
from murid.synthetic.texture import crop_texture

Float = NDArray[np.float32]


def add_clutter(rng: np.random.Generator, image: Float, count: int) -> None:
    """Draw things that are no animals, flat or round, into ``image`` in place."""
    for _ in range(count):
        if rng.random() < 0.5:
            draw_blob(rng, image)
        else:
            scatter_shapes(rng, image, 1)


def scatter_shapes(rng: np.random.Generator, image: Float, count: int) -> None:
    """Rectangles, ellipses, rings and lines of any tone, some of them textured."""
    height, width = image.shape[:2]
    for _ in range(count):
        shape = int(rng.integers(4))
        if shape == 3:
            draw_line(rng, image)
            continue
        axes = rng.uniform(0.02, 0.35, 2) ** 1.3 * min(height, width) + 2
        reach = int(axes.max()) + 6
        inside = _window(rng, reach, height, width)
        mask = _draw_shape(rng, shape, axes, reach)[
            : inside[0].stop - inside[0].start, : inside[1].stop - inside[1].start
        ]
        alpha = mask.astype(np.float32)[..., None] / 255 * np.float32(rng.uniform(0.5, 1))
        texture = crop_texture(rng, mask.shape[0], mask.shape[1], fine=bool(rng.integers(2)))
        fill = draw_grey(rng, 0, 1, 0.25) * (1 + rng.uniform(0, 0.3) * texture[..., None])
        image[inside] = np.clip(image[inside] * (1 - alpha) + fill * alpha, 0, 1)


def _window(rng: np.random.Generator, reach: int, height: int, width: int) -> tuple[slice, slice]:
    """A square of twice the reach, its top left corner anywhere in the picture or a little outside, cut to it."""
    top, left = int(rng.integers(-reach, height)), int(rng.integers(-reach, width))
    return slice(max(top, 0), max(min(top + 2 * reach, height), 1)), slice(
        max(left, 0), max(min(left + 2 * reach, width), 1)
    )


def _draw_shape(
    rng: np.random.Generator, shape: int, axes: NDArray[Any], reach: int
) -> NDArray[np.uint8]:
    mask = np.zeros((2 * reach, 2 * reach), np.uint8)
    angle, size = float(rng.uniform(0, 180)), (int(axes[0]), int(axes[1]))
    if shape == 0:
        box = cv2.boxPoints(((reach, reach), (2 * size[0] * 0.6, 2 * size[1] * 0.6), angle)).astype(
            np.int32
        )
        cv2.fillPoly(mask, [box], 255, cv2.LINE_AA)
    else:
        thickness = -1 if shape == 1 else int(rng.integers(1, 6))
        cv2.ellipse(mask, (reach, reach), size, angle, 0, 360, 255, thickness, cv2.LINE_AA)
    return mask


def draw_line(rng: np.random.Generator, image: Float) -> None:
    """A cable, a seam or a scratch."""
    height, width = image.shape[:2]
    start = rng.uniform(0, 1, 2) * (width, height)
    heading = np.cumsum(rng.normal(0, rng.uniform(0, 0.4), 14)) + rng.uniform(0, 2 * np.pi)
    steps = np.column_stack([np.cos(heading), np.sin(heading)]) * rng.uniform(4, 30)
    points = np.round(start + np.cumsum(steps, axis=0)).astype(np.int32)
    cv2.polylines(
        image,
        [points],
        False,
        draw_grey(rng, 0, 1, 0.2).tolist(),
        int(rng.integers(1, 5)),
        cv2.LINE_AA,
    )


def draw_blob(rng: np.random.Generator, image: Float) -> None:
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
    shade = (
        np.sqrt(np.maximum(inside, 0)) * rng.uniform(-0.6, 0.6)
        + 1
        + (u / r) * rng.uniform(-0.4, 0.4)
    )
    if rng.random() < 0.3:
        shade = shade * np.where(inside > rng.uniform(0.2, 0.6), rng.uniform(0.5, 0.9), 1.1)
    piece[:] = np.clip(
        piece * (1 - alpha) + draw_grey(rng, 0.02, 1, 0.2) * shade[..., None] * alpha, 0, 1
    )


def draw_furniture(rng: np.random.Generator, image: Float) -> None:
    """A shelter, tube, bowl or bottle standing in the cage."""
    height, width = image.shape[:2]
    if rng.random() < 0.4:
        draw_blob(rng, image)
        return
    centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
    size = (float(rng.uniform(0.05, 0.35) * width), float(rng.uniform(0.03, 0.3) * height))
    box = cv2.boxPoints((centre, size, float(rng.choice([0, 90, rng.uniform(0, 180)])))).astype(
        np.int32
    )
    shadow = np.zeros((height, width), np.float32)
    cv2.fillPoly(
        shadow, [box + rng.integers(-8, 9, 2).astype(np.int32)], float(rng.uniform(0.2, 0.8))
    )
    image *= 1 - cv2.GaussianBlur(shadow, (0, 0), float(rng.uniform(1, 6)))[..., None]
    cv2.fillPoly(image, [box], draw_grey(rng).tolist(), cv2.LINE_AA)
    cv2.polylines(image, [box], True, draw_grey(rng).tolist(), int(rng.integers(1, 5)), cv2.LINE_AA)


def draw_bars(rng: np.random.Generator, cover: Float, alpha: Float) -> None:
    """The lid's wires."""
    height, width = alpha.shape
    gap, thick = float(rng.uniform(14, 40)), int(rng.integers(1, 3))
    angle = float(rng.choice([0, np.pi / 2])) + rng.normal(0, 0.05)
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    reach = height + width
    for k in np.arange(-reach, reach, gap):
        a, b = (across * k + along * t for t in (-reach, reach))
        cv2.line(
            alpha,
            np.int32(a).tolist(),
            np.int32(b).tolist(),
            float(rng.uniform(0.4, 0.9)),
            thick,
            cv2.LINE_AA,
        )
    cover[:] = draw_grey(rng)


def draw_shelter(rng: np.random.Generator, cover: Float, alpha: Float) -> None:
    """A roof that animals go under."""
    height, width = alpha.shape
    centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
    size = (float(rng.uniform(0.1, 0.35) * width), float(rng.uniform(0.1, 0.3) * height))
    box = cv2.boxPoints((centre, size, float(rng.uniform(0, 90)))).astype(np.int32)
    roof = np.zeros((height, width), np.float32)
    cv2.fillPoly(roof, [box], 1.0, cv2.LINE_AA)
    texture = 1 + 0.08 * crop_texture(rng, height, width, fine=True)[..., None]
    inside = roof[..., None]
    cover[:] = cover * (1 - inside) + np.clip(draw_grey(rng, 0.05, 1) * texture, 0, 1) * inside
    np.maximum(alpha, roof, out=alpha)
