"""Frames of recordings whose truth is known, as training pictures: windows at any scale, with their backdrop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.synthetic.camera import CameraModel, expose
from murid.synthetic.cutouts import find_animal
from murid.synthetic.still import Still, StillConfig

UInt8 = NDArray[np.uint8]

_LONGEST_SIDE = 640
_QUALITY = 92
_PAD = (
    114  # grey of the border that pictures of other shapes get before they are given to the network
)
_SMALLEST_PART = 0.25  # of the box that must be in the picture for the animal to count


@dataclass(frozen=True)
class ClipFrame:
    """A frame of a recording.

    Attributes
    ----------
    packed, packed_place : bytes
        The picture, and the same view without animals, as JPEG.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels: bodies without tails.
    identities : ndarray
        ``(n,)`` int64, different for every animal of every recording; -1 where it is not known.
    """

    packed: bytes
    packed_place: bytes
    boxes: NDArray[np.float32]
    identities: NDArray[np.int64]


def find_solo_frames(images: Sequence[UInt8], place: UInt8) -> list[ClipFrame]:
    """Find the one animal in pictures ``(h, w, 3)`` uint8 of a recording; those whose size is unusual are left out."""
    scale = min(1.0, _LONGEST_SIDE / max(place.shape[:2]))
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
    packed_place, nobody = encode_jpeg(_resize(place, scale)), np.full(1, -1, np.int64)
    return [
        ClipFrame(
            encode_jpeg(_resize(found[k], scale)),
            packed_place,
            boxes[k][None] * np.float32(scale),
            nobody,
        )
        for k in kept
    ]


def sample_window_camera(rng: np.random.Generator) -> CameraModel:
    """Draw how a window differs in tone, blur, noise and compression from the frame that it is cut out of."""
    return CameraModel(
        mono=bool(rng.random() < 0.35),
        gain=float(rng.uniform(0.6, 1.3)),
        gamma=float(np.exp(rng.normal(0, 0.25))),
        blur_px=float(rng.choice([0, rng.uniform(0.3, 1.2)])),
        noise=float(rng.uniform(0, 0.02)),
        jpeg_quality=int(rng.integers(30, 96)) if rng.random() < 0.4 else None,
    )


def sample_window(
    rng: np.random.Generator, footage: ClipFrame, camera: CameraModel, config: StillConfig
) -> Still:
    """Cut a random square out of a frame, at a random scale, turned and mirrored.

    Parameters
    ----------
    rng : Generator
    footage : ClipFrame
    camera : CameraModel
        By which the window is photographed again.
    config : StillConfig
        Side of the square, shortest and longest body, share of pictures with a backdrop.

    Returns
    -------
    Still
        Grey where the square reaches out of the frame.
    """
    image, place = _unpack(footage.packed), _unpack(footage.packed_place)
    matrix = _choose_window(rng, footage.boxes, place.shape[1::-1], config)
    image, place = (_cut(picture, matrix, config.size_px) for picture in (image, place))
    scale, shift = matrix[0, 0], matrix[:, 2]
    moved = footage.boxes * scale + np.tile(shift - 0.5 * (scale - 1), 2)
    boxes, seen = _clip(moved.astype(np.float32), config.size_px)
    image, place, boxes = _turn(rng, image, place, boxes)
    known = None
    if rng.random() < config.backgrounds:
        known = expose(
            _lighten(place), replace(camera, noise=0.15 * camera.noise, jpeg_quality=None), rng
        )
    return Still(expose(_lighten(image), camera, rng), boxes, footage.identities[seen], known)


def encode_jpeg(image: UInt8) -> bytes:
    """Picture ``(h, w, 3)`` uint8 RGB as JPEG."""
    packed: bytes = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[
        1
    ].tobytes()
    return packed


def _unpack(packed: bytes) -> UInt8:
    return np.asarray(cv2.imdecode(np.frombuffer(packed, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)


def _lighten(image: UInt8) -> NDArray[np.float32]:
    return np.asarray(image, np.float32) / np.float32(255)


def _choose_window(
    rng: np.random.Generator, boxes: NDArray[np.float32], size: tuple[int, ...], config: StillConfig
) -> NDArray[np.float64]:
    """Affine map ``(2, 3)`` from the frame to a square that mostly shows one of the animals, anywhere in it."""
    side = config.size_px
    lengths = np.hypot(*(boxes[:, 2:] - boxes[:, :2]).T) if len(boxes) else np.array([side / 4])
    wanted = float(np.exp(rng.uniform(*np.log(config.body_px)))) / float(np.median(lengths))
    scale = float(np.clip(wanted, side / max(size), 2.0))
    window = side / scale
    centre = np.array(size) * rng.random(2)
    if len(boxes):
        box = boxes[int(rng.integers(len(boxes)))]
        centre = (box[:2] + box[2:]) / 2
    spread = 0.45 if rng.random() < 0.85 else 2.0
    middle = centre + rng.uniform(-spread, spread, 2) * window
    margin = np.minimum(window, size) / 2
    middle = np.clip(middle, margin, size - margin)
    shift = side / 2 - scale * middle + 0.5 * (scale - 1)
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])


def _clip(boxes: NDArray[np.float32], size: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Boxes cut at the border, and which of all are kept: those of which enough is inside."""
    cut = np.clip(boxes, 0, size)
    seen = np.prod(cut[:, 2:] - cut[:, :2], axis=1) >= _SMALLEST_PART * np.prod(
        boxes[:, 2:] - boxes[:, :2], axis=1
    )
    return cut[seen], seen


def _turn(
    rng: np.random.Generator, image: UInt8, background: UInt8, boxes: NDArray[np.float32]
) -> tuple[UInt8, UInt8, NDArray[np.float32]]:
    """Turn by a multiple of 90 degrees and mirror, at random."""
    size = np.float32(len(image))
    for _ in range(int(rng.integers(4))):
        image, background = (np.rot90(picture) for picture in (image, background))
        left, top, right, bottom = boxes.T
        boxes = np.stack([top, size - right, bottom, size - left], axis=1)
    if rng.random() < 0.5:
        image, background = image[:, ::-1], background[:, ::-1]
        boxes = np.stack([size - boxes[:, 2], boxes[:, 1], size - boxes[:, 0], boxes[:, 3]], axis=1)
    return np.ascontiguousarray(image), np.ascontiguousarray(background), boxes


def _cut(image: UInt8, matrix: NDArray[np.float64], size: int) -> UInt8:
    if matrix[0, 0] < 1:  # average over the pixels that become one
        blur = 0.4 * (1 / matrix[0, 0] - 1)
        image = cv2.GaussianBlur(image, (0, 0), blur) if blur > 0.15 else image
    return np.asarray(
        cv2.warpAffine(image, matrix, (size, size), borderValue=(_PAD,) * 3), np.uint8
    )


def _resize(image: UInt8, scale: float) -> UInt8:
    if scale == 1:
        return image
    return np.asarray(
        cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
    )
