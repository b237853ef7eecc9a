"""Rasterise a skeleton: the upper envelope of its spheres as a height field on a pixel grid."""

from __future__ import annotations

import numpy as np

from murid.core.types import Float32, Int64
from murid.synthetic.skeleton import SPINE_STATIONS, Skeleton

# Space around the spheres in body lengths, for ears and blur.
_MARGIN = 0.12


class BodyRaster:
    """Height field of a body.

    The envelope of the spheres gives outline, shading and overlap at once.

    Parameters
    ----------
    skeleton : Skeleton
    scale : float
        Pixels per body length.

    Attributes
    ----------
    top_left : ndarray
        ``(2,)`` float32 corner of the grid, body lengths.
    spine_px : ndarray
        ``(14, 2)`` float32 centres of the spheres, pixels of the grid.
    nearest : ndarray
        ``(h, w)`` int64: number of the sphere that is on top at each pixel.
    height : ndarray
        ``(h, w)`` float32 height of the surface above the spine, pixels.
    alpha : ndarray
        ``(h, w)`` float32 opacity of the body, with a soft edge.
    """

    def __init__(self, skeleton: Skeleton, scale: float) -> None:
        self.skeleton = skeleton
        self.scale = scale

        # The grid spans the body, the tail and the feet.
        radii = skeleton.radii[:, None]
        extent = np.concatenate(
            [skeleton.spine - radii, skeleton.spine + radii, skeleton.tail, skeleton.feet[:, :2]]
        )
        self.top_left: Float32 = extent.min(axis=0) - _MARGIN
        size = np.ceil((extent.max(axis=0) + _MARGIN - self.top_left) * scale).astype(int)
        self._x = np.arange(size[0], dtype=np.float32)
        self._y = np.arange(size[1], dtype=np.float32)

        # Squared height of every sphere at every pixel; negative outside of the sphere.
        self.spine_px: Float32 = ((skeleton.spine - self.top_left) * scale).astype(np.float32)
        radii_px = (skeleton.radii * scale).astype(np.float32)
        dx = self._x[None, None] - self.spine_px[:, 0, None, None]
        dy = self._y[None, :, None] - self.spine_px[:, 1, None, None]
        squared_height = radii_px[:, None, None] ** 2 - (dx**2 + dy**2)

        self.nearest: Int64 = squared_height.argmax(axis=0)
        top = squared_height.max(axis=0)
        self.height: Float32 = np.sqrt(np.maximum(top, 0))
        # Near the outline, the squared height falls by the diameter a pixel.
        coverage = top / (2 * radii_px[self.nearest]) + 0.5
        self.alpha: Float32 = np.clip(coverage, 0, 1).astype(np.float32)

    def to_pixels(self, points: Float32) -> Float32:
        """Return pixels of points ``(..., 2)`` given in body lengths."""
        return np.asarray((points - self.top_left) * self.scale, np.float32)

    def compute_body_coordinates(self) -> tuple[Float32, Float32]:
        """Return the position of each pixel ``(h, w)`` on the body.

        Returns
        -------
        along : ndarray
            Position along the spine, from 0 (rump) to 1 (nose).
        across : ndarray
            Signed distance from the spine, body lengths.
        """
        direction_x = np.cos(self.skeleton.angles)[self.nearest]
        direction_y = np.sin(self.skeleton.angles)[self.nearest]
        dx = (self._x[None] - self.spine_px[:, 0][self.nearest]) / self.scale
        dy = (self._y[:, None] - self.spine_px[:, 1][self.nearest]) / self.scale
        along = SPINE_STATIONS[self.nearest] + (dx * direction_x + dy * direction_y)
        across = dy * direction_x - dx * direction_y
        return along, across
