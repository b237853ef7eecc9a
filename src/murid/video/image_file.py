"""Decode image files of any number of bits."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.types import UInt8
from murid.video.intensity import IntensityScale
from murid.video.tiff_pages import make_reader, read_pixel_type

# OpenCV converts TIFF files of more bits, and of real numbers, neither to RGB nor upright.
_MAX_CONVERTED_BITS = 16


def decode_image(content: bytes) -> NDArray[Any] | None:
    """Return the pixels in an image file; None if it cannot be decoded.

    Returns
    -------
    ndarray or None
        ``(h, w, 3)`` RGB, or ``(h, w)`` grey, of the numeric type of the file.
    """
    if not content:
        return None
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
    pixel_type = read_pixel_type(make_reader(content))
    if pixel_type is not None:
        # OpenCV mixes up the channels of such files.
        if pixel_type.are_planes and pixel_type.bits > 8:
            return None
        if pixel_type.are_real or pixel_type.bits > _MAX_CONVERTED_BITS:
            flags = cv2.IMREAD_UNCHANGED
    image: NDArray[Any] | None = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if image is None or image.ndim == 2:
        return image
    if image.dtype == np.uint8:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
    # A fourth channel is opacity, and so is the second of two.
    return image[..., 2::-1] if image.shape[2] >= 3 else image[..., 0]


def to_rgb_image(values: NDArray[Any], scale: IntensityScale) -> UInt8:
    """Return pixels as `decode_image` gives them as ``(h, w, 3)`` uint8 RGB."""
    pixels = scale.to_uint8(values)
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
