"""The picture of a video without its animals, to draw on."""

from __future__ import annotations

from murid.core.types import UInt8
from murid.detect.backdrop import fit_still_backdrop
from murid.video import FrameSource, sample_frames

_N_FRAMES = 40


def take_background(source: FrameSource) -> UInt8:
    """Return the scene without animals ``(h, w, 3)``; a frame from the middle where the camera moves.

    Raises `SourceError` if no frame can be decoded.
    """
    images = [frame.image for frame in sample_frames(source, _N_FRAMES)]
    backdrop = fit_still_backdrop(images)
    return images[len(images) // 2] if backdrop is None else backdrop.image
