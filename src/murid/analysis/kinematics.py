"""How animals move: speed, distance, acceleration, heading, turning.

Positions are ``(F, 2, I)`` (time, space, individual) in any unit of length, x to the right and y
down as in the picture; what comes out is in the same unit. Missing frames are NaN, and so is
whatever would need them.
"""

from __future__ import annotations

import numpy as np

from murid.core.types import Float64


def differentiate(values: Float64, time_s: Float64) -> Float64:
    """Change per second along the first axis: second-order central differences, one-sided at the two ends.

    `numpy.gradient` with the frames' own times, as ``movement.kinematics.compute_time_derivative``.
    """
    if len(time_s) < 2:
        return np.full(values.shape, np.nan)
    slopes: Float64 = np.gradient(values, time_s, axis=0)
    return slopes


def compute_velocity(position: Float64, time_s: Float64) -> Float64:
    """Velocity ``(F, 2, I)``, length per second."""
    return differentiate(position, time_s)


def compute_speed(position: Float64, time_s: Float64) -> Float64:
    """Speed ``(F, I)``, length per second: magnitude of the velocity."""
    return _measure_length(compute_velocity(position, time_s))


def compute_acceleration(position: Float64, time_s: Float64) -> Float64:
    """Magnitude ``(F, I)`` of the acceleration, length per second squared: of the change of velocity."""
    return _measure_length(differentiate(compute_velocity(position, time_s), time_s))


def compute_steps(position: Float64) -> Float64:
    """Way from the frame before to each frame, ``(F, I)``; NaN for the first, and where either is missing."""
    steps = _measure_length(np.diff(position, axis=0))
    return np.concatenate([np.full((1, position.shape[2]), np.nan), steps])[: len(position)]


def compute_distance(position: Float64) -> Float64:
    """Distance moved ``(I,)``: sum of the steps that are known; none is added for a gap."""
    total: Float64 = np.nansum(compute_steps(position), axis=0)
    return total


def compute_heading(position: Float64, time_s: Float64, above: float = 0.0) -> Float64:
    """Direction of movement ``(F, I)`` in degrees: 0 to the right, 90 up in the picture, -90 down.

    A box has no nose, so this is where an animal goes, not where it looks; NaN while it is not
    faster than `above` (length per second).
    """
    vx, vy = np.moveaxis(compute_velocity(position, time_s), 1, 0)
    return np.where(np.hypot(vx, vy) > above, np.degrees(np.arctan2(0 - vy, vx)), np.nan)


def compute_turns(heading: Float64) -> Float64:
    """Change of heading since the frame before, ``(F, I)`` degrees in [-180, 180), counter-clockwise positive."""
    turns = (np.diff(heading, axis=0) + 180) % 360 - 180
    return np.concatenate([np.full((1, heading.shape[1]), np.nan), turns])[: len(heading)]


def measure_body(shape: Float64) -> float:
    """Length of a body: median diagonal of the boxes ``(F, 2, I)``; NaN without any.

    The box around an ellipse of axes a and b has the diagonal sqrt(a² + b²) whichever way it lies,
    so this does not depend on the heading; for a rodent it is some 8 % more than the length without
    the tail.
    """
    diagonals = np.hypot(shape[:, 0], shape[:, 1])
    return float(np.nanmedian(diagonals)) if np.isfinite(diagonals).any() else float("nan")


def _measure_length(vectors: Float64) -> Float64:
    """Lengths ``(F, I)`` of vectors ``(F, 2, I)``."""
    lengths: Float64 = np.hypot(vectors[:, 0], vectors[:, 1])
    return lengths
