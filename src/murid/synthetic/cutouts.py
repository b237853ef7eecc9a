"""Cut real animals out of videos of a single animal before a static camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from murid.core.types import Bool, Float32, Float64, UInt8
from murid.synthetic.cutout_keypoints import estimate_keypoints
from murid.synthetic.keypoint_truth import make_unknown_keypoints
from murid.synthetic.masks import compute_half_width, find_largest, make_disc
from murid.synthetic.pixels import to_float_image
from murid.synthetic.sprite import Sprite

# Minimum difference from the background in grey levels. A higher one loses pale parts; a lower one
# takes shadows for the animal.
_MIN_DIFFERENCE = 28
# The outline is where the difference falls below this share of the animal's own contrast (its 75th
# percentile), so that the blur around a dark animal does not count as body.
_OUTLINE_SHARE = 0.45
_CONTRAST_PERCENTILE = 75

# Space kept around the animal in its sprite.
_MARGIN_PX = 6

# An animal smaller than this, or as near to the edge of the image, is left out.
_MIN_AREA_PX = 150
_EDGE_PX = 2

# Minimum share of the body in a cut-out. If more than half of it is tail, it is not an animal.
_MIN_BODY_SHARE = 0.5

# Removing the tail: diameter of the opening as a share of the half width of the body, and length of
# the parts that it may not remove (a snout, an ear or a foot), in half widths.
_OPENING_SHARE = 0.45
_MAX_TIP_LENGTH = 1.2

# Space around the body in which its tail is searched for its keypoints, in half widths.
_TAIL_MARGIN = 3.0

# Maximum share of the pixels around the body in which the background has the animal's colour, for
# its keypoints.
_MAX_ALIKE_SHARE = 0.02

# The box includes a faint rim around the body (a pale snout or ear): how wide it is in half widths,
# and from which difference on, as a share of the contrast and of the minimum difference.
_RIM_WIDTH = 0.15
_RIM_CONTRAST_SHARE = 0.15
_RIM_DIFFERENCE_SHARE = 0.5

# Soft edges: opacity begins at the first and is full at the second share of the body's contrast.
# A tail is thin and therefore pale.
_BODY_OPACITY_RANGE = (0.5, 0.75)
_TAIL_OPACITY_RANGE = (0.2, 0.5)
# Pixels deeper in the body than this share of its half width are opaque.
_OPAQUE_DEPTH = 0.4
# Below this opacity the colour of an edge cannot be separated from the background's.
_MIN_SEPARABLE_ALPHA = 0.3


@dataclass(frozen=True)
class FoundAnimal:
    """The animal of an image.

    Attributes
    ----------
    sprite : Sprite
    box : ndarray
        ``(4,)`` float32 xyxy pixels, without the tail, with its faint rim.
    keypoints : ndarray
        ``(3, 2)`` float32 pixels of the image: nose, centre and tail base; NaN where unknown.
    """

    sprite: Sprite
    box: Float32
    keypoints: Float32


@dataclass(frozen=True)
class Cutout:
    """An animal cut out of an image with soft edges.

    Attributes
    ----------
    sprite : Sprite
        Its colours are free of the background that shines through the edge.
    position : ndarray
        ``(2,)`` float64 pixels of the image at which the sprite's origin was.
    """

    sprite: Sprite
    position: Float64


def compute_median_background(images: Sequence[UInt8]) -> UInt8:
    """Return the median of ``(h, w, 3)`` uint8 images spread over a recording."""
    return np.asarray(np.median(np.stack(images), axis=0), np.uint8)


def cut_out_animal(image: UInt8, background: UInt8) -> Sprite | None:
    """Cut the only animal out of an image, as `find_animal` does; None if there is none."""
    found = find_animal(image, background)
    return None if found is None else found.sprite


def find_animal(image: UInt8, background: UInt8) -> FoundAnimal | None:
    """Find the only animal of an image.

    Parameters
    ----------
    image, background : ndarray
        ``(h, w, 3)`` uint8 RGB: the image, and the same view without the animal.

    Returns
    -------
    FoundAnimal or None
        None if there is no animal, or if it touches the edge of the image.
    """
    difference = _compute_difference(image, background)
    above = difference[difference > _MIN_DIFFERENCE]
    contrast = float(np.percentile(above, _CONTRAST_PERCENTILE)) if len(above) else 0.0
    mask = (difference > max(_MIN_DIFFERENCE, _OUTLINE_SHARE * contrast)).astype(np.uint8)

    # The animal is the largest component; component 0 is the background.
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return None
    largest = find_largest(stats)
    left = int(stats[largest, cv2.CC_STAT_LEFT])
    top = int(stats[largest, cv2.CC_STAT_TOP])
    right = left + int(stats[largest, cv2.CC_STAT_WIDTH])
    bottom = top + int(stats[largest, cv2.CC_STAT_HEIGHT])
    area = int(stats[largest, cv2.CC_STAT_AREA])
    at_left_or_top = left < _EDGE_PX or top < _EDGE_PX
    at_right = right > image.shape[1] - _EDGE_PX
    at_bottom = bottom > image.shape[0] - _EDGE_PX
    if area < _MIN_AREA_PX or at_left_or_top or at_right or at_bottom:
        return None

    window_left = max(0, left - _MARGIN_PX)
    window_top = max(0, top - _MARGIN_PX)
    window = np.s_[window_top : bottom + _MARGIN_PX, window_left : right + _MARGIN_PX]
    animal = (labels[window] == largest).astype(np.uint8)
    body = _remove_tail(animal)
    if body.sum() < _MIN_BODY_SHARE * area:
        return None

    # The keypoints, in a window that is large enough for a pale tail, which is not in the mask.
    offset = np.array([window_left, window_top], np.float32)
    keypoints = make_unknown_keypoints()
    if not _is_camouflaged(image[window], background[window], body):
        keypoints = _estimate_keypoints(body, difference, window_left, window_top) + offset

    # The sprite, with its origin at the body's centroid.
    alpha = np.asarray(cv2.GaussianBlur(animal.astype(np.float32), (0, 0), 0.8), np.float32)
    ys, xs = np.nonzero(body)
    origin = np.array([xs.mean(), ys.mean()], np.float32)
    colours = to_float_image(image[window])
    sprite = Sprite(colours, alpha, body.astype(np.float32), origin, keypoints - offset)

    # The box, with the faint rim.
    min_rim_difference = max(
        _RIM_DIFFERENCE_SHARE * _MIN_DIFFERENCE, _RIM_CONTRAST_SHARE * contrast
    )
    faint = difference[window] > min_rim_difference
    ys, xs = np.nonzero(body | (faint & (_dilate_by_rim(body) > 0)))
    box = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)
    return FoundAnimal(sprite, box + np.tile(offset, 2), keypoints)


def extract_cutout(image: UInt8, background: UInt8) -> Cutout | None:
    """Cut the only animal out of an image with soft edges (alpha matting).

    Parameters
    ----------
    image, background : ndarray
        ``(h, w, 3)`` uint8 RGB: the image, and the same view without the animal.

    Returns
    -------
    Cutout or None
        None if there is no animal, or if it touches the edge of the image.
    """
    found = find_animal(image, background)
    if found is None:
        return None
    sprite = found.sprite

    # Where the sprite was in the image: its body's corner is that of the box, up to the rim.
    body = sprite.body > 0.5
    body_left = np.flatnonzero(body.any(axis=0))[0]
    body_top = np.flatnonzero(body.any(axis=1))[0]
    corner = found.box[:2] - np.array([body_left, body_top])
    left, top = (round(float(v)) for v in corner)
    height, width = sprite.alpha.shape
    behind = to_float_image(background[top : top + height, left : left + width])

    # Solve image = alpha * colour + (1 - alpha) * background for the colour.
    alpha = _compute_alpha(sprite, np.abs(sprite.image - behind).max(axis=2))
    divisor = np.maximum(alpha, _MIN_SEPARABLE_ALPHA)[..., None]
    colours = np.clip(behind + (sprite.image - behind) / divisor, 0, 1, dtype=np.float32)
    opaque_body = np.where(alpha > 0.5, sprite.body, np.float32(0))
    cutout = Sprite(colours, alpha, opaque_body, sprite.origin, sprite.keypoints)
    return Cutout(cutout, np.array([left, top]) + sprite.origin.astype(np.float64))


def _is_camouflaged(image: UInt8, background: UInt8, body: UInt8) -> bool:
    """Return whether parts of the animal may be missing, as the background looks like it there."""
    colour = np.median(image[body > 0], axis=0)
    alike = np.abs(background - colour).max(axis=2) < _MIN_DIFFERENCE
    outside = (_dilate_by_rim(body) > 0) & (body == 0)
    return bool(alike[outside].mean() > _MAX_ALIKE_SHARE)


def _estimate_keypoints(body: UInt8, difference: UInt8, left: int, top: int) -> Float32:
    """Return keypoints ``(3, 2)`` from the corner of a body's mask, which is at (left, top)."""
    margin = round(_TAIL_MARGIN * compute_half_width(body))
    wide_body = _pad(body, margin)
    height, width = wide_body.shape
    wide_difference = _pad(difference, margin)[top : top + height, left : left + width]
    return estimate_keypoints(wide_body, wide_difference) - np.float32(margin)


