"""Frames of one animal filmed alone, as training pictures: everything but the animal is clutter of the real world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.scenes.cutouts import find_animal

UInt8 = NDArray[np.uint8]

_LONGEST_SIDE = 640
_QUALITY = 92
_PAD = 114  # grey of the border that pictures of other shapes get before they are given to the network
_SMALLEST_PART = 0.25  # of the box that must be in the picture for the animal to count


@dataclass(frozen=True)
class Solo:
    """A frame of a recording of one animal.

    Attributes
    ----------
    packed : bytes
        The picture as JPEG.
    place : ndarray
        ``(h, w, 3)`` uint8: the same view without the animal, the same array for all frames of a recording.
    box : ndarray
        ``(4,)`` float32 xyxy pixels: the body without its tail.
    """

    packed: bytes
    place: UInt8
    box: NDArray[np.float32]

    def unpack(self) -> UInt8:
        """Return the picture ``(h, w, 3)`` uint8 RGB."""
        image = np.asarray(cv2.imdecode(np.frombuffer(self.packed, np.uint8), cv2.IMREAD_COLOR), np.uint8)
        return np.ascontiguousarray(image[..., ::-1])


def make_solos(images: Sequence[UInt8], place: UInt8) -> list[Solo]:
    """Find the animal in pictures ``(h, w, 3)`` uint8 of one recording; those whose size is unusual are left out."""
    scale = min(1.0, _LONGEST_SIDE / max(place.shape[:2]))
    small_place = _resize(place, scale)
    boxes, found = [], []
    for image in images:
        animal = find_animal(image, place)
        if animal is not None:
            boxes.append(animal.box)
            found.append(image)
    if not found:
        return []
    sides = np.array([np.hypot(*(box[2:] - box[:2])) for box in boxes])
    usual = np.median(sides)
    kept = np.flatnonzero((sides > 0.6 * usual) & (sides < 1.5 * usual))
    return [Solo(_pack(_resize(found[k], scale)), small_place, boxes[k] * np.float32(scale)) for k in kept]


def draw_window(
    rng: np.random.Generator, solo: Solo, size: int, body_px: tuple[float, float]
) -> tuple[UInt8, UInt8, NDArray[np.float32]]:
    """Cut a random square out of a frame, at a random scale, turned and mirrored.

    Parameters
    ----------
    rng : Generator
    solo : Solo
    size : int
        Side of the square in pixels, after scaling.
    body_px : tuple of float
        Shortest and longest animal in it.

    Returns
    -------
    image, backdrop : ndarray
        ``(size, size, 3)`` uint8; grey where the square reaches out of the frame.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels, none or one.
    """
    height, width = solo.place.shape[:2]
    length = float(np.hypot(*(solo.box[2:] - solo.box[:2])))
    wanted = float(np.exp(rng.uniform(*np.log(body_px)))) / length
    scale = float(np.clip(wanted, size / max(height, width), 2.0))
    window = size / scale
    centre = (solo.box[:2] + solo.box[2:]) / 2
    spread = 0.45 if rng.random() < 0.85 else 2.0
    middle = centre + rng.uniform(-spread, spread, 2) * window
    margin = np.minimum(window, (width, height)) / 2
    middle = np.clip(middle, margin, (width, height) - margin)
    shift = size / 2 - scale * middle
    matrix = np.array([[scale, 0, shift[0] + 0.5 * (scale - 1)], [0, scale, shift[1] + 0.5 * (scale - 1)]])
    image, backdrop = (_cut(picture, matrix, size) for picture in (solo.unpack(), solo.place))
    whole = solo.box * np.float32(scale) + np.tile(shift, 2).astype(np.float32)
    return _turn(rng, image, backdrop, _clip(whole, size))


def _clip(box: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    cut = np.clip(box, 0, size)
    seen = np.prod(np.maximum(cut[2:] - cut[:2], 0)) >= _SMALLEST_PART * np.prod(box[2:] - box[:2])
    return cut[None] if seen else cut[None][:0]


def _turn(
    rng: np.random.Generator, image: UInt8, backdrop: UInt8, boxes: NDArray[np.float32]
) -> tuple[UInt8, UInt8, NDArray[np.float32]]:
    """Turn by a multiple of 90 degrees and mirror, at random."""
    size = np.float32(len(image))
    for _ in range(int(rng.integers(4))):
        image, backdrop = (np.rot90(picture) for picture in (image, backdrop))
        left, top, right, bottom = boxes.T
        boxes = np.stack([top, size - right, bottom, size - left], axis=1)
    if rng.random() < 0.5:
        image, backdrop = image[:, ::-1], backdrop[:, ::-1]
        boxes = np.stack([size - boxes[:, 2], boxes[:, 1], size - boxes[:, 0], boxes[:, 3]], axis=1)
    return np.ascontiguousarray(image), np.ascontiguousarray(backdrop), boxes


def _cut(image: UInt8, matrix: NDArray[np.float64], size: int) -> UInt8:
    if matrix[0, 0] < 1:  # average over the pixels that become one
        blur = 0.4 * (1 / matrix[0, 0] - 1)
        image = cv2.GaussianBlur(image, (0, 0), blur) if blur > 0.15 else image
    return np.asarray(cv2.warpAffine(image, matrix, (size, size), borderValue=(_PAD,) * 3), np.uint8)


def _resize(image: UInt8, scale: float) -> UInt8:
    if scale == 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _pack(image: UInt8) -> bytes:
    packed: bytes = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    return packed
