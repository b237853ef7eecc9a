"""Fur descriptors: the fine pattern of an animal's fur, straightened along its body.

The pattern is far weaker than the noise of one image. It becomes visible in the mean of many images
that are aligned to the pixel. The outline of the body gives its position, direction and bend with
this precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from murid.core.types import Bool, Float32, Float64, UInt8
from murid.video.background_model import BackgroundModel

# Pixels of a descriptor from rump to snout, and across the body.
LENGTH = 28
WIDTH = 16
DESCRIPTOR_SIZE = LENGTH * WIDTH
# Lengths below are in body lengths.
# Half of the body's width that a descriptor covers: the sides are curved away from the camera.
_HALF_WIDTH = 0.27
# Scale above which brightness is light and posture, not pattern; it is removed.
_SMOOTHING = 0.05
# Margin inside the outline that is left out: it contains pixels of the floor.
_OUTLINE_MARGIN = 0.03
# Minimum half width of the body: thinner parts are tails.
_TAIL_RADIUS = 0.06
# Margin around a box that is searched for the body.
_BOX_MARGIN = 0.15
# Distance by which a body may extend beyond its box, and the share of its area that may extend
# further. If more does, the body is that of two animals that touch.
_MAX_OVERHANG = 0.05
_MAX_OVERHANG_SHARE = 0.05
# Share of its convex hull that one body fills; two bodies fill less.
_MIN_SOLIDITY = 0.85
# Smallest area of a body, in squared body lengths.
_MIN_AREA = 0.05
# Foreground must differ by this share of the body's difference from the background; a shadow
# differs less.
_MIN_CONTRAST_SHARE = 0.5
_MIN_CONTRAST = 8.0
# Values are clipped at this many standard deviations: a reflection would dominate the pattern.
_MAX_DEVIATIONS = 2.5
# Patches with a shorter side contain no body.
_MIN_PATCH_PX = 8


@dataclass(frozen=True, eq=False, slots=True)
class _Pose:
    """The midline of a body in a patch: a parabola from rump to snout.

    Attributes
    ----------
    centre : ndarray
        ``(2,)`` xy origin of the body's axes.
    direction : ndarray
        ``(2,)`` unit vector of the long axis, towards the snout.
    start, end : float
        Where the body begins and ends on the long axis.
    bend : ndarray
        ``(3,)`` polynomial of the midline's distance from the long axis.
    """

    centre: Float64
    direction: Float64
    start: float
    end: float
    bend: Float64


def compute_fur_descriptors(
    image: UInt8,
    boxes: Float32,
    background: BackgroundModel,
    body_px: float,
    others: Float32 | None = None,
) -> Float32:
    """Compute the fur descriptors of the animals in one image.

    Parameters
    ----------
    image : ndarray
        ``(h, w, 3)`` uint8 RGB.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels.
    background : BackgroundModel
        Of the size of the image.
    body_px : float
        Body length in pixels.
    others : ndarray, optional
        ``(m, 4)`` float32 boxes of all animals in the image, with or without `boxes`: pixels that
        are nearer to the centre of one of these are not of the animal.

    Returns
    -------
    ndarray
        ``(n, DESCRIPTOR_SIZE)`` float32, 0 outside the body; NaN where no single animal is found.
    """
    descriptors = np.full((len(boxes), DESCRIPTOR_SIZE), np.nan, np.float32)
    for k, box in enumerate(boxes):
        left, top, right, bottom = _find_patch(image.shape, box, body_px)
        if min(right - left, bottom - top) < _MIN_PATCH_PX:
            continue
        crop = slice(top, bottom), slice(left, right)
        patch = image[crop]
        # From here on, coordinates are those of the patch.
        corner = np.array([left, top, left, top], np.float32)
        own_box = box - corner
        nearest = (
            None if others is None else _find_nearest(patch.shape[:2], own_box, others - corner)
        )
        body = _find_body(patch, background.image[crop], body_px, nearest)
        if body.sum() < _MIN_AREA * body_px**2 or not _is_single(body, own_box, body_px):
            continue
        pattern = _extract_pattern(patch, body, body_px)
        descriptors[k] = _straighten(pattern, _fit_pose(body), body_px).ravel()
    return descriptors


def _find_patch(shape: tuple[int, ...], box: Float32, body_px: float) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a box with a margin, inside the image."""
    height, width = shape[:2]
    margin = _BOX_MARGIN * body_px
    left, top, right, bottom = box
    return (
        max(0, round(float(left - margin))),
        max(0, round(float(top - margin))),
        min(width, round(float(right + margin))),
        min(height, round(float(bottom + margin))),
    )


def _find_nearest(shape: tuple[int, int], box: Float32, others: Float32) -> Bool:
    """Return the pixels ``(h, w)`` that are nearer to the centre of a box than to other centres.

    Distances are in halves of the sides of each box.
    """
    y = np.arange(shape[0])[:, None] + 0.5
    x = np.arange(shape[1]) + 0.5

    def compute_distances(left: float, top: float, right: float, bottom: float) -> Float64:
        horizontal = (2 * x - left - right) / (right - left)
        vertical = (2 * y - top - bottom) / (bottom - top)
        return np.asarray(horizontal**2 + vertical**2, np.float64)

    # Other boxes that reach into the patch.
    inside = (others[:, :2] < shape[::-1]).all(axis=1) & (others[:, 2:] > 0).all(axis=1)
    is_other = (np.abs(others - box) > 0.5).any(axis=1)
    distances = compute_distances(*box.tolist())
    nearest = np.ones(shape, bool)
    for other in others[inside & is_other].tolist():
        nearest &= distances <= compute_distances(*other)
    return nearest


