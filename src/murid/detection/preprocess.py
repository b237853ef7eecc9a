"""From a picture to the network's input and back: rectangular letterbox, the same for training and tracking.

The network sees RGB divided by 255, without mean or deviation, in the shape of the video: both
sides are rounded up to a multiple of the network's coarsest stride and the rest is filled with grey
114 (the value YOLOX pads with).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from murid.core.types import Float32, UInt8
from murid.errors import ArrayError

PAD_VALUE = 114
"""Grey value of the border, 0 to 255."""

ALIGNMENT = 32
"""Both sides of the network's input are multiples of this, in pixels: its coarsest stride."""

_MOST_LINEAR = 1.5
"""Times by which a picture is shrunk linearly; beyond, pixels would be left out."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a picture is placed in the network's input.

    Attributes
    ----------
    scale : float
        Input pixels per pixel of the picture.
    pad_x, pad_y : int
        Border in input pixels to the left of the picture and above it.
    width, height : int
        Size of the input in pixels.
    """

    scale: float
    pad_x: int
    pad_y: int
    width: int
    height: int

    def compute_inner_size(self, picture_w: int, picture_h: int) -> tuple[int, int]:
        """Width and height in input pixels that the picture takes up inside the border."""
        return max(1, round(picture_w * self.scale)), max(1, round(picture_h * self.scale))


def check_image(image: UInt8) -> None:
    """Raise ArrayError unless a picture is ``(h, w, 3)`` uint8 with at least one pixel."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ArrayError(
            "image",
            "a picture of shape (h, w, 3), dtype uint8",
            f"shape {image.shape}, {image.dtype}",
        )


def compute_letterbox(
    picture_w: int, picture_h: int, longest_side: int, stride: int = ALIGNMENT
) -> Letterbox:
    """Fit a picture of the given size in pixels so that its longest side becomes `longest_side` pixels.

    Parameters
    ----------
    picture_w, picture_h : int
        Size of the picture in pixels.
    longest_side : int
        Length in input pixels of the picture's longest side; smaller pictures are enlarged to it.
    stride : int
        Both sides of the input are multiples of this.
    """
    scale = longest_side / max(picture_w, picture_h)
    inner_w, inner_h = max(1, round(picture_w * scale)), max(1, round(picture_h * scale))
    width, height = -(-inner_w // stride) * stride, -(-inner_h // stride) * stride
    return Letterbox(scale, (width - inner_w) // 2, (height - inner_h) // 2, width, height)


def apply_letterbox(image: UInt8, letterbox: Letterbox) -> UInt8:
    """Resize a picture ``(h, w, 3)`` uint8 and centre it on grey, giving ``(height, width, 3)`` uint8."""
    inner_w, inner_h = letterbox.compute_inner_size(image.shape[1], image.shape[0])
    inner = _resize(image, inner_w, inner_h)
    canvas = np.full((letterbox.height, letterbox.width, 3), PAD_VALUE, np.uint8)
    canvas[
        letterbox.pad_y : letterbox.pad_y + inner_h, letterbox.pad_x : letterbox.pad_x + inner_w
    ] = inner
    return canvas


def to_input(images: Sequence[UInt8], differences: Sequence[UInt8] | None = None) -> Float32:
    """Stack letterboxed pictures of one size as ``(B, 3 | 4, H, W)`` float32 in [0, 1].

    Parameters
    ----------
    images : sequence of ndarray
        ``(H, W, 3)`` uint8 RGB.
    differences : sequence of ndarray, optional
        ``(H, W)`` uint8, for networks whose fourth channel is the difference from the empty scene;
        all zero where that is not known.
    """
    planes = np.stack([cv2.split(image) for image in images])
    if differences is not None:
        planes = np.concatenate([planes, np.stack(differences)[:, None]], axis=1)
    scaled: Float32 = np.multiply(planes, np.float32(1 / 255), dtype=np.float32)
    return scaled


def letterbox_boxes(
    boxes: Float32, letterbox: Letterbox, picture_w: int, picture_h: int
) -> Float32:
    """Boxes ``(n, 4)`` xyxy in input pixels from boxes in pixels of a picture of the given size."""
    scale, shift = _compute_mapping(letterbox, picture_w, picture_h)
    return (boxes * scale + shift).astype(np.float32)


def undo_letterbox(boxes: Float32, letterbox: Letterbox, picture_w: int, picture_h: int) -> Float32:
    """Boxes ``(n, 4)`` xyxy in pixels of a picture of the given size from boxes in input pixels; not clipped."""
    scale, shift = _compute_mapping(letterbox, picture_w, picture_h)
    return ((boxes - shift) / scale).astype(np.float32)


def _resize(image: UInt8, width: int, height: int) -> UInt8:
    """Shrink by means over areas, enlarge linearly.

    Means over areas of broken width take four times as long as whole ones, so what goes evenly is
    done first, and the little that remains linearly.
    """
    picture_h, picture_w = image.shape[:2]
    most = max(1, min(picture_w // width, picture_h // height))
    whole = next(k for k in range(most, 0, -1) if picture_w % k == picture_h % k == 0)
    if whole > 1:
        image = cv2.resize(
            image, (picture_w // whole, picture_h // whole), interpolation=cv2.INTER_AREA
        )
    rest = max(picture_w / width, picture_h / height) / whole
    method = cv2.INTER_AREA if rest > _MOST_LINEAR else cv2.INTER_LINEAR
    resized: UInt8 = cv2.resize(image, (width, height), interpolation=method)
    return resized


def _compute_mapping(
    letterbox: Letterbox, picture_w: int, picture_h: int
) -> tuple[Float32, Float32]:
    # The inner size is a whole number of pixels, so the exact scale differs a little between the
    # two axes.
    inner_w, inner_h = letterbox.compute_inner_size(picture_w, picture_h)
    scale = np.array([inner_w / picture_w, inner_h / picture_h] * 2, np.float32)
    shift = np.array([letterbox.pad_x, letterbox.pad_y] * 2, np.float32)
    return scale, shift
