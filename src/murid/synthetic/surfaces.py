"""Surfaces: floors of one colour in uneven light, bedding of grains."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.synthetic.texture import crop_texture

Float = NDArray[np.float32]
Colour = NDArray[Any]


def draw_grey(
    rng: np.random.Generator, low: float = 0.0, high: float = 1.0, tint: float = 0.06
) -> Colour:
    """Draw a colour ``(3,)`` that is nearly grey, between two tones."""
    return np.clip(rng.uniform(low, high) * (1 + rng.normal(0, tint, 3)), 0, 1)


def fill_surface(rng: np.random.Generator, height: int, width: int, colour: Colour) -> Float:
    """Return a surface of one colour with uneven light and grain."""
    image = np.empty((height, width, 3), np.float32)
    image[:] = colour
    light = 1 + rng.uniform(0, 0.16) * crop_texture(rng, height, width, fine=False)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    slope_x, slope_y = rng.normal(0, 0.25, 2)
    light = light + slope_x * (x / width - 0.5) + slope_y * (y / height - 0.5)
    if rng.random() < 0.4:
        cx, cy = rng.uniform(0.2, 0.8, 2)
        light = light + rng.uniform(-0.4, 0.4) * np.exp(
            -((x / width - cx) ** 2 + (y / height - cy) ** 2) / 0.1
        )
    grain = rng.uniform(0, 0.12) ** 1.5 * crop_texture(rng, height, width, fine=True)
    return np.asarray(
        np.clip(image * np.maximum(light, 0.1)[..., None] + grain[..., None], 0, 1), np.float32
    )


def draw_bedding(
    rng: np.random.Generator, height: int, width: int, colour: Colour | None = None
) -> Float:
    """Chips, corncob or gravel: grains of two tones with shadows between them."""
    grain = float(np.exp(rng.uniform(0.0, 1.1)))
    small = crop_texture(rng, int(height / grain) + 2, int(width / grain) + 2, fine=True)
    how = cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_NEAREST
    grains = cv2.resize(small, (width, height), interpolation=how)
    fine = crop_texture(rng, height, width, fine=True)
    tone = np.tanh(rng.uniform(0.6, 2) * grains + 0.4 * fine)
    colour = draw_grey(rng, 0.15, 0.8, 0.12) if colour is None else colour
    contrast = 0.1 + 0.6 * rng.random() ** 1.5
    return np.asarray(np.clip(colour * (1 + contrast * tone[..., None]), 0, 1), np.float32)


def draw_floor(
    rng: np.random.Generator, height: int, width: int, bedding: float, grey: float | None = None
) -> Float:
    """Draw a floor: plain of the given tone, or bedding with that probability, or plain of any tone."""
    if grey is not None:
        return fill_surface(rng, height, width, np.full(3, grey))
    return (
        draw_bedding(rng, height, width)
        if rng.random() < bedding
        else fill_surface(rng, height, width, draw_grey(rng, 0.03, 0.97))
    )


def soften(rng: np.random.Generator, mask: NDArray[np.uint8]) -> Float:
    """Blur a mask's edge by a random width; ``(h, w, 1)``."""
    return np.asarray(
        cv2.GaussianBlur(mask.astype(np.float32), (0, 0), float(rng.uniform(0.5, 2)))
    )[..., None]
