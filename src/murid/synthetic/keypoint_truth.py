"""True keypoints of synthetic images: how they are transformed, and where they become unknown."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.keypoints import KEYPOINTS
from murid.core.types import Float32, Float64

MAX_OUTSIDE_BOX = 0.1
"""How far a known keypoint may lie outside of its box, as a share of the box's diagonal."""


def make_unknown_keypoints(*shape: int) -> Float32:
    """Return keypoints ``(*shape, 3, 2)`` float32, all NaN: unknown."""
    return np.full((*shape, len(KEYPOINTS), 2), np.nan, np.float32)


def transform_keypoints(keypoints: Float32, matrix: NDArray[Any]) -> Float32:
    """Apply an affine matrix ``(2, 3)`` to keypoints ``(..., 3, 2)``.

    Keypoints refer to pixel edges, as boxes do; see `to_edges` for the matrices of OpenCV.
    """
    return np.asarray(keypoints @ matrix[:, :2].T + matrix[:, 2], np.float32)


def to_edges(matrix: NDArray[Any]) -> Float64:
    """Return an affine matrix ``(2, 3)`` of pixel centres, as OpenCV's, for pixel edges."""
    moved = np.array(matrix, np.float64)
    moved[:, 2] += 0.5 - moved[:, :2] @ [0.5, 0.5]
    return moved


def drop_outside(
    keypoints: Float32,
    boxes: Float32,
    width: int,
    height: int,
    max_outside: float = MAX_OUTSIDE_BOX,
) -> Float32:
    """Return keypoints of which those outside of the image, or far outside of their box, are NaN.

    Parameters
    ----------
    keypoints : ndarray
        ``(n, 3, 2)`` float32 pixels.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels.
    width, height : int
        Size of the image, pixels.
    max_outside : float
        Tolerated distance from the box, as a share of its diagonal.
    """
    size = boxes[:, 2:] - boxes[:, :2]
    margin = max_outside * np.hypot(size[:, 0], size[:, 1])[:, None, None]
    in_image = (keypoints >= 0) & (keypoints <= (width, height))
    near_box = keypoints >= boxes[:, None, :2] - margin
    near_box &= keypoints <= boxes[:, None, 2:] + margin
    is_known = (in_image & near_box).all(axis=2, keepdims=True)
    return np.where(is_known, keypoints, np.float32(np.nan))
