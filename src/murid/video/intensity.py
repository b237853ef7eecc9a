"""Scale pixel values of more than 8 bits to uint8, the same way over a whole recording."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.types import UInt8

# Bits per value of common cameras. They write 10 or 12 bits into images of 16, and the rest is
# zero, so that an image looks black if all 16 are taken as used.
_DEPTHS = (8, 10, 12, 14, 16)

# Frames, spread over a recording, from which the scale is learnt. Every fifth second of a recording
# of minutes; more would make opening long recordings slow.
N_SCALE_SAMPLES = 50

# Values from 0 to 1 may exceed 1 by so much, as filters and interpolation make them.
_UNIT_SLACK = 0.01

# Real numbers are taken as grey levels from 0 to 255 if their maximum is at least this; below, an
# image would be too dark to see.
_MIN_GREY_LEVEL = 32.0


@dataclass(frozen=True, slots=True)
class IntensityScale:
    """A map of pixel values to 0..255; values beyond are clipped, NaN becomes 0.

    Attributes
    ----------
    bit_depth : int
        Bits per channel in use.
    offset, factor : float
        A value becomes ``(value - offset) * factor``.
    is_rounded_down : bool
        Whether fractions are dropped, as by a shift of bits; else values are rounded.
    """

    bit_depth: int = 8
    offset: float = 0.0
    factor: float = 1.0
    is_rounded_down: bool = False

    def to_uint8(self, values: NDArray[Any]) -> UInt8:
        """Return an image of any numeric type as uint8; uint8 stays as it is."""
        if values.dtype == np.uint8:
            return values
        if self.is_rounded_down and values.dtype.kind in "iu":
            kept = np.clip(values, 0, 2**self.bit_depth - 1)
            return np.asarray(kept >> (self.bit_depth - 8), np.uint8)
        scaled = (values.astype(np.float64) - self.offset) * self.factor
        whole = np.floor(scaled) if self.is_rounded_down else np.rint(scaled)
        return np.asarray(np.nan_to_num(np.clip(whole, 0, 255), nan=0), np.uint8)


# For images of 16 bits from which nothing was learnt.
FULL_RANGE = IntensityScale(16, 0.0, 1 / 256, is_rounded_down=True)


def make_bit_scale(bit_depth: int) -> IntensityScale:
    """Return the scale that keeps the upper 8 of so many bits."""
    return IntensityScale(bit_depth, 0.0, 2.0 ** (8 - bit_depth), is_rounded_down=True)


def fit_intensity_scale(images: Iterable[NDArray[Any]]) -> IntensityScale:
    """Return the scale for a recording, learnt from images spread over it.

    Integers are scaled by the smallest of 8, 10, 12, 14 and 16 bits that holds all of them. Real
    numbers up to 1 are scaled from 0..1, those from 32 to 255 are grey levels already, and whole
    numbers are treated as integers. Anything else, as negative numbers, is scaled from its
    minimum to its maximum.

    Parameters
    ----------
    images : iterable of ndarray
        Images of any shape and of one numeric type. NaN and infinite values are left out.
    """
    low = np.inf
    high = -np.inf
    are_whole = True
    dtype = np.dtype(np.uint8)
    for image in images:
        values = image[np.isfinite(image)] if image.dtype.kind == "f" else image
        if image.dtype != np.uint8:
            dtype = image.dtype
        if values.size == 0:
            continue
        low = min(low, float(values.min()))
        high = max(high, float(values.max()))
        are_whole = are_whole and bool(dtype.kind in "iu" or (values == np.floor(values)).all())
    return _choose_scale(low, high, are_whole, dtype)


def _choose_scale(low: float, high: float, are_whole: bool, dtype: np.dtype[Any]) -> IntensityScale:
    bits_of_type = 8 * dtype.itemsize
    is_real = dtype.kind == "f"
    if high < low:  # no finite value
        return IntensityScale(bits_of_type)
    if is_real and low >= -_UNIT_SLACK and high <= 1 + _UNIT_SLACK:
        return IntensityScale(bits_of_type, 0.0, 255.0)
    if are_whole and low >= 0 and high < 2 ** _DEPTHS[-1]:
        return make_bit_scale(next(depth for depth in _DEPTHS if high < 2**depth))
    if is_real and low >= 0 and _MIN_GREY_LEVEL <= high <= 255:
        return IntensityScale(bits_of_type)
    factor = 255 / (high - low) if high > low else 0.0
    return IntensityScale(bits_of_type, low, factor)