def _pad(layer: UInt8, margin: int) -> UInt8:
    """Surround a layer ``(h, w)`` with zeros."""
    return np.asarray(np.pad(layer, margin), np.uint8)


def _compute_difference(image: UInt8, background: UInt8) -> UInt8:
    """Return the maximum difference ``(h, w)`` over the three channels, slightly blurred."""
    red, green, blue = cv2.split(cv2.absdiff(image, background))
    difference = cv2.max(cv2.max(red, green), blue)
    return np.asarray(cv2.GaussianBlur(difference, (0, 0), 1.0), np.uint8)


def _compute_alpha(sprite: Sprite, difference: Float32) -> Float32:
    """Return the opacity ``(h, w)`` of an animal: full inside, partial along its edge.

    The edge is the more opaque the more it differs from the background, which shines through blur
    and faint reflections.
    """
    body = (sprite.body > 0.5).astype(np.uint8)
    contrast = float(np.median(difference[body > 0]))
    near_body = cv2.dilate(body, np.ones((7, 7), np.uint8)) > 0
    low = np.where(near_body, _BODY_OPACITY_RANGE[0], _TAIL_OPACITY_RANGE[0])
    high = np.where(near_body, _BODY_OPACITY_RANGE[1], _TAIL_OPACITY_RANGE[1])
    rim = np.clip((difference / contrast - low) / (high - low), 0, 1)
    depth = cv2.distanceTransform(body, cv2.DIST_L2, 3)
    core = np.clip(depth - _OPAQUE_DEPTH * depth.max(), 0, 1)
    return np.asarray(np.minimum(sprite.alpha, np.maximum(rim, core)), np.float32)


