"""Where animals are: occupancy, zones, distance from the wall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.analysis.gaps import find_runs
from murid.arenas.layout import Region
from murid.core.types import Bool, Float64
from murid.errors import ArrayError


@dataclass(frozen=True, eq=False, slots=True)
class Occupancy:
    """How long each place was visited: `seconds` ``(Y, X)``, between `x_edges` ``(X + 1,)`` and `y_edges`."""

    seconds: Float64
    x_edges: Float64
    y_edges: Float64


def compute_occupancy(
    position: Float64, durations_s: Float64, width: float, height: float, bin_length: float
) -> Occupancy:
    """Add up how long the animals were in each square of a grid.

    Parameters
    ----------
    position : ndarray
        ``(F, 2, I)``, in the unit of the rest; NaN counts nowhere, and so does what lies outside.
    durations_s : ndarray
        ``(F,)`` seconds, see `compute_durations`.
    width, height : float
        What the grid covers, from 0.
    bin_length : float
        Side of a square; the last column and row may reach beyond.
    """
    if not bin_length > 0:
        raise ArrayError("bin_length", "more than 0", f"{bin_length:g}")
    x_edges, y_edges = (
        np.arange(np.ceil(side / bin_length) + 1) * bin_length for side in (width, height)
    )
    known = np.isfinite(position).all(axis=1)
    frames, animals = np.nonzero(known)
    places = position[frames, :, animals]
    seconds, _, _ = np.histogram2d(
        places[:, 1], places[:, 0], bins=(y_edges, x_edges), weights=durations_s[frames]
    )
    return Occupancy(seconds, x_edges, y_edges)


def find_inside(region: Region, position: Float64) -> Bool:
    """Whether animals at ``(F, 2, I)`` pixels are within a region, ``(F, I)``; False where they are missing."""
    places = position.swapaxes(1, 2)
    return region.contains(places.reshape(-1, 2)).reshape(places.shape[:2])


def compute_wall_distance(region: Region, position: Float64) -> Float64:
    """Distance of animals at ``(F, 2, I)`` pixels from the wall of an arena, ``(F, I)`` pixels."""
    places = position.swapaxes(1, 2)
    return region.compute_wall_distance(places.reshape(-1, 2)).reshape(places.shape[:2])


def find_hidden(inside: Bool, missing: Bool) -> Bool:
    """Frames ``(F,)`` in which an animal is hidden in a nest or shelter.

    It is missing, was in there when last seen, and is in there when seen again; before the first
    sighting and after the last one, the other of the two decides.
    """
    hidden = np.zeros(len(inside), bool)
    for first, after in find_runs(missing):
        sides = [inside[k] for k in (first - 1, after) if 0 <= k < len(inside)]
        hidden[first:after] = bool(sides) and all(sides)
    return hidden
