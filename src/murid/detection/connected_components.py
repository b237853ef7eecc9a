"""Find animal bodies in a difference image: connected components without shadows and tails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.types import UInt8

Mask = NDArray[np.uint8]

# Smaller components, as fractions of the image area, are noise. Larger ones are a change of light
# or a hand in the cage.
_MIN_AREA_FRACTION = 0.0002
_MAX_AREA_FRACTION = 0.3

# Hysteresis thresholding: at least a tenth of a component must exceed the higher threshold, given
# as a multiple of the foreground threshold. Lower values let faint shadows pass.
_HIGH_THRESHOLD_RATIO = 1.8
_MIN_HIGH_FRACTION = 0.1

# Weaker parts of a component are shadow or reflection: those below this fraction of its median
# difference, or of its 90th percentile. The percentile serves where the reflection is as large as
# the animal, so that the median is the reflection's.
_MEDIAN_FRACTION = 0.5
_PERCENTILE_FRACTION = 0.2
_PERCENTILE = 90

# Parts thinner than this fraction of a body's maximum half-width are tails.
_TAIL_WIDTH_FRACTION = 0.4

# Parts smaller than this fraction of the largest part that remains of a component are dropped.
_MIN_PART_FRACTION = 0.3


class Component(NamedTuple):
    """The body of an animal, or of several that touch.

    Attributes
    ----------
    box : tuple of int
        Left, top, right, bottom in pixels.
    area : int
        Number of pixels of the body.
    contrast : float
        Mean ratio of difference to foreground threshold in the body.
    """

    box: tuple[int, int, int, int]
    area: int
    contrast: float

    @property
    def extent(self) -> float:
        """Fraction of the box that the body covers, in (0, 1]."""
        left, top, right, bottom = self.box
        return self.area / ((right - left) * (bottom - top))


class _Part(NamedTuple):
    """A connected component of a mask.

    Attributes
    ----------
    rows, columns : slice
        Its bounding box in the mask.
    mask : ndarray
        ``(h, w)`` uint8 in the bounding box, 1 where it is.
    area : int
        Number of pixels.
    """

    rows: slice
    columns: slice
    mask: Mask
    area: int


def find_components(difference: UInt8, threshold: UInt8) -> list[Component]:
    """Return the bodies in a difference image.

    Parameters
    ----------
    difference : ndarray
        ``(h, w)`` uint8 grey levels of difference from the background.
    threshold : ndarray
        ``(h, w)`` uint8. A pixel is foreground if its difference is at least this.
    """
    foreground = cv2.compare(difference, threshold, cv2.CMP_GE)
    high_threshold = cv2.multiply(threshold, _HIGH_THRESHOLD_RATIO)
    high = cv2.compare(difference, high_threshold, cv2.CMP_GE)
    # Opening removes specks; closing joins parts that noise has separated.
    foreground = cv2.morphologyEx(foreground, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    foreground = cv2.morphologyEx(foreground, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))

    min_area = _MIN_AREA_FRACTION * difference.size
    max_area = _MAX_AREA_FRACTION * difference.size
    components: list[Component] = []
    for part in _find_parts(foreground, min_area, max_area):
        window = (part.rows, part.columns)
        if cv2.countNonZero(high[window] & part.mask) >= _MIN_HIGH_FRACTION * part.area:
            components += _extract_bodies(part, difference[window], threshold[window])
    return components


def _find_parts(mask: Mask, min_area: float, max_area: float) -> Iterator[_Part]:
    """Yield the connected components of a mask whose area is in a range."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    for label, (left, top, width, height, area) in enumerate(stats.tolist()):
        # Label 0 is the background of the mask.
        if label > 0 and min_area <= area <= max_area:
            rows = slice(top, top + height)
            columns = slice(left, left + width)
            part_mask = (labels[rows, columns] == label).astype(np.uint8)
            yield _Part(rows, columns, part_mask, area)


def _extract_bodies(part: _Part, difference: UInt8, threshold: UInt8) -> Iterator[Component]:
    """Yield what remains of a part without its shadow, reflection and tail.

    `difference` and `threshold` are cut to the bounding box of the part.
    """
    inside = difference[part.mask > 0]
    min_difference = max(
        _MEDIAN_FRACTION * np.median(inside),
        _PERCENTILE_FRACTION * np.percentile(inside, _PERCENTILE),
    )
    is_strong = (difference >= min_difference).astype(np.uint8)
    body = _remove_thin_parts(part.mask & is_strong)

    parts = list(_find_parts(body, 1, body.size))
    max_area = max((inner.area for inner in parts), default=0)
    left = part.columns.start
    top = part.rows.start
    for inner in parts:
        if inner.area >= _MIN_PART_FRACTION * max_area:
            box = (
                left + inner.columns.start,
                top + inner.rows.start,
                left + inner.columns.stop,
                top + inner.rows.stop,
            )
            window = (inner.rows, inner.columns)
            is_body = inner.mask > 0
            ratio = difference[window][is_body] / threshold[window][is_body]
            yield Component(box, inner.area, float(ratio.mean()))


def _remove_thin_parts(mask: Mask) -> Mask:
    """Return a mask without the parts that are thin compared with its thickest part.

    An opening with a disc whose radius follows from the mask, by distance transforms.
    """
    padded = np.pad(mask, 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)
    radius = _TAIL_WIDTH_FRACTION * depth.max()
    core = (depth > radius).astype(np.uint8)
    distance_to_core = cv2.distanceTransform(1 - core, cv2.DIST_L2, 5)
    is_near_core = (distance_to_core <= radius).astype(np.uint8)
    opened: Mask = (padded & is_near_core)[1:-1, 1:-1]
    return opened
