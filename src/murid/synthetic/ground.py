"""Area in which synthetic animals can walk: a rectangle or an ellipse with a wall around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float64


@dataclass(frozen=True)
class Ground:
    """A walkable area.

    Attributes
    ----------
    centre : tuple of float
        x, y in pixels.
    half_size : tuple of float
        Half width and half height in pixels.
    elliptic : bool
        True for an ellipse, False for a rectangle.
    """

    centre: tuple[float, float]
    half_size: tuple[float, float]
    elliptic: bool = False

    def confine(self, points: NDArray[Any], margin_px: float = 0.0) -> Float64:
        """Move points ``(n, 2)`` to at least the margin inside the wall; inner points stay."""
        offset = points - np.array(self.centre)
        half_size = self._shrink(margin_px)
        if self.elliptic:
            reach = np.linalg.norm(offset / half_size, axis=-1, keepdims=True)
            offset = offset / np.maximum(reach, 1)
        return np.asarray(np.clip(offset, -half_size, half_size) + self.centre, np.float64)

    def sample_points(self, rng: np.random.Generator, n: int, margin_px: float = 0.0) -> Float64:
        """Sample ``(n, 2)`` uniformly distributed points, at least the margin inside the wall."""
        half_size = self._shrink(margin_px)
        unit = rng.uniform(-1, 1, (n, 2))
        if self.elliptic:
            # The square root makes the density uniform over the area.
            angle = np.pi * unit[:, 0]
            radius = np.sqrt(np.abs(unit[:, 1]))
            unit = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        return np.asarray(self.centre + unit * half_size, np.float64)

    def follow_wall(self, point: NDArray[Any], step_px: float, margin_px: float = 0.0) -> Float64:
        """Return the point ``(2,)`` beside the wall that lies a signed step around from another.

        The margin is the distance to the wall, in pixels.
        """
        half_size = self._shrink(margin_px)
        x, y = (point - np.array(self.centre)) / half_size
        angle = np.arctan2(y, x) + step_px / half_size.mean()
        unit = np.array([np.cos(angle), np.sin(angle)])
        if not self.elliptic:
            unit = unit / np.abs(unit).max()
        return np.asarray(self.centre + unit * half_size, np.float64)

    def _shrink(self, margin_px: float) -> Float64:
        return np.maximum(np.array(self.half_size) - margin_px, 1.0)
