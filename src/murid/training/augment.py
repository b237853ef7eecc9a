"""Random changes to a labelled picture: colour, rotation, scale, shift, shear, mirror; boxes follow."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.boxes import compute_areas
from murid.detection.preprocess import PAD_VALUE
from murid.synthetic.still import Still
from murid.training.config import AugmentConfig

_NEAR_AN_ANIMAL = 0.85  # of the windows
_SMALLEST_SIDE = 4.0  # pixels of a box after the change (FairMOT)
_SMALLEST_SHARE = 0.1  # of a box's area that must be left in the picture (FairMOT)


@dataclass(frozen=True, slots=True)
class Warp:
    """An affine map of the picture: ``(2, 3)`` matrix, and the angle in radians that is in it."""

    matrix: NDArray[np.float64]
    angle: float


def augment(
    still: Still, config: AugmentConfig, rng: np.random.Generator, size_px: int | None = None
) -> Still:
    """Change a picture, its backdrop and its boxes; the same generator state gives the same change.

    Parameters
    ----------
    still : Still
    config : AugmentConfig
    rng : Generator
    size_px : int, optional
        Side of the square to cut out of a larger picture, mostly around one of the animals; None =
        all of it.
    """
    height, width = still.image.shape[:2]
    size = (width, height) if size_px is None else (size_px, size_px)
    gains = 1 + rng.uniform(-1, 1, 3) * (config.hue, config.saturation, config.value)
    warp = _sample_warp(config, rng, still, size)
    boxes, kept = warp_boxes(still.boxes, warp, *size)
    picture, background = (
        None if image is None else _warp_image(shift_colours(image, gains), warp, size)
        for image in (still.image, still.background)
    )
    assert picture is not None
    return Still(picture, boxes, still.identities[kept], background)


def shift_colours(image: NDArray[np.uint8], gains: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Multiply hue, saturation and value of a picture ``(h, w, 3)`` uint8 RGB by three gains."""
    if np.all(gains == 1):
        return image
    levels = np.arange(256)
    tables = (
        (levels * gains[0]) % 180,
        np.clip(levels * gains[1], 0, 255),
        np.clip(levels * gains[2], 0, 255),
    )
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    changed = [
        cv2.LUT(plane, table.astype(np.uint8))
        for plane, table in zip(cv2.split(hsv), tables, strict=True)
    ]
    return np.asarray(cv2.cvtColor(cv2.merge(changed), cv2.COLOR_HSV2RGB), np.uint8)


def warp_boxes(
    boxes: NDArray[np.float32], warp: Warp, width: int, height: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Boxes after an affine map, and which of them are kept.

    The bounds of the mapped corners grow when a box is turned, so they are shrunk by √max(|sin|,
    |cos|). Left out are boxes that become thinner than 4 pixels, lose nine tenths of their area or
    are ten times as long as wide (FairMOT).

    Parameters
    ----------
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels.
    warp : Warp
    width, height : int
        Of the picture, pixels; boxes are cut to it.

    Returns
    -------
    boxes : ndarray
        ``(m, 4)`` float32 of those that are kept.
    kept : ndarray
        ``(n,)`` bool.
    """
    corners = boxes[:, [0, 1, 2, 1, 0, 3, 2, 3]].reshape(-1, 4, 2).astype(np.float64)
    mapped = corners @ warp.matrix[:, :2].T + warp.matrix[:, 2]
    low, high = mapped.min(axis=1), mapped.max(axis=1)
    centre, half = (low + high) / 2, (high - low) / 2
    half *= np.sqrt(max(abs(np.sin(warp.angle)), abs(np.cos(warp.angle))))
    whole = np.concatenate([centre - half, centre + half], axis=1)
    cut = np.clip(whole, 0, [width, height, width, height])
    size = cut[:, 2:] - cut[:, :2]
    kept = (size > _SMALLEST_SIDE).all(axis=1) & (
        compute_areas(cut) > _SMALLEST_SHARE * compute_areas(whole)
    )
    kept &= (size.max(axis=1) < 10 * np.maximum(size.min(axis=1), 1e-9)) if len(size) else True
    return cut[kept].astype(np.float32), np.asarray(kept, np.bool_)


def _sample_warp(
    config: AugmentConfig, rng: np.random.Generator, still: Still, size: tuple[int, int]
) -> Warp:
    angle = np.deg2rad(rng.uniform(-1, 1) * config.rotate_deg)
    scale = rng.uniform(*config.scale)
    shear_x, shear_y = np.tan(np.deg2rad(rng.uniform(-1, 1, 2) * config.shear_deg))
    shift = rng.uniform(-1, 1, 2) * config.translate * size
    mirror = -1.0 if rng.random() < config.flip else 1.0
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = np.array([[1, shear_x], [shear_y, 1]]) @ turn @ np.diag([mirror, 1.0])
    centre = _choose_centre(rng, still, np.array(size) / scale)
    return Warp(
        np.column_stack([linear, np.array(size) / 2 + shift - linear @ centre]), float(angle)
    )


def _choose_centre(
    rng: np.random.Generator, still: Still, window: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Middle of what is shown: near an animal, within the picture; the picture's own where all of it is."""
    whole = np.array(still.image.shape[1::-1], np.float64)
    spot = whole * rng.random(2)
    if len(still.boxes) and rng.random() < _NEAR_AN_ANIMAL:
        box = still.boxes[int(rng.integers(len(still.boxes)))]
        spot = (box[:2] + box[2:]) / 2 + rng.uniform(-0.45, 0.45, 2) * window
    margin = np.minimum(window, whole) / 2
    return np.asarray(np.clip(spot, margin, whole - margin), np.float64)


def _warp_image(image: NDArray[np.uint8], warp: Warp, size: tuple[int, int]) -> NDArray[np.uint8]:
    # OpenCV counts from pixel centres, boxes from pixel edges.
    matrix = warp.matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    return np.asarray(cv2.warpAffine(image, matrix, size, borderValue=(PAD_VALUE,) * 3), np.uint8)
