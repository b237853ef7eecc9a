"""Objects that a detector must not take for animals: shapes, cables, bowls, furniture, lid bars."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, UInt8
from murid.synthetic.surfaces import sample_grey
from murid.synthetic.texture import crop_texture

# Kinds of shapes, as `_draw_shape_mask` draws them; the fourth kind is a line.
_RECTANGLE = 0
_SOLID_ELLIPSE = 1
_LINE = 3
_N_SHAPES = 4

# Points of a cable; more make it longer.
_N_LINE_POINTS = 14


def add_clutter(rng: np.random.Generator, image: Float32, count: int) -> None:
    """Draw flat and round objects into an RGB image ``(h, w, 3)``, in place."""
    for _ in range(count):
        if rng.random() < 0.5:
            draw_blob(rng, image)
        else:
            scatter_shapes(rng, image, 1)


def scatter_shapes(rng: np.random.Generator, image: Float32, count: int) -> None:
    """Draw textured rectangles, ellipses, rings and lines of any brightness, in place."""
    height, width = image.shape[:2]
    for _ in range(count):
        shape = int(rng.integers(_N_SHAPES))
        if shape == _LINE:
            draw_line(rng, image)
            continue
        # Half axes of 2 px up to a quarter of the image; the power makes large shapes rare.
        axes = rng.uniform(0.02, 0.35, 2) ** 1.3 * min(height, width) + 2
        reach = int(axes.max()) + 6
        rows, columns = _sample_window(rng, reach, height, width)
        mask = _draw_shape_mask(rng, shape, axes, reach)
        mask = mask[: rows.stop - rows.start, : columns.stop - columns.start]
        # Shapes are opaque to half transparent, as printed patterns and reflections are.
        alpha = mask.astype(np.float32)[..., None] / 255 * np.float32(rng.uniform(0.5, 1))
        texture = crop_texture(rng, mask.shape[0], mask.shape[1], fine=bool(rng.integers(2)))
        fill = sample_grey(rng, 0, 1, 0.25) * (1 + rng.uniform(0, 0.3) * texture[..., None])
        below = image[rows, columns]
        image[rows, columns] = np.clip(below * (1 - alpha) + fill * alpha, 0, 1)


def _sample_window(
    rng: np.random.Generator, reach: int, height: int, width: int
) -> tuple[slice, slice]:
    """Sample rows and columns of a square of twice the reach, clipped to the image."""
    top = int(rng.integers(-reach, height))
    left = int(rng.integers(-reach, width))
    rows = slice(max(top, 0), max(min(top + 2 * reach, height), 1))
    columns = slice(max(left, 0), max(min(left + 2 * reach, width), 1))
    return rows, columns


def _draw_shape_mask(rng: np.random.Generator, shape: int, axes: NDArray[Any], reach: int) -> UInt8:
    """Draw a rectangle, a solid ellipse or a ring into a square mask of twice the reach."""
    mask = np.zeros((2 * reach, 2 * reach), np.uint8)
    centre = (reach, reach)
    angle = float(rng.uniform(0, 180))
    half_width = int(axes[0])
    half_height = int(axes[1])
    if shape == _RECTANGLE:
        size = (2 * half_width * 0.6, 2 * half_height * 0.6)
        corners = cv2.boxPoints((centre, size, angle)).astype(np.int32)
        cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA)
    else:
        thickness = -1 if shape == _SOLID_ELLIPSE else int(rng.integers(1, 6))
        half_axes = (half_width, half_height)
        cv2.ellipse(mask, centre, half_axes, angle, 0, 360, 255, thickness, cv2.LINE_AA)
    return mask


def draw_line(rng: np.random.Generator, image: Float32) -> None:
    """Draw a cable, a seam or a scratch, in place."""
    height, width = image.shape[:2]
    start = rng.uniform(0, 1, 2) * (width, height)
    # A random walk of the heading: straight where its deviation is near 0, tangled near 0.4.
    turns = rng.normal(0, rng.uniform(0, 0.4), _N_LINE_POINTS)
    heading = np.cumsum(turns) + rng.uniform(0, 2 * np.pi)
    steps = np.column_stack([np.cos(heading), np.sin(heading)]) * rng.uniform(4, 30)
    points = np.round(start + np.cumsum(steps, axis=0)).astype(np.int32)
    colour = sample_grey(rng, 0, 1, 0.2).tolist()
    thickness = int(rng.integers(1, 5))
    cv2.polylines(image, [points], False, colour, thickness, cv2.LINE_AA)


def draw_blob(rng: np.random.Generator, image: Float32) -> None:
    """Draw a round, shaded object such as a bowl, a stone, a pellet or a dome, in place."""
    height, width = image.shape[:2]
    radius = float(rng.uniform(6, 60))
    centre_x = rng.uniform(0, width)
    centre_y = rng.uniform(0, height)
    top = max(0, int(centre_y - radius) - 1)
    left = max(0, int(centre_x - radius) - 1)
    window = image[top : int(centre_y + radius) + 2, left : int(centre_x + radius) + 2]

    # Coordinates along the axes of a turned ellipse.
    y, x = np.mgrid[: window.shape[0], : window.shape[1]].astype(np.float32)
    y = y + (top - centre_y)
    x = x + (left - centre_x)
    aspect = rng.uniform(0.5, 1.0)
    angle = rng.uniform(0, np.pi)
    u = x * np.cos(angle) + y * np.sin(angle)
    v = (-x * np.sin(angle) + y * np.cos(angle)) / aspect
    inside = 1 - (u**2 + v**2) / radius**2
    alpha = np.clip(inside * radius / 2, 0, 1)[..., None]

    # A dome or a hollow (the sign of the first term), lit from one side (the second term).
    shade = (
        np.sqrt(np.maximum(inside, 0)) * rng.uniform(-0.6, 0.6)
        + 1
        + (u / radius) * rng.uniform(-0.4, 0.4)
    )
    # Some objects have a bright rim, as bowls do.
    if rng.random() < 0.3:
        shade = shade * np.where(inside > rng.uniform(0.2, 0.6), rng.uniform(0.5, 0.9), 1.1)
    colour = sample_grey(rng, 0.02, 1, 0.2)
    window[:] = np.clip(window * (1 - alpha) + colour * shade[..., None] * alpha, 0, 1)


def draw_furniture(rng: np.random.Generator, image: Float32) -> None:
    """Draw a box, a tube, a bowl or a bottle standing in the cage, in place."""
    height, width = image.shape[:2]
    if rng.random() < 0.4:
        draw_blob(rng, image)
        return
    centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
    size = (float(rng.uniform(0.05, 0.35) * width), float(rng.uniform(0.03, 0.3) * height))
    # Two thirds stand parallel to the walls.
    angle = float(rng.choice([0, 90, rng.uniform(0, 180)]))
    corners = cv2.boxPoints((centre, size, angle)).astype(np.int32)
    # A shadow on any side, hard or soft.
    shadow = np.zeros((height, width), np.float32)
    shifted = corners + rng.integers(-8, 9, 2).astype(np.int32)
    cv2.fillPoly(shadow, [shifted], float(rng.uniform(0.2, 0.8)))
    image *= 1 - cv2.GaussianBlur(shadow, (0, 0), float(rng.uniform(1, 6)))[..., None]
    cv2.fillPoly(image, [corners], sample_grey(rng).tolist(), cv2.LINE_AA)
    edge_colour = sample_grey(rng).tolist()
    edge_px = int(rng.integers(1, 5))
    cv2.polylines(image, [corners], True, edge_colour, edge_px, cv2.LINE_AA)


def draw_bars(rng: np.random.Generator, cover: Float32, alpha: Float32) -> None:
    """Draw the bars of a cage lid into the cover and its opacity, in place."""
    height, width = alpha.shape
    # Bars run nearly along one side of the image. A larger gap leaves more of the animals visible.
    gap_px = float(rng.uniform(14, 40))
    thickness = int(rng.integers(1, 3))
    angle = float(rng.choice([0, np.pi / 2])) + rng.normal(0, 0.05)
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    reach = height + width
    for offset in np.arange(-reach, reach, gap_px):
        start = np.int32(across * offset - along * reach).tolist()
        end = np.int32(across * offset + along * reach).tolist()
        opacity = float(rng.uniform(0.4, 0.9))
        cv2.line(alpha, start, end, opacity, thickness, cv2.LINE_AA)
    cover[:] = sample_grey(rng)


def draw_shelter(rng: np.random.Generator, cover: Float32, alpha: Float32) -> None:
    """Draw an opaque roof that animals can go under into the cover, in place."""
    height, width = alpha.shape
    centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
    size = (float(rng.uniform(0.1, 0.35) * width), float(rng.uniform(0.1, 0.3) * height))
    corners = cv2.boxPoints((centre, size, float(rng.uniform(0, 90)))).astype(np.int32)
    roof = np.zeros((height, width), np.float32)
    cv2.fillPoly(roof, [corners], 1.0, cv2.LINE_AA)
    texture = 1 + 0.08 * crop_texture(rng, height, width, fine=True)[..., None]
    inside = roof[..., None]
    surface = np.clip(sample_grey(rng, 0.05, 1) * texture, 0, 1)
    cover[:] = cover * (1 - inside) + surface * inside
    np.maximum(alpha, roof, out=alpha)
