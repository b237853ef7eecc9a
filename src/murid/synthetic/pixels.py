"""Conversions of pixels: images as floating-point numbers, and sub-pixel positions for OpenCV."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, Int32, UInt8

# OpenCV draws at fractions of a pixel if positions are integers with this many fractional bits
# (the argument `shift` of its functions): 4 bits are sixteenths of a pixel.
FRACTION_BITS = 4
SUBPIXELS = 2**FRACTION_BITS


def to_float_image(image: UInt8) -> Float32:
    """Return an 8-bit image as float32 in [0, 1]."""
    return np.asarray(image, np.float32) / np.float32(255)


def to_subpixels(points: NDArray[Any]) -> Int32:
    """Return positions in pixels as integers with `FRACTION_BITS` fractional bits."""
    return np.asarray(np.round(points * SUBPIXELS), np.int32)