def _find_body(patch: UInt8, background: UInt8, body_px: float, nearest: Bool | None) -> UInt8:
    """Return the mask ``(h, w)`` of the animal in the middle of a patch, without its tail."""
    difference = cv2.absdiff(patch, background).max(axis=2)
    middle = tuple(slice(n // 3, n - n // 3) for n in difference.shape)
    contrast = _MIN_CONTRAST_SHARE * float(np.median(difference[middle]))
    mask = (difference > max(_MIN_CONTRAST, contrast)).astype(np.uint8)
    if nearest is not None:
        mask &= nearest
    # Remove thin parts.
    size = 2 * max(1, round(_TAIL_RADIUS * body_px)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc)
    # Keep the component with the largest area in the middle.
    _, labels = cv2.connectedComponents(mask)
    areas = np.bincount(labels[middle].ravel(), minlength=2)
    areas[0] = 0
    return np.asarray((labels == areas.argmax()) & (mask > 0), np.uint8)


def _is_single(body: UInt8, box: Float32, body_px: float) -> bool:
    """Return whether a mask shows one whole animal: inside its box, and of a convex shape."""
    y, x = np.nonzero(body)
    points = np.column_stack([x, y])
    overhang = np.maximum(box[:2] - points, points - box[2:]).max(axis=1)
    overhang_share = (overhang > _MAX_OVERHANG * body_px).mean()
    hull_area = cv2.contourArea(cv2.convexHull(points.astype(np.int32)))
    is_solid = len(points) >= _MIN_SOLIDITY * hull_area
    return bool(overhang_share <= _MAX_OVERHANG_SHARE and is_solid)


def _fit_pose(body: UInt8) -> _Pose:
    """Fit the midline of a body; its narrow end is taken for the snout."""
    # The long axis: the first principal component, towards the longer tail of the distribution.
    y, x = np.nonzero(body)
    points = np.column_stack([x, y]).astype(np.float64)
    centre = points.mean(axis=0)
    direction = np.linalg.eigh(np.cov((points - centre).T))[1][:, 1]
    if (((points - centre) @ direction) ** 3).mean() < 0:
        direction = -direction
    # The middle of each slice across it.
    along = (points - centre) @ direction
    across = (points - centre) @ _rotate(direction)
    slices = np.round(along - along.min()).astype(np.int64)
    counts = np.bincount(slices)
    occupied = counts > 0
    middles = np.bincount(slices, across)[occupied] / counts[occupied]
    # A parabola through the middles, wide slices weighted more.
    positions = along.min() + np.flatnonzero(occupied)
    bend = np.polynomial.polynomial.polyfit(positions, middles, 2, w=counts[occupied])
    return _Pose(centre, direction, along.min(), along.max(), bend)


def _rotate(vectors: Float64) -> Float64:
    """Rotate vectors ``(..., 2)`` by a quarter turn."""
    return np.stack([-vectors[..., 1], vectors[..., 0]], axis=-1)


def _extract_pattern(patch: UInt8, body: UInt8, body_px: float) -> Float32:
    """Return the fine pattern ``(h, w)`` of a body: differences from the local mean, 0 outside."""
    size = 2 * max(1, round(_OUTLINE_MARGIN * body_px)) + 1
    inside = cv2.erode(body, np.ones((size, size), np.uint8)).astype(np.float32)
    grey = patch.astype(np.float32).mean(axis=2)
    sigma = max(1.0, _SMOOTHING * body_px)
    # The local mean of pixels inside the body alone.
    sums = cv2.GaussianBlur(grey * inside, (0, 0), sigma)
    local_mean = sums / (cv2.GaussianBlur(inside, (0, 0), sigma) + 1e-3)
    pattern = (grey - local_mean) * inside
    std = max(1.0, float(np.sqrt((pattern**2).sum() / max(1.0, inside.sum()))))
    return np.asarray(np.clip(pattern, -_MAX_DEVIATIONS * std, _MAX_DEVIATIONS * std), np.float32)


def _straighten(pattern: Float32, pose: _Pose, body_px: float) -> Float32:
    """Resample a pattern along the midline of the body, to ``(WIDTH, LENGTH)``."""
    # Smooth to the resolution of the descriptor.
    step = 2 * _HALF_WIDTH * body_px / WIDTH
    smooth = cv2.GaussianBlur(pattern, (0, 0), 0.5 * step) if step > 1 else pattern
    # Points of the midline, and its normals there.
    along = pose.start + (np.arange(LENGTH) + 0.5) / LENGTH * (pose.end - pose.start)
    offsets = np.polynomial.polynomial.polyval(along, pose.bend)
    slopes = np.polynomial.polynomial.polyval(along, np.polynomial.polynomial.polyder(pose.bend))
    normal = _rotate(pose.direction)
    midline = pose.centre + along[:, None] * pose.direction + offsets[:, None] * normal
    tangents = pose.direction + slopes[:, None] * normal
    normals = _rotate(tangents / np.linalg.norm(tangents, axis=1, keepdims=True))
    # Sample across the midline.
    distances = step * (np.arange(WIDTH) - (WIDTH - 1) / 2)
    positions = (midline + distances[:, None, None] * normals).astype(np.float32)
    sampled = cv2.remap(smooth, positions[..., 0], positions[..., 1], cv2.INTER_LINEAR)
    return np.asarray(sampled, np.float32)
