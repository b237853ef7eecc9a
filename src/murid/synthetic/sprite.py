"""Sprites: animals with an opacity mask, from which scenes are composed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Sprite:
    """A cut-out animal.

    Attributes
    ----------
    image : ndarray
        ``(h, w, 3)`` float32 RGB in [0, 1].
    alpha : ndarray
        ``(h, w)`` float32 opacity, tail included.
    body : ndarray
        ``(h, w)`` float32 opacity of the body without the tail.
    origin : ndarray
        ``(2,)`` float32: pixel of the sprite that stands for the animal's position (x, y).
    """

    image: Float
    alpha: Float
    body: Float
    origin: Float


def resize_sprite(sprite: Sprite, factor: float) -> Sprite:
    """Sprite enlarged or reduced by a factor."""
    size = tuple(max(2, round(n * factor)) for n in sprite.alpha.shape[::-1])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    image, alpha, body = (
        cv2.resize(a, size, interpolation=how) for a in (sprite.image, sprite.alpha, sprite.body)
    )
    image, alpha, body = (np.asarray(a, np.float32) for a in (image, alpha, body))
    return Sprite(image, alpha, body, sprite.origin * np.float32(factor))
