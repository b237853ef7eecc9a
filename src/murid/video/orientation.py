"""Turn and mirror decoded frames as players show them."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from murid.core.types import UInt8


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight ways to show an image.

    Attributes
    ----------
    n_quarter_turns : int
        Turns by 90 degrees counter-clockwise, 0 to 3.
    is_mirrored : bool
        Whether the turned image is mirrored left to right.
    """

    n_quarter_turns: int = 0
    is_mirrored: bool = False

    @property
    def swaps_sides(self) -> bool:
        """Whether width becomes height."""
        return self.n_quarter_turns % 2 == 1

    def apply(self, pixels: UInt8) -> UInt8:
        """Return an image ``(h, w, 3)``, turned and mirrored; the same object if it is neither."""
        if self == _UPRIGHT:
            return pixels
        turned = np.rot90(pixels, self.n_quarter_turns)
        return np.ascontiguousarray(turned[:, ::-1] if self.is_mirrored else turned)


_UPRIGHT = Orientation()


def read_orientation(image: Any) -> Orientation:
    """Return the orientation in which a decoded frame is to be shown, from its display matrix.

    Not for every frame: PyAV then keeps the frame in memory until Python's garbage collection.
    """
    matrix = image.side_data.get("DISPLAYMATRIX")
    return _UPRIGHT if matrix is None else _parse_matrix(bytes(matrix))


def _parse_matrix(matrix: bytes) -> Orientation:
    """Return the orientation nearest to a display matrix.

    The matrix holds nine numbers ``a, b, u, c, d, v, x, y, w`` of 32 bits. It moves a pixel from
    ``(x, y)``, y downwards, to ``(a x + c y, b x + d y)``, apart from a shift.
    """
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix[:36])
    determinant = a * d - b * c
    if determinant == 0:
        return _UPRIGHT
    is_mirrored = determinant < 0
    # The turn comes first. Without the mirror, the first column is where it moves the x axis to.
    angle = math.atan2(-b, -a if is_mirrored else a)
    return Orientation(round(angle / (math.pi / 2)) % 4, is_mirrored)
