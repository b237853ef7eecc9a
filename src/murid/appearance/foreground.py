"""Foreground of single frames, on a grid in which a body is some cells long."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from murid.core import Frame
from murid.core.types import Bool, UInt8
from murid.video.background_model import fit_static_background
from murid.video.resize import downscale

# Length of a body in cells of the grid. More cells show finer outlines, take longer, and keep the
# tails, which the opening removes at this size.
BODY_CELLS = 32
# Cells that differ less from the background than this share of the 90th percentile of their
# component are shadow or reflection. A higher share removes the weaker animal of two that touch.
_MIN_CONTRAST_SHARE = 0.3
# If more of the image than this differs from the background, the light has changed.
_MAX_FOREGROUND_SHARE = 0.4


class ForegroundFinder:
    """Finds the foreground of the frames of one video.

    Parameters
    ----------
    sampled : iterable of Frame
        Frames spread over the video, for the background model.
    cell_px : float
        Width and height of a cell in pixels of the video.
    """

    def __init__(self, sampled: Iterable[Frame], cell_px: float) -> None:
        self._cell_px = cell_px
        images = [self._downscale(frame.image) for frame in sampled]
        self._background = fit_static_background(images)

    @property
    def has_background(self) -> bool:
        """Whether there is a background model; none is found where the camera moves."""
        return self._background is not None

    def find(self, image: UInt8) -> Bool | None:
        """Return the cells ``(h, w)`` that are foreground; None where that cannot be told.

        Parameters
        ----------
        image : ndarray
            ``(h', w', 3)`` uint8 RGB.
        """
        small = self._downscale(image)
        background = self._background
        # The size of the images may change within a video.
        if background is None or small.shape != background.image.shape:
            return None
        difference = background.compute_difference(small)
        mask = _remove_shadows(difference, difference >= background.threshold)
        return None if mask.mean() > _MAX_FOREGROUND_SHARE else mask

    def _downscale(self, image: UInt8) -> UInt8:
        """Return the image with one pixel for each cell."""
        height, width = image.shape[:2]
        return downscale(image, max(compute_grid_size(width, height, self._cell_px)))[0]


def compute_grid_size(width: int, height: int, cell_px: float) -> tuple[int, int]:
    """Return the number of columns and rows of the grid over an image.

    Parameters
    ----------
    width, height : int
        Size of the image in pixels.
    cell_px : float
        Wanted width and height of a cell in pixels, at least 1.
    """
    # As `downscale` rounds.
    longer = max(width, height)
    scale = min(1.0, max(1, round(longer / cell_px)) / longer)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _remove_shadows(difference: UInt8, mask: Bool) -> Bool:
    """Return a mask without specks, tails, and the weak parts of each connected component."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    n_labels, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    strong = np.zeros(mask.shape, bool)
    for label in range(1, n_labels):
        left, top, width, height, _ = stats[label].tolist()
        window = (slice(top, top + height), slice(left, left + width))
        inside = labels[window] == label
        values = difference[window]
        limit = _MIN_CONTRAST_SHARE * np.percentile(values[inside], 90)
        strong[window] |= inside & (values >= limit)
    return strong
