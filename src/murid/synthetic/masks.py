"""Measures of binary masks: half width, largest component, and discs for morphology."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.types import UInt8


def find_largest(stats: NDArray[Any]) -> int:
    """Return the label of the largest connected component, from the statistics of OpenCV."""
    return 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())


def compute_half_width(mask: UInt8) -> float:
    """Return the largest distance of a pixel of the mask from its outline."""
    return float(cv2.distanceTransform(mask, cv2.DIST_L2, 3).max())


def make_disc(diameter: int) -> UInt8:
    """Return a disc ``(diameter, diameter)`` uint8 for morphology."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
    return np.asarray(kernel, np.uint8)
