"""Scale of a picture from a checkerboard of known size."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from murid.core.types import UInt8


def measure_checkerboard(
    images: Iterable[UInt8], columns: int, rows: int
) -> tuple[float, float] | None:
    """Look for a checkerboard and measure its squares.

    Parameters
    ----------
    images : iterable of ndarray
        ``(h, w, 3)`` uint8, looked through until it is found.
    columns, rows : int
        Inner corners, where four squares meet.

    Returns
    -------
    (float, float) or None
        Mean side of a square in pixels, and by how much the sides differ: their range over the
        mean, which is large where the camera looks at an angle. None if it is in no picture.
    """
    for image in images:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        found, corners = cv2.findChessboardCorners(grey, (columns, rows))
        if found:
            grid = _refine(grey, corners).reshape(rows, columns, 2)
            sides = [
                np.hypot(*np.moveaxis(np.diff(grid, axis=axis), 2, 0)).ravel() for axis in (0, 1)
            ]
            every = np.concatenate(sides)
            return float(every.mean()), float(np.ptp(every) / every.mean())
    return None


def _refine(grey: UInt8, corners: np.ndarray) -> np.ndarray:
    """Corners to a fraction of a pixel."""
    until = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.01)
    refined: np.ndarray = cv2.cornerSubPix(grey, corners, (5, 5), (-1, -1), until)
    return refined
