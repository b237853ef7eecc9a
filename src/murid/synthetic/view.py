"""Viewpoints of the camera: from above, tilted, or from the side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, Float64, Int64
from murid.synthetic.animal import Coat, Posture
from murid.synthetic.enclosure import Enclosure
from murid.synthetic.environment import TANK_BACK
from murid.synthetic.rodent import render_from_above, render_from_side
from murid.synthetic.sprite import Sprite, compress_sprite

ViewKind = Literal["above", "tilted", "side"]

# Tilted view: how much narrower the far edge of the floor is on each side, and how much lower it
# lies, as shares of the image. Larger values tilt the camera further.
_TILT_INSET = 0.13
_TILT_DROP = 0.2

# A body seen at an angle is foreshortened at most to this share, since it has a height as well.
_MIN_FORESHORTENING = 0.75

# Side view: height of the front edge of the floor as a share of the image, and how much smaller an
# animal at the back wall looks.
_TANK_FRONT = 0.95
_TANK_SHRINK = 0.2

# Brightness of what a tilted camera sees beyond the floor, relative to the mean of the floor.
_BEYOND_BRIGHTNESS = 0.6


@dataclass(frozen=True)
class Projection:
    """Points of the floor in the image.

    Attributes
    ----------
    pixels : ndarray
        ``(n, 2)`` float64 x, y.
    scale_across, scale_along : ndarray
        ``(n,)`` float64 scale of the image across and along the line of sight.
    """

    pixels: Float64
    scale_across: Float64
    scale_along: Float64


class View:
    """Projection from the floor to the image.

    Parameters
    ----------
    kind : str
        ``above``, ``tilted`` or ``side``.
    height, width : int
        Size of the image, and of the floor as seen from above, pixels.
    """

    def __init__(self, kind: ViewKind, height: int, width: int) -> None:
        self._kind = kind
        self._size = (height, width)
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        inset = np.array(
            [[_TILT_INSET, _TILT_DROP], [-_TILT_INSET, _TILT_DROP], [0, 0], [0, 0]], np.float32
        )
        tilted = corners + inset * np.array([width, height], np.float32)
        self._homography = cv2.getPerspectiveTransform(corners, tilted)

    def project_enclosure(self, enclosure: Enclosure) -> Enclosure:
        """Return the enclosure as the camera sees it; a tank is drawn in side view already."""
        if self._kind != "tilted":
            return enclosure
        inside = self._warp(np.ones(self._size, np.float32))
        beyond = (1 - inside[..., None]) * _BEYOND_BRIGHTNESS * enclosure.image.mean()
        return replace(
            enclosure,
            image=self._warp(enclosure.image) + beyond,
            cover=self._warp(enclosure.cover),
            cover_alpha=self._warp(enclosure.cover_alpha),
        )

    def project_points(self, points: Float64) -> Projection:
        """Project points ``(n, 2)`` of the floor into the image."""
        if self._kind == "above":
            return Projection(points, np.ones(len(points)), np.ones(len(points)))
        if self._kind == "side":
            return self._project_from_side(points)
        # The scale is how far one pixel to the right, or below, is moved.
        pixels = self._transform(points)
        right = self._transform(points + np.array([1.0, 0.0]))
        below = self._transform(points + np.array([0.0, 1.0]))
        return Projection(pixels, (right - pixels)[:, 0], (below - pixels)[:, 1])

    def sort_by_depth(self, pixels: Float64, stacking_order: Int64) -> Int64:
        """Return the animals from far to near; seen from above, in their stacking order."""
        if self._kind == "above":
            return stacking_order
        return np.argsort(pixels[:, 1], kind="stable")

    def render(
        self,
        coat: Coat,
        posture: Posture,
        length_px: float,
        scale: tuple[float, float],
        light: Float32,
        fur: Float32,
        rng: np.random.Generator,
    ) -> Sprite:
        """Render an animal at the given scale across and along the line of sight."""
        scale_across, scale_along = scale
        length_px = length_px * scale_across
        if self._kind == "side":
            return render_from_side(coat, posture, length_px, light, rng, fur)
        sprite = render_from_above(coat, posture, length_px, light, rng, fur)
        if scale_across == scale_along:
            return sprite
        return compress_sprite(sprite, max(_MIN_FORESHORTENING, scale_along / scale_across))

    def _project_from_side(self, points: Float64) -> Projection:
        height, width = self._size
        depth = 1 - points[:, 1] / height
        scale = 1 - _TANK_SHRINK * depth
        x = width / 2 + (points[:, 0] - width / 2) * scale
        y = height * (_TANK_FRONT - (_TANK_FRONT - TANK_BACK) * depth)
        return Projection(np.column_stack([x, y]), scale, scale)

    def _transform(self, points: NDArray[Any]) -> Float64:
        """Apply the homography of the tilted view to points ``(n, 2)``."""
        moved = cv2.perspectiveTransform(points[None], self._homography)[0]
        return np.asarray(moved, np.float64)

    def _warp(self, layer: Float32) -> Float32:
        """Apply the homography of the tilted view to an image."""
        height, width = self._size
        warped = cv2.warpPerspective(layer, self._homography, (width, height))
        return np.asarray(warped, np.float32)
