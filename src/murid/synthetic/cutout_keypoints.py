"""Keypoints of a real animal, from its outline: the tail tells the rump from the head."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from murid.core.keypoints import CENTRE, NOSE, TAIL_BASE
from murid.core.types import Bool, Float32, Float64, UInt8
from murid.synthetic.keypoint_truth import make_unknown_keypoints
from murid.synthetic.masks import compute_half_width, find_largest, make_disc

# All thresholds are chosen by eye on two recordings of single mice, so that hardly any keypoint is
# wrong: those of doubtful animals are unknown.

# Minimum difference of a tail from the background, as a share of the body's contrast and in grey
# levels. A lower one takes shadows for tails, a higher one loses pale tails.
_TAIL_CONTRAST_SHARE = 0.2
_MIN_TAIL_DIFFERENCE = 12

# Radii of the openings that separate the tail from the body, and its stub from the rump, in half
# widths of the body. Larger ones remove the taper of the rump as well.
_TAIL_OPENING = 0.3
_RUMP_OPENING = 0.35

# The tail: minimum length and maximum mean width in half widths of the body, and maximum length of
# any other thin part, as a share of the tail's.
_MIN_TAIL_LENGTH = 1.2
_MAX_TAIL_WIDTH = 0.6
_MAX_OTHER_LENGTH = 0.6

# The snout: minimum difference from the background, as a share of the body's contrast, which ears
# and shadows do not reach; and radius of the opening that removes hairs, in half widths.
_SNOUT_CONTRAST_SHARE = 0.6
_SNOUT_OPENING = 0.12

# The tip of the body, within this share of its length from the farthest point, and its maximum
# width as a share of the length. A wider one is a turned head, seen from its side.
_TIP_SHARE = 0.06
_MAX_TIP_WIDTH = 0.17
# Depth of the tip whose middle is the nose, pixels.
_NOSE_DEPTH_PX = 1.5

# The direction of the head is that from its part between these shares of the length to the nose.
# The nose is moved that way to the outline, within a narrow cone: by at most this share of the
# length, in a direction with at least this cosine of the angle in between.
_HEAD_BEGIN = 0.7
_HEAD_END = 0.9
_MAX_EXTENSION = 0.12
_MIN_AHEAD_COSINE = 0.9

# The body: minimum square of its length as a multiple of its area: 1.3 for a disc, and 1.7 to 3 for
# a mouse on four feet. A rounder animal is curled or upright.
_MIN_ELONGATION = 1.5

# How much farther from one end than the other end the body may reach, as a share of its length.
# Farther, the tail leaves its side.
_MAX_EXCESS = 0.12

# Maximum area of the head as a multiple of the rump's, both within a share of the body's length
# from the end: a head is narrow.
_END_SHARE = 0.25
_MAX_HEAD_RATIO = 1.6

# Half the width of the band around the middle of the body whose centroid is the centre, as a share
# of the body's length.
_MIDDLE_BAND = 0.06

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_SQUARE = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class _ThinPart:
    """Thin part beside the body: mask ``(h, w)``, length in pixels, and begin ``(2,)`` (x, y)."""

    mask: Bool
    length: float
    root: Float64


def estimate_keypoints(body: UInt8, difference: UInt8) -> Float32:
    """Estimate nose, centre and tail base of an animal seen from above.

    The tail base is where the tail meets the body. The nose is the point of the body that is
    farthest from it along paths within the body (geodesic distance), so that a bent body is
    followed. The centre is in the middle between both.

    Parameters
    ----------
    body : ndarray
        ``(h, w)`` uint8 mask of the body without the tail, with space around it for the tail.
    difference : ndarray
        ``(h, w)`` uint8 difference from the background.

    Returns
    -------
    ndarray
        ``(3, 2)`` float32 pixels (x, y) from the corner of the mask. All are NaN if the outline
        does not say clearly which end is which.
    """
    tail = _find_tail(body, difference)
    if tail is None:
        return make_unknown_keypoints()
    # What follows needs only the body: a smaller window is faster.
    rows, columns = _find_bounds(body > 0)
    corner = np.array([columns.start, rows.start])
    trunk = _keep_largest((body[rows, columns] > 0) & ~tail.mask[rows, columns])
    # A stub of the tail may be left: the tail base is where the body is thick.
    thick = _open(trunk, _RUMP_OPENING)
    if not thick.any():
        return make_unknown_keypoints()
    tail_base = _find_nearest(thick, tail.root - corner)
    nose = _find_nose(trunk, difference[rows, columns], tail_base)
    if nose is None:
        return make_unknown_keypoints()
    from_tail = _measure_paths(trunk, _mark(trunk, tail_base))
    from_nose = _measure_paths(trunk, _mark(trunk, nose))
    length = float(from_nose[_to_index(tail_base)])
    if not _is_clear(trunk, from_tail, from_nose, length):
        return make_unknown_keypoints()

    # Moving along the body changes the difference of both distances by twice the way.
    band = 2 * _MIDDLE_BAND * length
    middle = np.zeros(trunk.shape, bool)
    middle[trunk] = np.abs(from_tail[trunk] - from_nose[trunk]) < band
    keypoints = make_unknown_keypoints()
    keypoints[NOSE] = nose
    keypoints[CENTRE] = _find_centroid(middle)
    keypoints[TAIL_BASE] = tail_base
    # From pixel centres to pixel edges.
    return np.asarray(keypoints + corner + 0.5, np.float32)


def _find_nose(trunk: Bool, difference: UInt8, tail_base: Float64) -> Float64 | None:
    """Find the end of the body opposite to the tail; None if it is no narrow tip.

    Ears, and the shadow beside the body, could be farther from the tail than the snout. They are
    paler and left out.
    """
    min_difference = _SNOUT_CONTRAST_SHARE * np.median(difference[trunk])
    strong = _open(trunk & (difference > min_difference), _SNOUT_OPENING)
    if not strong.any():
        return None
    strong = _keep_largest(strong)
    from_tail = _measure_paths(strong, _mark(strong, _find_nearest(strong, tail_base)))
    length = float(from_tail[strong].max())
    nose_region = strong & (from_tail > length - _NOSE_DEPTH_PX)
    nose = _find_nearest(nose_region, _find_centroid(nose_region))
    tip = np.argwhere(strong & (from_tail > (1 - _TIP_SHARE) * length))[:, ::-1]
    width = np.linalg.norm(tip - nose, axis=1).max()
    if width > _MAX_TIP_WIDTH * length:
        return None
    head = strong & (from_tail > _HEAD_BEGIN * length) & (from_tail < _HEAD_END * length)
    return _extend_to_outline(trunk, nose, nose - _find_centroid(head), _MAX_EXTENSION * length)


def _extend_to_outline(
    trunk: Bool, nose: Float64, direction: Float64, max_distance: float
) -> Float64:
    """Move a nose straight on to the outline: the tip of the snout is pale, as it is thin."""
    pixels = np.argwhere(trunk)[:, ::-1]
    steps = pixels - nose
    along = steps @ (direction / max(float(np.linalg.norm(direction)), 1e-6))
    distances = np.linalg.norm(steps, axis=1)
    is_ahead = (distances <= max_distance) & (along >= _MIN_AHEAD_COSINE * distances)
    return np.asarray(pixels[np.where(is_ahead, along, -1).argmax()], np.float64)


def _is_clear(trunk: Bool, from_tail: Float64, from_nose: Float64, length: float) -> bool:
    """Return whether tail base and nose are the ends of a long body with a narrow head.

    Parameters
    ----------
    trunk : ndarray
        ``(h, w)`` bool mask of the body.
    from_tail, from_nose : ndarray
        ``(h, w)`` float64 geodesic distances from tail base and nose, pixels.
    length : float
        Distance between both.
    """
    farthest = max(from_tail[trunk].max(), from_nose[trunk].max())
    head_area = np.count_nonzero(trunk & (from_nose < _END_SHARE * length))
    rump_area = np.count_nonzero(trunk & (from_tail < _END_SHARE * length))
    is_long = length**2 >= _MIN_ELONGATION * np.count_nonzero(trunk)
    has_two_ends = farthest <= (1 + _MAX_EXCESS) * length
    has_narrow_head = head_area <= _MAX_HEAD_RATIO * rump_area
    return bool(is_long and has_two_ends and has_narrow_head)


def _find_tail(body: UInt8, difference: UInt8) -> _ThinPart | None:
    """Find the only long thin part of the animal; None if there is none, or several."""
    half_width = compute_half_width(body)
    contrast = float(np.median(difference[body > 0]))
    min_difference = max(_MIN_TAIL_DIFFERENCE, _TAIL_CONTRAST_SHARE * contrast)
    animal = (difference > min_difference) | (body > 0)
    opened = _open(animal, _TAIL_OPENING, half_width)
    if not (opened & (body > 0)).any():
        return None

    # The tail is the longest thin part that touches the body.
    core = _keep_overlapping(opened, body > 0)
    # A part with fewer pixels is too short to be a tail, or to be mistaken for one.
    min_area = _MAX_OTHER_LENGTH * _MIN_TAIL_LENGTH * half_width
    parts = _find_thin_parts(animal & ~opened, core, min_area)
    if not parts:
        return None
    tail = parts[0]
    width = np.count_nonzero(tail.mask) / tail.length
    if tail.length < _MIN_TAIL_LENGTH * half_width or width > _MAX_TAIL_WIDTH * half_width:
        return None
    if len(parts) > 1 and parts[1].length > _MAX_OTHER_LENGTH * tail.length:
        return None
    return tail


def _find_thin_parts(thin: Bool, core: Bool, min_area: float) -> list[_ThinPart]:
    """Return the large components of a mask that touch the core of the body, the longest first."""
    beside_core = cv2.dilate(core.astype(np.uint8), _SQUARE) > 0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(thin.astype(np.uint8))
    touching = np.unique(labels[thin & beside_core])
    parts = []
    for label in touching[stats[touching, cv2.CC_STAT_AREA] >= min_area].tolist():
        mask = labels == label
        start = mask & beside_core
        length = float(_measure_paths(mask, start)[mask].max()) + 1
        parts.append(_ThinPart(mask, length, _find_centroid(start)))
    return sorted(parts, key=lambda part: part.length, reverse=True)


def _keep_overlapping(mask: Bool, body: Bool) -> Bool:
    """Return the connected component of a mask that shares the most pixels with the body."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    counts = np.bincount(labels[mask & body])
    return np.asarray(labels == counts.argmax(), np.bool_)