def _dilate_by_rim(body: UInt8) -> UInt8:
    """Return the body with the rim around it."""
    radius = max(1, round(_RIM_WIDTH * compute_half_width(body)))
    return np.asarray(cv2.dilate(body, make_disc(2 * radius + 1)), np.uint8)


def _remove_tail(animal: UInt8) -> UInt8:
    """Return the body of an animal ``(h, w)``: without its tail, with snout and ears.

    A morphological opening removes all thin parts. Short ones are restored; the tail is long.
    """
    half_width = compute_half_width(animal)
    diameter = max(3, 2 * int(_OPENING_SHARE * half_width) + 1)
    opened = cv2.morphologyEx(animal, cv2.MORPH_OPEN, make_disc(diameter))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return np.zeros_like(animal)
    body: Bool = labels == find_largest(stats)

    # Restore the removed parts that are short and touch the body.
    removed = (animal > 0).astype(np.uint8) & (opened == 0)
    _, tips, tip_stats, _ = cv2.connectedComponentsWithStats(removed)
    length = np.hypot(tip_stats[:, cv2.CC_STAT_WIDTH], tip_stats[:, cv2.CC_STAT_HEIGHT])
    is_short = length < _MAX_TIP_LENGTH * half_width
    beside_body = cv2.dilate(body.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    touching = np.unique(tips[beside_body])
    is_restored = np.zeros(len(tip_stats), bool)
    is_restored[touching] = is_short[touching]
    is_restored[0] = False  # the background
    return np.asarray(body | is_restored[tips], np.uint8)
