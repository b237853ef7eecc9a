"""Estimate an image of a scene without its animals, to draw on."""

from __future__ import annotations

from murid.core.types import UInt8
from murid.video import FrameSource, sample_frames
from murid.video.background_model import fit_static_background

# A median over this many frames removes animals that move; more frames cost more decoding.
_N_FRAMES = 40


def estimate_background_image(source: FrameSource) -> UInt8:
    """Return an image ``(h, w, 3)`` uint8 RGB of the scene without animals.

    Where the camera moves, it is the middle one of the sampled frames, with animals.

    Raises
    ------
    SourceError
        If no frame can be decoded.
    """
    images = [frame.image for frame in sample_frames(source, _N_FRAMES)]
    background = fit_static_background(images)
    return images[len(images) // 2] if background is None else background.image