def _open(mask: Bool, share: float, half_width: float | None = None) -> Bool:
    """Return a mask without its thin parts (morphological opening by a share of its half width)."""
    layer = mask.astype(np.uint8)
    if half_width is None:
        half_width = compute_half_width(layer)
    radius = max(1, round(share * half_width))
    opened = cv2.morphologyEx(layer, cv2.MORPH_OPEN, make_disc(2 * radius + 1))
    return np.asarray(opened > 0, np.bool_)


def _keep_largest(mask: Bool) -> Bool:
    """Return the largest connected component of a mask."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return np.asarray(labels == find_largest(stats), np.bool_)


def _measure_paths(mask: Bool, start: Bool) -> Float64:
    """Return the geodesic distance ``(h, w)`` from the start along paths within a mask, pixels.

    The start grows by a cross and a square in turn, so that it becomes an octagon: lengths are up
    to 6 % too short or too long. Pixels that no path leads to are infinite.
    """
    rows, columns = _find_bounds(mask)
    allowed = mask[rows, columns].astype(np.uint8)
    reached = start[rows, columns].astype(np.uint8) & allowed
    distances = np.full(mask.shape, np.inf)
    inside = distances[rows, columns]
    n_reached = -1
    step = 0
    while np.count_nonzero(reached) > n_reached:
        # A cross and a square; the cross alone may reach nothing new where the square does.
        n_reached = int(np.count_nonzero(reached))
        for element in (_CROSS, _SQUARE):
            inside[(reached > 0) & np.isinf(inside)] = step
            step += 1
            reached = cv2.dilate(reached, element) & allowed
    return distances


def _find_bounds(mask: Bool) -> tuple[slice, slice]:
    """Return the rows and columns that a mask spans; it must not be empty."""
    ys = np.flatnonzero(mask.any(axis=1))
    xs = np.flatnonzero(mask.any(axis=0))
    return slice(int(ys[0]), int(ys[-1]) + 1), slice(int(xs[0]), int(xs[-1]) + 1)


def _mark(mask: Bool, point: Float64) -> Bool:
    """Return a mask of the same shape with a single pixel (x, y)."""
    marked = np.zeros(mask.shape, bool)
    marked[_to_index(point)] = True
    return marked


def _find_nearest(mask: Bool, point: Float64) -> Float64:
    """Return the pixel ``(2,)`` (x, y) of a mask that is nearest to a point."""
    pixels = np.argwhere(mask)[:, ::-1]
    distances = np.linalg.norm(pixels - point, axis=1)
    return np.asarray(pixels[int(distances.argmin())], np.float64)


def _find_centroid(mask: Bool) -> Float64:
    """Return the centroid ``(2,)`` (x, y) of a mask, pixels."""
    return np.asarray(np.argwhere(mask)[:, ::-1].mean(axis=0), np.float64)


def _to_index(point: Float64) -> tuple[int, int]:
    """Return row and column of a pixel (x, y)."""
    return round(float(point[1])), round(float(point[0]))
