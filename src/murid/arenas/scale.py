"""Scale of a video in centimetres per pixel: from two points, a width or a checkerboard."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from murid.arenas.layout import Region
from murid.core.types import UInt8
from murid.errors import ArrayError

# Sub-pixel refinement of corners: at most 30 iterations, or until a corner moves by less than 0.01
# pixels, in a window of 11 x 11 pixels. Larger windows mix neighbouring corners of small boards.
_TERMINATION = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.01)
_HALF_WINDOW = (5, 5)
_NO_DEAD_ZONE = (-1, -1)


def compute_scale(
    points: Iterable[tuple[float, float]], length_cm: float, pixel_aspect: float = 1.0
) -> float:
    """Return the centimetres per pixel, from two points and the distance between them.

    Parameters
    ----------
    points : iterable of (float, float)
        Two points, pixels.
    length_cm : float
        Distance between them in centimetres.
    pixel_aspect : float
        Width of a pixel divided by its height. If it is not 1, the scale is the height of a pixel,
        in whichever direction the points lie.

    Raises
    ------
    ArrayError
        If the points are the same, or the length is not above 0.
    """
    (x1, y1), (x2, y2) = points
    length_px = float(np.hypot(pixel_aspect * (x2 - x1), y2 - y1))
    if not length_px > 0:
        raise ArrayError("scale", "two points apart", "the same point twice")
    if not 0 < length_cm < np.inf:
        raise ArrayError("scale", "a length above 0 cm", f"{length_cm:g} cm")
    return length_cm / length_px


def compute_scale_from_width(region: Region, length_cm: float, pixel_aspect: float = 1.0) -> float:
    """Return the centimetres per pixel, from the width of a region.

    The width is the distance from the leftmost to the rightmost point. `pixel_aspect` and errors
    are as in `compute_scale`.
    """
    left, _, right, _ = region.geometry.bounds
    return compute_scale([(left, 0.0), (right, 0.0)], length_cm, pixel_aspect)


def measure_checkerboard(
    images: Iterable[UInt8], columns: int, rows: int, pixel_aspect: float = 1.0
) -> tuple[float, float] | None:
    """Find a checkerboard and return the size of its squares.

    Parameters
    ----------
    images : iterable of ndarray
        ``(h, w, 3)`` uint8 RGB. The first one in which the board is found is used.
    columns, rows : int
        Inner corners, where four squares meet.
    pixel_aspect : float
        Width of a pixel divided by its height.

    Returns
    -------
    (float, float) or None
        Mean side of a square in pixels (heights of a pixel), and the range of the sides relative to
        the mean, which is large if the camera views the board at an angle. None if no image shows
        the board.
    """
    for image in images:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        is_found, corners = cv2.findChessboardCorners(grey, (columns, rows))
        if is_found:
            grid = _refine_corners(grey, corners).reshape(rows, columns, 2)
            grid = grid * np.array([pixel_aspect, 1.0])
            vertical = np.hypot(*np.moveaxis(np.diff(grid, axis=0), 2, 0)).ravel()
            horizontal = np.hypot(*np.moveaxis(np.diff(grid, axis=1), 2, 0)).ravel()
            sides = np.concatenate([vertical, horizontal])
            return float(sides.mean()), float(np.ptp(sides) / sides.mean())
    return None


def _refine_corners(grey: UInt8, corners: np.ndarray) -> np.ndarray:
    """Return corners refined to fractions of a pixel."""
    refined: np.ndarray = cv2.cornerSubPix(grey, corners, _HALF_WINDOW, _NO_DEAD_ZONE, _TERMINATION)
    return refined
