"""Where animals may walk: a rectangle or an ellipse with a wall around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Ground:
    """A floor.

    Attributes
    ----------
    centre, half : tuple of float
        Middle, and half width and half height, pixels.
    round : bool
        An ellipse rather than a rectangle.
    """

    centre: tuple[float, float]
    half: tuple[float, float]
    round: bool = False

    def confine(self, points: NDArray[Any], margin_px: float = 0.0) -> Float64:
        """Move ``(n, 2)`` points that are outside, or nearer to the wall than the margin, to the nearest such place."""
        offset, half = points - np.array(self.centre), self._shrink(margin_px)
        if self.round:
            reach = np.linalg.norm(offset / half, axis=-1, keepdims=True)
            offset = offset / np.maximum(reach, 1)
        return np.asarray(np.clip(offset, -half, half) + self.centre, np.float64)

    def draw(self, rng: np.random.Generator, n: int, margin_px: float = 0.0) -> Float64:
        """Draw ``(n, 2)`` points anywhere on the floor."""
        half = self._shrink(margin_px)
        unit = rng.uniform(-1, 1, (n, 2))
        if self.round:
            angle, radius = np.pi * unit[:, 0], np.sqrt(np.abs(unit[:, 1]))
            unit = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        return np.asarray(self.centre + unit * half, np.float64)

    def follow_wall(self, point: NDArray[Any], step_px: float, margin_px: float = 0.0) -> Float64:
        """Environment ``(2,)`` beside the wall, a (signed) step further around than the point."""
        half = self._shrink(margin_px)
        x, y = (point - np.array(self.centre)) / half
        angle = np.arctan2(y, x) + step_px / half.mean()
        unit = np.array([np.cos(angle), np.sin(angle)])
        if not self.round:
            unit = unit / np.abs(unit).max()
        return np.asarray(self.centre + unit * half, np.float64)

    def _shrink(self, margin_px: float) -> Float64:
        return np.maximum(np.array(self.half) - margin_px, 1.0)
