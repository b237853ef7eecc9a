"""Use of space: occupancy maps, frames inside regions, distance from the wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.analysis.gaps import find_runs
from murid.arenas.layout import Region
from murid.core.types import Bool, Float64
from murid.errors import ArrayError


@dataclass(frozen=True, eq=False, slots=True)
class Occupancy:
    """Occupancy map: seconds in each square of a grid.

    Attributes
    ----------
    seconds : ndarray
        ``(Y, X)``.
    x_edges, y_edges : ndarray
        ``(X + 1,)`` and ``(Y + 1,)``: edges of the squares.
    """

    seconds: Float64
    x_edges: Float64
    y_edges: Float64


def compute_occupancy(
    position: Float64, durations_s: Float64, width: float, height: float, bin_length: float
) -> Occupancy:
    """Return the time in seconds that the animals spent in each square of a grid.

    Parameters
    ----------
    position : ndarray
        ``(F, 2, I)``, in the unit of the other lengths; NaN and positions outside do not count.
    durations_s : ndarray
        ``(F,)`` seconds, see `murid.analysis.gaps.compute_durations`.
    width, height : float
        Size of the grid, which starts at 0.
    bin_length : float
        Side of a square; the last column and row may extend beyond the grid.
    """
    if not bin_length > 0:
        raise ArrayError("bin_length", "more than 0", f"{bin_length:g}")
    x_edges = np.arange(np.ceil(width / bin_length) + 1) * bin_length
    y_edges = np.arange(np.ceil(height / bin_length) + 1) * bin_length
    known = np.isfinite(position).all(axis=1)
    frames, animals = np.nonzero(known)
    points = position[frames, :, animals]
    seconds, _, _ = np.histogram2d(
        points[:, 1], points[:, 0], bins=(y_edges, x_edges), weights=durations_s[frames]
    )
    return Occupancy(seconds, x_edges, y_edges)


def find_inside(region: Region, position: Float64) -> Bool:
    """Return whether animals at ``(F, 2, I)`` pixels are in a region, ``(F, I)``.

    False where they are missing.
    """
    points = position.swapaxes(1, 2)
    return region.contains(points.reshape(-1, 2)).reshape(points.shape[:2])


def compute_wall_distance(region: Region, position: Float64) -> Float64:
    """Return the distance ``(F, I)`` of animals at ``(F, 2, I)`` pixels from the wall, pixels."""
    points = position.swapaxes(1, 2)
    return region.compute_wall_distance(points.reshape(-1, 2)).reshape(points.shape[:2])


def find_visiting(region: Region, position: Float64, margin: float) -> Bool:
    """Return the frames ``(F,)`` in which an animal at ``(F, 2)`` pixels visits a region.

    A visit begins inside the region, and ends more than `margin` pixels outside it. So an animal
    that rests on the outline enters once, although its position is now inside and now outside.
    False where it is missing; between two frames in which it is missing it goes on as before.
    """
    inside = region.contains(position)
    missing = np.isnan(position).any(axis=1)
    if not margin > 0:
        return inside
    is_known_outside = ~inside & ~missing
    wall_distance = region.compute_wall_distance(position[is_known_outside])
    outside = np.zeros(len(position), bool)
    outside[is_known_outside] = wall_distance > margin
    # Elsewhere the animal is near the outline or missing: the last frame that decides counts.
    decides = inside | outside
    last_decided = np.maximum.accumulate(np.where(decides, np.arange(len(position)), 0))
    is_visiting: Bool = inside[last_decided] & ~missing
    return is_visiting


def compute_border_width(region: Region, area_share: float) -> float:
    """Return the width in pixels of the border of a region that has this share of its area."""
    geometry = region.geometry
    inner_area = (1 - area_share) * float(geometry.area)
    # The width is at most half the smaller side. 50 halvings are exact to rounding errors.
    left, top, right, bottom = map(float, geometry.bounds)
    low = 0.0
    high = 0.5 * min(right - left, bottom - top)
    for _ in range(50):
        middle = 0.5 * (low + high)
        if geometry.buffer(-middle).area > inner_area:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def find_hidden(inside: Bool, missing: Bool) -> Bool:
    """Return the frames ``(F,)`` in which an animal is hidden in a nest or shelter.

    It is missing, was inside before, and is inside afterwards. At the beginning and at the end of
    the recording, one of the two is enough.
    """
    hidden = np.zeros(len(inside), bool)
    for first, end in find_runs(missing):
        neighbours = [inside[k] for k in (first - 1, end) if 0 <= k < len(inside)]
        hidden[first:end] = bool(neighbours) and all(neighbours)
    return hidden
