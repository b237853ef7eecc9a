"""Sprites: images of single animals with an opacity mask, from which scenes are composed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from murid.core.types import Float32
from murid.synthetic.keypoint_truth import make_unknown_keypoints

# Area of a rodent's body seen from above, relative to the square of its length from nose to tail
# base.
_AREA_PER_SQUARED_LENGTH = 0.3


# A shorter movement during the exposure changes no pixel visibly.
_MIN_MOTION_PX = 1.5


@dataclass(frozen=True)
class Sprite:
    """Image of one animal on a transparent background.

    Attributes
    ----------
    image : ndarray
        ``(h, w, 3)`` float32 RGB in [0, 1].
    alpha : ndarray
        ``(h, w)`` float32 opacity, tail included.
    body : ndarray
        ``(h, w)`` float32 opacity of the body without the tail.
    origin : ndarray
        ``(2,)`` float32 pixel of the sprite that is placed at the animal's position (x, y).
    keypoints : ndarray
        ``(3, 2)`` float32 pixels of the sprite (x, y), in the order of
        `murid.core.keypoints.KEYPOINTS`; NaN where unknown. They refer to pixel edges, as boxes do:
        the centre of the first pixel is at 0.5.
    """

    image: Float32
    alpha: Float32
    body: Float32
    origin: Float32
    keypoints: Float32 = field(default_factory=make_unknown_keypoints)


def estimate_body_length(area_px: float) -> float:
    """Return the length in pixels, nose to tail base, of a body that covers the given area."""
    return float(np.sqrt(area_px / _AREA_PER_SQUARED_LENGTH))


def resize_sprite(sprite: Sprite, factor: float) -> Sprite:
    """Return a sprite enlarged by a factor."""
    height, width = sprite.alpha.shape
    size = (max(2, round(width * factor)), max(2, round(height * factor)))
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    origin = sprite.origin * np.float32(factor)
    return _resize_layers(sprite, size, interpolation, origin)


def compress_sprite(sprite: Sprite, factor: float) -> Sprite:
    """Return a sprite whose height is reduced by a factor, as foreshortening does."""
    height, width = sprite.alpha.shape
    size = (width, max(2, round(factor * height)))
    origin = sprite.origin * np.array([1, factor], np.float32)
    return _resize_layers(sprite, size, cv2.INTER_AREA, origin)


def _resize_layers(
    sprite: Sprite, size: tuple[int, int], interpolation: int, origin: Float32
) -> Sprite:
    def resize(layer: Float32) -> Float32:
        return np.asarray(cv2.resize(layer, size, interpolation=interpolation), np.float32)

    # The size is rounded to pixels, which the keypoints follow.
    height, width = sprite.alpha.shape
    keypoints = sprite.keypoints * np.array([size[0] / width, size[1] / height], np.float32)
    return Sprite(
        resize(sprite.image), resize(sprite.alpha), resize(sprite.body), origin, keypoints
    )


def flip_sprite(sprite: Sprite, left_right: bool = False, up_down: bool = False) -> Sprite:
    """Return a mirrored sprite; its origin and keypoints move along."""
    rows = slice(None, None, -1 if up_down else 1)
    columns = slice(None, None, -1 if left_right else 1)
    height, width = sprite.alpha.shape
    x, y = sprite.origin
    keypoints = sprite.keypoints.copy()
    # The origin refers to pixel centres, the keypoints to pixel edges.
    if left_right:
        x = width - 1 - x
        keypoints[:, 0] = width - keypoints[:, 0]
    if up_down:
        y = height - 1 - y
        keypoints[:, 1] = height - keypoints[:, 1]
    return Sprite(
        np.ascontiguousarray(sprite.image[rows, columns]),
        np.ascontiguousarray(sprite.alpha[rows, columns]),
        np.ascontiguousarray(sprite.body[rows, columns]),
        np.array([x, y], np.float32),
        keypoints,
    )


def pad_sprite(sprite: Sprite, margin: int) -> Sprite:
    """Return a sprite with a transparent margin of the given width, pixels."""

    def pad(layer: Float32, border: int) -> Float32:
        sides = (margin,) * 4
        return np.asarray(cv2.copyMakeBorder(layer, *sides, border), np.float32)

    return replace(
        sprite,
        image=pad(sprite.image, cv2.BORDER_REPLICATE),
        alpha=pad(sprite.alpha, cv2.BORDER_CONSTANT),
        body=pad(sprite.body, cv2.BORDER_CONSTANT),
        origin=sprite.origin + np.float32(margin),
        keypoints=sprite.keypoints + np.float32(margin),
    )


def blur_along(sprite: Sprite, dx: float, dy: float) -> Sprite:
    """Return a sprite with the motion blur of a straight movement during the exposure.

    The body and the origin are those in the middle of the exposure, as people label animals.

    Parameters
    ----------
    sprite : Sprite
    dx, dy : float
        Movement in pixels.
    """
    length = float(np.hypot(dx, dy))
    if length < _MIN_MOTION_PX:
        return sprite
    margin = int(np.ceil(length / 2)) + 1
    padded = pad_sprite(sprite, margin)
    # The kernel is the path of a point during the exposure.
    kernel = np.zeros((2 * margin + 1,) * 2, np.float32)
    start = (round(margin - dx / 2), round(margin - dy / 2))
    end = (round(margin + dx / 2), round(margin + dy / 2))
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_AA)
    kernel /= kernel.sum()
    # Colours are blurred in proportion to their opacity.
    alpha = padded.alpha[..., None]
    layers = cv2.filter2D(np.dstack([padded.image * alpha, alpha]), -1, kernel)
    opacity = layers[..., 3]
    image = layers[..., :3] / np.maximum(opacity, 1e-3)[..., None]
    return replace(padded, image=np.asarray(image, np.float32), alpha=opacity.copy())
