"""Floor and wall surfaces: plain colours in uneven light, and granular bedding."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, UInt8
from murid.synthetic.texture import crop_texture

Colour = NDArray[Any]


def sample_grey(
    rng: np.random.Generator, low: float = 0.0, high: float = 1.0, tint: float = 0.06
) -> Colour:
    """Sample a nearly grey colour.

    Parameters
    ----------
    rng : Generator
    low, high : float
        Range of the brightness, in [0, 1].
    tint : float
        Standard deviation of each channel relative to the brightness; larger is more colourful.

    Returns
    -------
    ndarray
        ``(3,)`` RGB in [0, 1].
    """
    return np.clip(rng.uniform(low, high) * (1 + rng.normal(0, tint, 3)), 0, 1)


def draw_plain_surface(
    rng: np.random.Generator, height: int, width: int, colour: Colour
) -> Float32:
    """Draw a surface ``(h, w, 3)`` of one colour with uneven light and grain, RGB in [0, 1]."""
    image = np.empty((height, width, 3), np.float32)
    image[:] = colour
    # Clouds and a linear gradient model the uneven light of a room.
    light = 1 + rng.uniform(0, 0.16) * crop_texture(rng, height, width, fine=False)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    slope_x, slope_y = rng.normal(0, 0.25, 2)
    light = light + slope_x * (x / width - 0.5) + slope_y * (y / height - 0.5)
    # Some rooms have a lamp or a shadow in one spot.
    if rng.random() < 0.4:
        centre_x, centre_y = rng.uniform(0.2, 0.8, 2)
        squared_distance = (x / width - centre_x) ** 2 + (y / height - centre_y) ** 2
        light = light + rng.uniform(-0.4, 0.4) * np.exp(-squared_distance / 0.1)
    # The power makes strong grain rare.
    grain = rng.uniform(0, 0.12) ** 1.5 * crop_texture(rng, height, width, fine=True)
    lit = image * np.maximum(light, 0.1)[..., None] + grain[..., None]
    return np.asarray(np.clip(lit, 0, 1), np.float32)


def draw_bedding(
    rng: np.random.Generator, height: int, width: int, colour: Colour | None = None
) -> Float32:
    """Draw chips, corncob or gravel ``(h, w, 3)``: grains of two tones with shadows between."""
    # Grains of 1 to 3 px, with soft or sharp edges.
    grain_px = float(np.exp(rng.uniform(0.0, 1.1)))
    small = crop_texture(rng, int(height / grain_px) + 2, int(width / grain_px) + 2, fine=True)
    interpolation = cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_NEAREST
    grains = cv2.resize(small, (width, height), interpolation=interpolation)
    fine = crop_texture(rng, height, width, fine=True)
    # The hyperbolic tangent separates light grains from dark gaps, more so with a larger factor.
    tone = np.tanh(rng.uniform(0.6, 2) * grains + 0.4 * fine)
    colour = sample_grey(rng, 0.15, 0.8, 0.12) if colour is None else colour
    contrast = 0.1 + 0.6 * rng.random() ** 1.5
    bedding = colour * (1 + contrast * tone[..., None])
    return np.asarray(np.clip(bedding, 0, 1), np.float32)


def draw_floor(
    rng: np.random.Generator,
    height: int,
    width: int,
    bedding_probability: float,
    brightness: float | None = None,
) -> Float32:
    """Draw a floor ``(h, w, 3)``, plain or with bedding.

    Parameters
    ----------
    rng : Generator
    height, width : int
        Pixels.
    bedding_probability : float
        Probability of bedding. Ignored if a brightness is given.
    brightness : float, optional
        Brightness of a plain grey floor in [0, 1]. Sampled by default.
    """
    if brightness is not None:
        return draw_plain_surface(rng, height, width, np.full(3, brightness))
    if rng.random() < bedding_probability:
        return draw_bedding(rng, height, width)
    return draw_plain_surface(rng, height, width, sample_grey(rng, 0.03, 0.97))


def blur_edge(rng: np.random.Generator, mask: UInt8) -> Float32:
    """Blur the edge of a mask ``(h, w)`` by 0.5 to 2 px; returns ``(h, w, 1)``."""
    blur_px = float(rng.uniform(0.5, 2))
    blurred = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), blur_px)
    return np.asarray(blurred)[..., None]
