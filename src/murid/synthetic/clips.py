"""Training images from frames with known truth: random windows with their background image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np

from murid.core.types import Bool, Float32, Float64, Int64, UInt8
from murid.detection.preprocess import PAD_VALUE
from murid.synthetic.background import BACKGROUND_NOISE_SHARE
from murid.synthetic.camera import CameraModel, take_image
from murid.synthetic.cutouts import find_animal
from murid.synthetic.keypoint_truth import drop_outside, to_edges, transform_keypoints
from murid.synthetic.overlays import add_overlay
from murid.synthetic.pixels import to_float_image
from murid.synthetic.still import Still
from murid.synthetic.still_config import StillConfig

# Frames are kept in memory as JPEG of at most this width or height. More pixels and a higher
# quality need more memory; windows are smaller than that anyway.
_MAX_SIDE_PX = 640
_JPEG_QUALITY = 92

# Frames whose animal is this much smaller or larger than the median are left out: something else
# was found, or the animal and a hand.
_MIN_RELATIVE_SIZE = 0.6
_MAX_RELATIVE_SIZE = 1.5

# Fraction of a box that must be in the window for the animal to count.
_MIN_BOX_FRACTION = 0.25

# Frames are enlarged at most by this factor.
_MAX_SCALE = 2.0

# Maximum distance from the animal's centre to the window's centre, in sides of the window: small
# in most windows, large in the others, so that empty windows occur as well.
_NEAR_SPREAD = 0.45
_FAR_SPREAD = 2.0
_NEAR_PROBABILITY = 0.85

# Blur in pixels below which averaging before a reduction changes nothing visible.
_MIN_BLUR_PX = 0.15


@dataclass(frozen=True)
class ClipFrame:
    """A frame of a recording with its ground truth, compressed.

    Attributes
    ----------
    image_jpeg : bytes
    background_jpeg : bytes or None
        The same view without animals; None if the recording has no background model.
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels of the bodies without tails.
    identities : ndarray
        ``(n,)`` int64, different for every animal of every recording; -1 if unknown.
    keypoints : ndarray
        ``(n, 3, 2)`` float32 pixels of nose, centre and tail base; NaN where unknown.
    """

    image_jpeg: bytes
    background_jpeg: bytes | None
    boxes: Float32
    identities: Int64
    keypoints: Float32


class _Window(NamedTuple):
    """Image and background of a window, ``(s, s, 3)`` uint8, and its animals.

    These are boxes ``(n, 4)`` and keypoints ``(n, 3, 2)``.
    """

    image: UInt8
    background: UInt8
    boxes: Float32
    keypoints: Float32


def find_solo_frames(images: Sequence[UInt8], background: UInt8) -> list[ClipFrame]:
    """Find the only animal in images of a recording.

    Parameters
    ----------
    images : sequence of ndarray
        ``(h, w, 3)`` uint8 RGB.
    background : ndarray
        The same view without the animal.

    Returns
    -------
    list of ClipFrame
        Images in which an animal of typical size is found, with unknown identity.
    """
    found = []
    boxes = []
    keypoints = []
    for image in images:
        animal = find_animal(image, background)
        if animal is not None:
            found.append(image)
            boxes.append(animal.box)
            keypoints.append(animal.keypoints)
    if not found:
        return []
    diagonals = np.array([np.hypot(*(box[2:] - box[:2])) for box in boxes])
    median = np.median(diagonals)
    large_enough = diagonals > _MIN_RELATIVE_SIZE * median
    small_enough = diagonals < _MAX_RELATIVE_SIZE * median
    scale = min(1.0, _MAX_SIDE_PX / max(background.shape[:2]))
    background_jpeg = encode_jpeg(_resize(background, scale))
    unknown = np.full(1, -1, np.int64)
    return [
        ClipFrame(
            encode_jpeg(_resize(found[k], scale)),
            background_jpeg,
            boxes[k][None] * np.float32(scale),
            unknown,
            keypoints[k][None] * np.float32(scale),
        )
        for k in np.flatnonzero(large_enough & small_enough)
    ]


def sample_window_camera(rng: np.random.Generator) -> CameraModel:
    """Sample how a window differs in tone, blur, noise and compression from its frame."""
    # Narrower ranges than those of synthetic scenes, since a real camera took the frame already.
    return CameraModel(
        mono=bool(rng.random() < 0.35),
        gain=float(rng.uniform(0.6, 1.3)),
        gamma=float(np.exp(rng.normal(0, 0.25))),
        blur_px=float(rng.choice([0, rng.uniform(0.3, 1.2)])),
        noise=float(rng.uniform(0, 0.02)),
        jpeg_quality=int(rng.integers(30, 96)) if rng.random() < 0.4 else None,
    )


def sample_window(
    rng: np.random.Generator, frame: ClipFrame, camera: CameraModel, config: StillConfig
) -> Still:
    """Cut a random square out of a frame, at a random scale, rotated and mirrored.

    Parameters
    ----------
    rng : Generator
    frame : ClipFrame
    camera : CameraModel
        Takes the window as a new image.
    config : StillConfig
        Side of the square, range of body lengths, and shares of images with a background and with
        an overlay.

    Returns
    -------
    Still
        Grey where the square reaches out of the frame.
    """
    image = _decode_jpeg(frame.image_jpeg)
    # A window without a background model is cut like the others, from the image itself.
    has_background = frame.background_jpeg is not None
    background = _decode_jpeg(frame.background_jpeg or frame.image_jpeg)
    height, width = background.shape[:2]
    matrix = _sample_transform(rng, frame.boxes, (width, height), config)
    image = _warp(image, matrix, config.size_px)
    background = _warp(background, matrix, config.size_px)

    # Coordinates of boxes and keypoints refer to the corner of a pixel, those of the transform to
    # its centre: they differ by half a pixel.
    scale = matrix[0, 0]
    shift = matrix[:, 2] - 0.5 * (scale - 1)
    boxes = (frame.boxes * scale + np.tile(shift, 2)).astype(np.float32)
    boxes, is_visible = _clip_boxes(boxes, config.size_px)
    keypoints = transform_keypoints(frame.keypoints[is_visible], to_edges(matrix))
    keypoints = drop_outside(keypoints, boxes, config.size_px, config.size_px)
    window = _rotate_and_mirror(rng, _Window(image, background, boxes, keypoints))

    background_image = None
    if rng.random() < config.backgrounds and has_background:
        noise = BACKGROUND_NOISE_SHARE * camera.noise
        background_camera = replace(camera, noise=noise, jpeg_quality=None)
        background_image = take_image(to_float_image(window.background), background_camera, rng)
    taken = take_image(to_float_image(window.image), camera, rng)
    if rng.random() < config.overlays:
        taken, background_image = add_overlay(rng, taken, background_image, window.boxes)
    return Still(
        taken,
        window.boxes,
        frame.identities[is_visible],
        background_image,
        window.keypoints,
    )


def encode_jpeg(image: UInt8) -> bytes:
    """Return an image ``(h, w, 3)`` uint8 RGB as JPEG."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    _, encoded = cv2.imencode(".jpg", image[..., ::-1], quality)
    return bytes(encoded.tobytes())


