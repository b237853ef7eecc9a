"""Fur descriptors: the fine pattern of an animal's fur, straightened along its body.

The pattern is far weaker than the noise of one image. It becomes visible in the mean of many images
that are aligned to the pixel. The outline of the body gives its position, direction and bend with
this precision.
"""

from __future__ import annotations

import cv2
import numpy as np

from murid.appearance.body_outline import (
    find_foreground,
    fit_pose,
    sample_midline,
    select_body,
)
from murid.core.types import Float32, Float64, UInt8
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
    all_boxes = np.zeros((0, 4)) if others is None else others.astype(np.float64)
    for k, box in enumerate(boxes.astype(np.float64)):
        left, top, right, bottom = _find_patch(image.shape, box, body_px)
        if min(right - left, bottom - top) < _MIN_PATCH_PX:
            continue
        crop = slice(top, bottom), slice(left, right)
        # From here on, coordinates are those of the patch.
        corner = np.array([left, top, left, top], np.float64)
        body = _find_body(
            image[crop], background.image[crop], box - corner, all_boxes - corner, body_px
        )
        if body is not None:
            pattern = _extract_pattern(image[crop], body, body_px)
            descriptors[k] = _straighten(pattern, body, body_px).ravel()
    return descriptors


def _find_patch(shape: tuple[int, ...], box: Float64, body_px: float) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a box with a margin, inside the image."""
    height, width = shape[:2]
    margin = _BOX_MARGIN * body_px
    left, top, right, bottom = box.tolist()
    return (
        max(0, round(left - margin)),
        max(0, round(top - margin)),
        min(width, round(right + margin)),
        min(height, round(bottom + margin)),
    )


def _find_body(
    patch: UInt8, background: UInt8, box: Float64, others: Float64, body_px: float
) -> UInt8 | None:
    """Return the mask ``(h, w)`` of the animal in the middle of a patch, without its tail.

    It is None if the mask does not show one whole animal: inside its box, and of a convex shape.
    """
    mask = find_foreground(patch, background, box, others, _MIN_CONTRAST, _MIN_CONTRAST_SHARE)
    # Remove thin parts.
    size = 2 * max(1, round(_TAIL_RADIUS * body_px)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    n_labels, labels = cv2.connectedComponents(cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc))
    body, extremes, n_pixels, n_overhanging = select_body(
        labels, n_labels, box, _MAX_OVERHANG * body_px
    )
    is_large = n_pixels >= max(1.0, _MIN_AREA * body_px**2)
    if not is_large or n_overhanging > _MAX_OVERHANG_SHARE * n_pixels:
        return None
    hull_area = cv2.contourArea(cv2.convexHull(extremes))
    return np.asarray(body, np.uint8) if n_pixels >= _MIN_SOLIDITY * hull_area else None


def _extract_pattern(patch: UInt8, body: UInt8, body_px: float) -> Float32:
    """Return the fine pattern ``(h, w)`` of a body: differences from the local mean, 0 outside."""
    size = 2 * max(1, round(_OUTLINE_MARGIN * body_px)) + 1
    inside = cv2.erode(body, np.ones((size, size), np.uint8)).astype(np.float32)
    grey = patch.sum(axis=2, dtype=np.float32) / 3
    sigma = max(1.0, _SMOOTHING * body_px)
    # The local mean of pixels inside the body alone.
    sums = cv2.GaussianBlur(grey * inside, (0, 0), sigma)
    local_mean = sums / (cv2.GaussianBlur(inside, (0, 0), sigma) + 1e-3)
    pattern = (grey - local_mean) * inside
    std = max(1.0, float(np.sqrt((pattern**2).sum() / max(1.0, inside.sum()))))
    return np.asarray(np.clip(pattern, -_MAX_DEVIATIONS * std, _MAX_DEVIATIONS * std), np.float32)


def _straighten(pattern: Float32, body: UInt8, body_px: float) -> Float32:
    """Resample a pattern along the midline of the body, to ``(WIDTH, LENGTH)``."""
    # Smooth to the resolution of the descriptor.
    step = 2 * _HALF_WIDTH * body_px / WIDTH
    smooth = cv2.GaussianBlur(pattern, (0, 0), 0.5 * step) if step > 1 else pattern
    centre, direction, span, bend = fit_pose(body)
    sampled = sample_midline(smooth, centre, direction, span, bend, step, WIDTH, LENGTH)
    return np.asarray(sampled, np.float32)
