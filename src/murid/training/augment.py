"""Random augmentation of labelled images: colour, rotation, scale, shift, shear and mirroring."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.boxes import compute_areas
from murid.detection.preprocess import PAD_VALUE
from murid.synthetic.keypoint_truth import drop_outside, transform_keypoints
from murid.synthetic.still import Still
from murid.training.config import AugmentConfig

# Share of windows that are placed around an animal; the others are anywhere in the image. A smaller
# share gives more images without animals.
_NEAR_ANIMAL_SHARE = 0.85
# Maximum distance from the animal's centre to the window's centre, in sides of the window. Above
# 0.5 the animal may be outside the window.
_MAX_ANIMAL_OFFSET = 0.45

# After augmentation, boxes with a shorter side, a smaller share of their area inside the image, or
# a larger aspect ratio are dropped (values of FairMOT). Lower limits would teach the network to
# detect fragments of animals.
_MIN_SIDE_PX = 4.0
_MIN_AREA_SHARE = 0.1
_MAX_ASPECT_RATIO = 10


@dataclass(frozen=True, slots=True)
class AffineWarp:
    """Affine map of an image.

    Attributes
    ----------
    matrix : ndarray
        ``(2, 3)`` float64: source to target pixels.
    angle : float
        Rotation contained in `matrix`, radians.
    """

    matrix: NDArray[np.float64]
    angle: float


def augment(
    still: Still, config: AugmentConfig, rng: np.random.Generator, size_px: int | None = None
) -> Still:
    """Return a randomly changed image with its background, boxes and keypoints.

    The same state of the generator gives the same change.

    Parameters
    ----------
    still : Still
    config : AugmentConfig
    rng : Generator
    size_px : int, optional
        Side of a square window to cut out of a larger image, mostly around an animal. Default: the
        whole image.
    """
    height, width = still.image.shape[:2]
    size = (width, height) if size_px is None else (size_px, size_px)
    # Draw the change. The order of the draws determines the images of a seed.
    gains = 1 + rng.uniform(-1, 1, 3) * (config.hue, config.saturation, config.value)
    warp = _sample_warp(config, rng, still, size)
    # Apply the same change to boxes, image and background.
    boxes, kept = warp_boxes(still.boxes, warp, *size)
    image = _warp_image(shift_colours(still.image, gains), warp, size)
    background = None
    if still.background is not None:
        background = _warp_image(shift_colours(still.background, gains), warp, size)
    keypoints = None
    if still.keypoints is not None:
        keypoints = transform_keypoints(still.keypoints[kept], warp.matrix)
        keypoints = drop_outside(keypoints, boxes, *size)
    return replace(
        still,
        image=image,
        boxes=boxes,
        identities=still.identities[kept],
        background=background,
        keypoints=keypoints,
        class_ids=None if still.class_ids is None else still.class_ids[kept],
    )


def shift_colours(image: NDArray[np.uint8], gains: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return an image ``(h, w, 3)`` uint8 RGB with hue, saturation and value scaled by `gains`."""
    if np.all(gains == 1):
        return image
    # Lookup tables for the 256 levels of each channel; OpenCV's hue has 180 levels.
    levels = np.arange(256)
    tables = (
        (levels * gains[0]) % 180,
        np.clip(levels * gains[1], 0, 255),
        np.clip(levels * gains[2], 0, 255),
    )
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    channels = [
        cv2.LUT(channel, table.astype(np.uint8))
        for channel, table in zip(cv2.split(hsv), tables, strict=True)
    ]
    return np.asarray(cv2.cvtColor(cv2.merge(channels), cv2.COLOR_HSV2RGB), np.uint8)


