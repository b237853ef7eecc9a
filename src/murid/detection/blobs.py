"""Bodies in a picture of differences: each blob is cut by its own contrast and freed of its tail by its own width."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.types import UInt8

Mask = NDArray[np.uint8]

_SMALLEST_SHARE = 0.0002  # of the picture's area: smaller blobs are noise
_LARGEST_SHARE = 0.3  # of the picture's area: larger blobs are the light, or a hand
_STRONG_FACTOR = 1.8  # times the threshold: some of a blob must differ by this (hysteresis)
_STRONG_SHARE = 0.1  # of a blob's area that must be strong
_OWN_MEDIAN = 0.5  # of a blob's median difference: weaker parts of it are shadow or reflection
_OWN_STRONGEST = (
    0.2  # of a blob's strongest tenth: the same, where the reflection is as large as the animal
)
_TAIL_WIDTH = 0.4  # of a body's half-width: thinner parts are tails
_SMALLEST_PART = 0.3  # of the largest part that remains of a blob: smaller parts are dropped


class Blob(NamedTuple):
    """One body.

    Attributes
    ----------
    box : tuple of int
        Left, top, right, bottom in pixels.
    area : int
        Pixels of the body.
    contrast : float
        Mean difference in the body, in thresholds.
    """

    box: tuple[int, int, int, int]
    area: int
    contrast: float

    @property
    def fill(self) -> float:
        """Share of the box that the body covers, in (0, 1]."""
        x1, y1, x2, y2 = self.box
        return self.area / ((x2 - x1) * (y2 - y1))


def find_blobs(difference: UInt8, threshold: UInt8) -> list[Blob]:
    """Bodies in a picture of differences.

    Parameters
    ----------
    difference : ndarray
        ``(h, w)`` uint8 grey levels.
    threshold : ndarray
        ``(h, w)`` uint8 grey levels that count as foreground when reached.
    """
    weak = cv2.compare(difference, threshold, cv2.CMP_GE)
    strong = cv2.compare(difference, cv2.multiply(threshold, _STRONG_FACTOR), cv2.CMP_GE)
    weak = cv2.morphologyEx(weak, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    weak = cv2.morphologyEx(weak, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return [
        blob
        for part in _find_parts(
            weak, _SMALLEST_SHARE * difference.size, _LARGEST_SHARE * difference.size
        )
        if cv2.countNonZero(strong[part.window] & part.mask) >= _STRONG_SHARE * part.area
        for blob in _cut_bodies(part, difference[part.window], threshold[part.window])
    ]


class _Part(NamedTuple):
    window: tuple[slice, slice]
    mask: Mask
    area: int


def _find_parts(mask: Mask, smallest: float, largest: float) -> Iterator[_Part]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    for label, (x, y, w, h, area) in enumerate(stats.tolist()):
        if label > 0 and smallest <= area <= largest:
            window = (slice(y, y + h), slice(x, x + w))
            yield _Part(window, (labels[window] == label).astype(np.uint8), area)


def _cut_bodies(part: _Part, difference: UInt8, threshold: UInt8) -> Iterator[Blob]:
    inside = difference[part.mask > 0]
    own = max(_OWN_MEDIAN * np.median(inside), _OWN_STRONGEST * np.percentile(inside, 90))
    body = _remove_thin_parts(part.mask & (difference >= own).astype(np.uint8))
    parts = list(_find_parts(body, 1, body.size))
    largest = max((p.area for p in parts), default=0)
    y, x = part.window[0].start, part.window[1].start
    for rows, columns, mask, area in ((*p.window, p.mask, p.area) for p in parts):
        if area >= _SMALLEST_PART * largest:
            box = (x + columns.start, y + rows.start, x + columns.stop, y + rows.stop)
            ratio = difference[rows, columns][mask > 0] / threshold[rows, columns][mask > 0]
            yield Blob(box, area, float(ratio.mean()))


def _remove_thin_parts(mask: Mask) -> Mask:
    padded = np.pad(mask, 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)
    radius = _TAIL_WIDTH * depth.max()
    core = (depth > radius).astype(np.uint8)
    distance_to_core = cv2.distanceTransform(1 - core, cv2.DIST_L2, 5)
    opened: Mask = (padded & (distance_to_core <= radius).astype(np.uint8))[1:-1, 1:-1]
    return opened
