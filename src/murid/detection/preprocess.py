"""Convert between images and network inputs by letterboxing, alike in training and in tracking.

The network sees RGB divided by 255, without normalisation by mean or standard deviation, in the
aspect ratio of the video: both sides are rounded up to a multiple of the network's coarsest stride.
The remaining border is grey 114, as in YOLOX.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from murid.core.types import Float32, UInt8
from murid.errors import ArrayError

# Grey value of the border.
PAD_VALUE = 114

# Both sides of the network input are multiples of this: the network's coarsest stride.
ALIGNMENT = 32

# Maximum factor of downscaling by linear interpolation. Beyond it, pixels would be skipped.
_MAX_LINEAR_FACTOR = 1.5


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where an image lies in the network input.

    Attributes
    ----------
    scale : float
        Input pixels per pixel of the image.
    pad_x, pad_y : int
        Border in input pixels to the left of the image and above it.
    width, height : int
        Size of the input in pixels.
    """

    scale: float
    pad_x: int
    pad_y: int
    width: int
    height: int

    def compute_inner_size(self, image_width: int, image_height: int) -> tuple[int, int]:
        """Return the width and height that the image covers, in input pixels."""
        inner_width = max(1, round(image_width * self.scale))
        inner_height = max(1, round(image_height * self.scale))
        return inner_width, inner_height


def check_image(image: UInt8) -> None:
    """Raise ArrayError unless an image is ``(h, w, 3)`` uint8 with at least one pixel."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        expected = "an image of shape (h, w, 3), dtype uint8"
        raise ArrayError("image", expected, f"shape {image.shape}, {image.dtype}")


def compute_letterbox(
    image_width: int, image_height: int, max_side_px: int, stride: int = ALIGNMENT
) -> Letterbox:
    """Return the letterbox for images of a size.

    Parameters
    ----------
    image_width, image_height : int
        Size of the images in pixels.
    max_side_px : int
        Length in input pixels of the longer image side; smaller images are enlarged to it.
    stride : int
        Both sides of the input are multiples of this.
    """
    scale = max_side_px / max(image_width, image_height)
    inner_width = max(1, round(image_width * scale))
    inner_height = max(1, round(image_height * scale))
    width = -(-inner_width // stride) * stride
    height = -(-inner_height // stride) * stride
    pad_x = (width - inner_width) // 2
    pad_y = (height - inner_height) // 2
    return Letterbox(scale, pad_x, pad_y, width, height)


def apply_letterbox(image: UInt8, letterbox: Letterbox) -> UInt8:
    """Return an image ``(h, w, 3)`` uint8 resized and centred on grey, ``(height, width, 3)``."""
    inner_width, inner_height = letterbox.compute_inner_size(image.shape[1], image.shape[0])
    canvas = np.full((letterbox.height, letterbox.width, 3), PAD_VALUE, np.uint8)
    rows = slice(letterbox.pad_y, letterbox.pad_y + inner_height)
    columns = slice(letterbox.pad_x, letterbox.pad_x + inner_width)
    canvas[rows, columns] = _resize(image, inner_width, inner_height)
    return canvas


def to_input(images: Sequence[UInt8], differences: Sequence[UInt8] | None = None) -> Float32:
    """Return letterboxed images of one size as network input ``(B, 3 | 4, H, W)``, in [0, 1].

    Parameters
    ----------
    images : sequence of ndarray
        ``(H, W, 3)`` uint8 RGB.
    differences : sequence of ndarray, optional
        ``(H, W)`` uint8, for networks whose fourth channel is the difference from the background;
        all zero where the background is unknown.

    Returns
    -------
    ndarray
        float32.
    """
    planes = compute_planes(images, differences)
    scaled: Float32 = np.multiply(planes, np.float32(1 / 255), dtype=np.float32)
    return scaled


def compute_planes(images: Sequence[UInt8], differences: Sequence[UInt8] | None = None) -> UInt8:
    """Return the input of `to_input` before scaling: ``(B, 3 | 4, H, W)`` uint8."""
    planes = np.stack([cv2.split(image) for image in images])
    if differences is not None:
        planes = np.concatenate([planes, np.stack(differences)[:, None]], axis=1)
    return planes


def letterbox_boxes(
    boxes: Float32, letterbox: Letterbox, image_width: int, image_height: int
) -> Float32:
    """Return boxes ``(n, 4)`` xyxy in input pixels, from boxes in pixels of the image."""
    scale, shift = _compute_mapping(letterbox, image_width, image_height)
    return (boxes * scale + shift).astype(np.float32)


def undo_letterbox(
    boxes: Float32, letterbox: Letterbox, image_width: int, image_height: int
) -> Float32:
    """Return unclipped boxes ``(n, 4)`` xyxy in image pixels, from boxes in input pixels."""
    scale, shift = _compute_mapping(letterbox, image_width, image_height)
    return ((boxes - shift) / scale).astype(np.float32)


def undo_letterbox_keypoints(
    keypoints: Float32, letterbox: Letterbox, image_width: int, image_height: int
) -> Float32:
    """Return keypoints ``(n, k, 3)`` in image pixels, from keypoints in input pixels."""
    scale, shift = _compute_mapping(letterbox, image_width, image_height)
    points = (keypoints[..., :2] - shift[:2]) / scale[:2]
    return np.concatenate([points, keypoints[..., 2:]], axis=-1, dtype=np.float32)


def _resize(image: UInt8, width: int, height: int) -> UInt8:
    """Return a resized image: area means for downscaling, linear interpolation for enlarging.

    Area means by a fractional factor take four times as long as by a whole factor. So the largest
    whole factor is done first, and the small rest by linear interpolation.
    """
    image_height, image_width = image.shape[:2]
    max_factor = max(1, min(image_width // width, image_height // height))
    whole_factor = next(
        k for k in range(max_factor, 0, -1) if image_width % k == 0 and image_height % k == 0
    )
    if whole_factor > 1:
        size = (image_width // whole_factor, image_height // whole_factor)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    rest = max(image_width / width, image_height / height) / whole_factor
    method = cv2.INTER_AREA if rest > _MAX_LINEAR_FACTOR else cv2.INTER_LINEAR
    resized: UInt8 = cv2.resize(image, (width, height), interpolation=method)
    return resized


def _compute_mapping(
    letterbox: Letterbox, image_width: int, image_height: int
) -> tuple[Float32, Float32]:
    """Return the scale ``(4,)`` and shift ``(4,)`` that map boxes of the image to the input."""
    # The inner size is a whole number of pixels, so the exact scale differs a little between the
    # two axes.
    inner_width, inner_height = letterbox.compute_inner_size(image_width, image_height)
    scale = np.array([inner_width / image_width, inner_height / image_height] * 2, np.float32)
    shift = np.array([letterbox.pad_x, letterbox.pad_y] * 2, np.float32)
    return scale, shift