def warp_boxes(
    boxes: NDArray[np.float32], warp: AffineWarp, width: int, height: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return boxes after an affine map, and which of the given boxes are kept.

    The bounds of the mapped corners grow with rotation, so they are shrunk by √max(|sin|, |cos|)
    (FairMOT). A box is dropped if a side is 4 pixels or less, if it loses nine tenths of its area,
    or if it is ten times longer than wide.

    Parameters
    ----------
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels.
    warp : AffineWarp
    width, height : int
        Size of the image in pixels; boxes are clipped to it.

    Returns
    -------
    boxes : ndarray
        ``(m, 4)`` float32, the kept boxes.
    kept : ndarray
        ``(n,)`` bool.
    """
    # Map the four corners of each box.
    corners = boxes[:, [0, 1, 2, 1, 0, 3, 2, 3]].reshape(-1, 4, 2).astype(np.float64)
    mapped = corners @ warp.matrix[:, :2].T + warp.matrix[:, 2]
    # Take the bounds of the corners, shrink them and clip them to the image.
    low = mapped.min(axis=1)
    high = mapped.max(axis=1)
    centre = (low + high) / 2
    half_size = (high - low) / 2
    half_size *= np.sqrt(max(abs(np.sin(warp.angle)), abs(np.cos(warp.angle))))
    whole = np.concatenate([centre - half_size, centre + half_size], axis=1)
    clipped = np.clip(whole, 0, [width, height, width, height])
    # Drop boxes of which too little is left.
    size = clipped[:, 2:] - clipped[:, :2]
    large = (size > _MIN_SIDE_PX).all(axis=1)
    visible = compute_areas(clipped) > _MIN_AREA_SHARE * compute_areas(whole)
    kept = large & visible
    if len(size):
        kept &= size.max(axis=1) < _MAX_ASPECT_RATIO * np.maximum(size.min(axis=1), 1e-9)
    return clipped[kept].astype(np.float32), np.asarray(kept, np.bool_)


def _sample_warp(
    config: AugmentConfig, rng: np.random.Generator, still: Still, size: tuple[int, int]
) -> AffineWarp:
    """Draw an affine map from the image to a window of the given width and height."""
    angle = np.deg2rad(rng.uniform(-1, 1) * config.rotate_deg)
    scale = rng.uniform(*config.scale)
    shear_x, shear_y = np.tan(np.deg2rad(rng.uniform(-1, 1, 2) * config.shear_deg))
    shift = rng.uniform(-1, 1, 2) * config.translate * size
    mirror = -1.0 if rng.random() < config.flip else 1.0
    # Mirror, then rotate and scale, then shear.
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1, shear_x], [shear_y, 1]])
    linear = shear @ (scale * rotation) @ np.diag([mirror, 1.0])
    # The chosen centre maps to the middle of the window, plus the random shift.
    centre = _choose_centre(rng, still, np.array(size) / scale)
    offset = np.array(size) / 2 + shift - linear @ centre
    return AffineWarp(np.column_stack([linear, offset]), float(angle))


def _choose_centre(
    rng: np.random.Generator, still: Still, window: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the centre of a window of the given size in the image, mostly near an animal.

    If the window is as large as the image, this is the centre of the image.
    """
    image_size = np.array(still.image.shape[1::-1], np.float64)
    centre = image_size * rng.random(2)
    if len(still.boxes) and rng.random() < _NEAR_ANIMAL_SHARE:
        box = still.boxes[int(rng.integers(len(still.boxes)))]
        offset = rng.uniform(-_MAX_ANIMAL_OFFSET, _MAX_ANIMAL_OFFSET, 2)
        centre = (box[:2] + box[2:]) / 2 + offset * window
    margin = np.minimum(window, image_size) / 2
    return np.asarray(np.clip(centre, margin, image_size - margin), np.float64)


def _warp_image(
    image: NDArray[np.uint8], warp: AffineWarp, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return the image after an affine map, with grey outside."""
    # Coordinates of OpenCV refer to pixel centres, those of boxes to pixel edges.
    matrix = warp.matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    return np.asarray(cv2.warpAffine(image, matrix, size, borderValue=(PAD_VALUE,) * 3), np.uint8)
