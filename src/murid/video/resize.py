"""Downscale images."""

from __future__ import annotations

import cv2
import numpy as np

from murid.core.types import UInt8


def downscale(image: UInt8, max_side_px: int) -> tuple[UInt8, np.float32]:
    """Return an image that is at most so large, and its scale.

    Parameters
    ----------
    image : ndarray
        ``(h, w, 3)`` uint8.
    max_side_px : int
        Maximum length of the longer side; smaller images stay as they are.

    Returns
    -------
    image : ndarray
        ``(h', w', 3)`` uint8.
    scale : float32
        Pixels of the returned image per pixel of the given one, at most 1.
    """
    height, width = image.shape[:2]
    scale = min(1.0, max_side_px / max(height, width))
    if scale == 1:
        return image, np.float32(1)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(resized, np.uint8), np.float32(scale)


def shrink(image: UInt8, factor: int) -> UInt8:
    """Return an image that is smaller by a whole factor: each pixel is the mean of a square.

    This takes a quarter of the time of `downscale`. Pixels that fill no square, at the right and
    the lower edge, are left out.

    Parameters
    ----------
    image : ndarray
        ``(h, w, 3)`` uint8, of at least `factor` pixels in both directions.
    factor : int
        At least 1.
    """
    if factor == 1:
        return image
    height, width = (side // factor for side in image.shape[:2])
    whole = image[: height * factor, : width * factor]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
