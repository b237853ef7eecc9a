"""Where the camera stands: above, tilted, or at the side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.synthetic.animal import Coat, Posture
from murid.synthetic.enclosure import Enclosure
from murid.synthetic.environment import TANK_BACK
from murid.synthetic.rodent import render_from_above, render_from_side
from murid.synthetic.sprite import Sprite

Float = NDArray[np.float32]
Float64 = NDArray[np.float64]
ViewKind = Literal["above", "tilted", "side"]

_TILT_INSET, _TILT_DROP = 0.13, 0.2
"""How much narrower the far edge is on each side, and how much lower it lies, as shares of the
picture."""
_TANK_FRONT = 0.95
_TANK_SHRINK = 0.2  # how much smaller an animal at the back wall looks


class View:
    """The way from the floor to the picture.

    Parameters
    ----------
    kind : str
        ``above``, ``tilted`` or ``side``.
    height, width : int
        Pixels of the picture, and of the floor as seen from above.
    """

    def __init__(self, kind: ViewKind, height: int, width: int) -> None:
        self._kind, self._size = kind, (height, width)
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        inset = np.array(
            [[_TILT_INSET, _TILT_DROP], [-_TILT_INSET, _TILT_DROP], [0, 0], [0, 0]], np.float32
        )
        self._tilt = cv2.getPerspectiveTransform(
            corners, corners + inset * np.array([width, height], np.float32)
        )

    def show(self, arena: Enclosure) -> Enclosure:
        """Return the arena as the camera sees it; that of a side view is drawn so from the start."""
        if self._kind != "tilted":
            return arena
        image, cover, alpha = (
            self._warp(layer) for layer in (arena.image, arena.cover, arena.cover_alpha)
        )
        beyond = 1 - self._warp(np.ones(self._size, np.float32))[..., None]
        return Enclosure(image + beyond * 0.6 * arena.image.mean(), arena.floor, cover, alpha)

    def project(self, points: Float64) -> tuple[Float64, Float64, Float64]:
        """Pixels ``(n, 2)`` of points on the floor, and their scale across and along the line of sight, ``(n,)``."""
        if self._kind == "above":
            return points, np.ones(len(points)), np.ones(len(points))
        if self._kind == "side":
            return self._project_aside(points)
        here, right, below = (
            self._map(points + step) for step in ([0.0, 0.0], [1.0, 0.0], [0.0, 1.0])
        )
        return here, (right - here)[:, 0], (below - here)[:, 1]

    def sort(self, pixels: Float64, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """Animals from the farthest to the nearest; from above, as they climbed on each other."""
        return order if self._kind == "above" else np.argsort(pixels[:, 1], kind="stable")

    def render(
        self,
        coat: Coat,
        posture: Posture,
        length_px: float,
        scale: tuple[float, float],
        light: Float,
        fur: Float,
        rng: np.random.Generator,
    ) -> Sprite:
        """Draw an animal at the given scale across and along the line of sight."""
        if self._kind == "side":
            return render_from_side(coat, posture, length_px * scale[0], light, rng, fur)
        sprite = render_from_above(coat, posture, length_px * scale[0], light, rng, fur)
        return sprite if scale[0] == scale[1] else _squash(sprite, max(0.75, scale[1] / scale[0]))

    def _project_aside(self, points: Float64) -> tuple[Float64, Float64, Float64]:
        height, width = self._size
        depth = 1 - points[:, 1] / height
        scale = 1 - _TANK_SHRINK * depth
        x = width / 2 + (points[:, 0] - width / 2) * scale
        y = height * (_TANK_FRONT - (_TANK_FRONT - TANK_BACK) * depth)
        return np.column_stack([x, y]), scale, scale

    def _map(self, points: Any) -> Float64:
        return np.asarray(cv2.perspectiveTransform(points[None], self._tilt)[0], np.float64)

    def _warp(self, layer: Float) -> Float:
        return np.asarray(cv2.warpPerspective(layer, self._tilt, self._size[::-1]), np.float32)


def _squash(sprite: Sprite, factor: float) -> Sprite:
    """Sprite made lower."""
    size = (sprite.alpha.shape[1], max(2, round(factor * sprite.alpha.shape[0])))
    image, alpha, body = (
        np.asarray(cv2.resize(layer, size, interpolation=cv2.INTER_AREA), np.float32)
        for layer in (sprite.image, sprite.alpha, sprite.body)
    )
    return replace(
        sprite,
        image=image,
        alpha=alpha,
        body=body,
        origin=sprite.origin * np.array([1, factor], np.float32),
    )
