"""The picture of a video without its animals, to draw on, and smaller pictures."""

from __future__ import annotations

import cv2
import numpy as np

from murid.core.types import UInt8
from murid.video import FrameSource, sample_frames
from murid.video.background_model import fit_static_background

_N_FRAMES = 40


def estimate_background_image(source: FrameSource) -> UInt8:
    """Return the scene without animals ``(h, w, 3)``; a frame from the middle where the camera moves.

    Raises `SourceError` if no frame can be decoded.
    """
    images = [frame.image for frame in sample_frames(source, _N_FRAMES)]
    background = fit_static_background(images)
    return images[len(images) // 2] if background is None else background.image


def shrink(image: UInt8, longest_side: int) -> tuple[UInt8, np.float32]:
    """Return a picture that is no longer than that, and how large it is against the one given."""
    factor = min(1.0, longest_side / max(image.shape[:2]))
    if factor == 1:
        return image, np.float32(1)
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), np.float32(
        factor
    )