def _decode_jpeg(encoded: bytes) -> UInt8:
    buffer = np.frombuffer(encoded, np.uint8)
    return np.asarray(cv2.imdecode(buffer, cv2.IMREAD_COLOR_RGB), np.uint8)


def _sample_transform(
    rng: np.random.Generator, boxes: Float32, size: tuple[int, int], config: StillConfig
) -> Float64:
    """Sample an affine matrix ``(2, 3)`` from a frame of (width, height) to a square window."""
    side = config.size_px

    # The scale brings the animals to a random length, while the window stays within the frame.
    lengths = np.array([side / 4])
    if len(boxes):
        lengths = np.hypot(*(boxes[:, 2:] - boxes[:, :2]).T)
    length_px = float(np.exp(rng.uniform(*np.log(config.body_px))))
    scale = length_px / float(np.median(lengths))
    scale = float(np.clip(scale, side / max(size), _MAX_SCALE))

    # The window lies near a random animal, mostly.
    window_side = side / scale
    centre = np.array(size) * rng.random(2)
    if len(boxes):
        box = boxes[int(rng.integers(len(boxes)))]
        centre = (box[:2] + box[2:]) / 2
    spread = _NEAR_SPREAD if rng.random() < _NEAR_PROBABILITY else _FAR_SPREAD
    centre = centre + rng.uniform(-spread, spread, 2) * window_side
    margin = np.minimum(window_side, size) / 2
    centre = np.clip(centre, margin, size - margin)
    shift = side / 2 - scale * centre + 0.5 * (scale - 1)
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])


def _clip_boxes(boxes: Float32, size: int) -> tuple[Float32, Bool]:
    """Return boxes clipped to the window, and which boxes have enough of their area in it."""
    clipped = np.clip(boxes, 0, size)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    clipped_area = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1)
    is_visible = clipped_area >= _MIN_BOX_FRACTION * area
    return clipped[is_visible], is_visible


def _rotate_and_mirror(rng: np.random.Generator, window: _Window) -> _Window:
    """Rotate by a random multiple of 90 degrees, and mirror half of the windows."""
    image, background, boxes, keypoints = window
    size = np.float32(len(image))
    for _ in range(int(rng.integers(4))):
        image = np.rot90(image)
        background = np.rot90(background)
        left, top, right, bottom = boxes.T
        boxes = np.stack([top, size - right, bottom, size - left], axis=1)
        keypoints = np.stack([keypoints[..., 1], size - keypoints[..., 0]], axis=-1)
    if rng.random() < 0.5:
        image = image[:, ::-1]
        background = background[:, ::-1]
        left, top, right, bottom = boxes.T
        boxes = np.stack([size - right, top, size - left, bottom], axis=1)
        keypoints = np.stack([size - keypoints[..., 0], keypoints[..., 1]], axis=-1)
    return _Window(np.ascontiguousarray(image), np.ascontiguousarray(background), boxes, keypoints)


def _warp(image: UInt8, matrix: Float64, size: int) -> UInt8:
    """Apply an affine matrix ``(2, 3)``; blur first if it reduces the image, against aliasing."""
    scale = matrix[0, 0]
    if scale < 1:
        blur_px = 0.4 * (1 / scale - 1)
        if blur_px > _MIN_BLUR_PX:
            image = cv2.GaussianBlur(image, (0, 0), blur_px)
    # Grey outside of the frame, as the network's preprocessing pads images.
    border = (PAD_VALUE,) * 3
    return np.asarray(cv2.warpAffine(image, matrix, (size, size), borderValue=border), np.uint8)


def _resize(image: UInt8, scale: float) -> UInt8:
    if scale == 1:
        return image
    resized = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(resized, np.uint8)
