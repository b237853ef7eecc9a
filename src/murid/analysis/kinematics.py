"""Kinematics: speed, distance, acceleration, heading, turning.

Positions are ``(F, 2, I)`` (time, space, individual) in any unit of length, x to the right and y
down as in the image; results are in the same unit. Missing frames are NaN, and so is every result
that depends on them.
"""

from __future__ import annotations

import numpy as np

from murid.core.types import Bool, Float64


def differentiate(values: Float64, time_s: Float64, is_gap: Bool | None = None) -> Float64:
    """Return the change per second along the first axis.

    `numpy.gradient` computes second-order central differences, one-sided at both ends, with the
    times of the frames, as ``movement.kinematics.compute_time_derivative`` does.

    Parameters
    ----------
    values : ndarray
        ``(F, ...)``, NaN = missing.
    time_s : ndarray
        ``(F,)`` seconds.
    is_gap : ndarray, optional
        ``(F,)`` bool: rows of time without frames, whose values are NaN. What is between two gaps
        is differentiated like a recording of its own.
    """
    if len(time_s) < 2:
        return np.full(values.shape, np.nan)
    slopes: Float64 = np.gradient(values, time_s, axis=0)
    if is_gap is None or not is_gap.any():
        return slopes
    intervals_s = np.diff(time_s).reshape(-1, *[1] * (values.ndim - 1))
    steps = np.diff(values, axis=0) / intervals_s
    last = np.flatnonzero(is_gap[1:] & ~is_gap[:-1])
    first = np.flatnonzero(is_gap[:-1] & ~is_gap[1:]) + 1
    # The step is NaN where there is a single frame between two gaps.
    slopes[last[last > 0]] = steps[last[last > 0] - 1]
    slopes[first[first < len(steps)]] = steps[first[first < len(steps)]]
    # A central difference does not use the value in its middle.
    slopes[is_gap] = np.nan
    return slopes


def compute_velocity(position: Float64, time_s: Float64, is_gap: Bool | None = None) -> Float64:
    """Return the velocity ``(F, 2, I)``, length per second; see `differentiate` for `is_gap`."""
    return differentiate(position, time_s, is_gap)


def compute_speed(position: Float64, time_s: Float64, is_gap: Bool | None = None) -> Float64:
    """Return the speed ``(F, I)``, length per second: magnitude of the velocity."""
    return _compute_norm(compute_velocity(position, time_s, is_gap))


def compute_acceleration(position: Float64, time_s: Float64, is_gap: Bool | None = None) -> Float64:
    """Return the magnitude ``(F, I)`` of the acceleration, length per second squared."""
    velocity = compute_velocity(position, time_s, is_gap)
    return _compute_norm(differentiate(velocity, time_s, is_gap))


def compute_steps(position: Float64) -> Float64:
    """Return the distance from the previous frame to each frame, ``(F, I)``.

    It is NaN for the first frame, and where either position is missing.
    """
    steps = _compute_norm(np.diff(position, axis=0))
    return np.concatenate([np.full((1, position.shape[2]), np.nan), steps])[: len(position)]


def compute_distance(position: Float64) -> Float64:
    """Return the distance moved ``(I,)``: the sum of all known steps, without gaps."""
    total: Float64 = np.nansum(compute_steps(position), axis=0)
    return total


def compute_heading(
    position: Float64, time_s: Float64, min_speed: float = 0.0, is_gap: Bool | None = None
) -> Float64:
    """Return the direction of movement ``(F, I)``, degrees: 0 right, 90 up in the image, -90 down.

    A box does not show the head, so this is the direction of movement, not of the head. It is NaN
    unless the animal is faster than `min_speed` (length per second).
    """
    vx, vy = np.moveaxis(compute_velocity(position, time_s, is_gap), 1, 0)
    # y points down in the image. 0 - vy is never -0.0, for which the angle would be -180.
    heading_deg = np.degrees(np.arctan2(0 - vy, vx))
    return np.where(np.hypot(vx, vy) > min_speed, heading_deg, np.nan)


def compute_turns(heading: Float64) -> Float64:
    """Return the change of heading since the previous frame, ``(F, I)`` degrees in [-180, 180).

    Counter-clockwise is positive.
    """
    turns = (np.diff(heading, axis=0) + 180) % 360 - 180
    return np.concatenate([np.full((1, heading.shape[1]), np.nan), turns])[: len(heading)]


def compute_body_length(shape: Float64) -> float:
    """Return the body length: median diagonal of boxes ``(F, 2, I)``; NaN without boxes.

    The box around an ellipse of axes a and b has the diagonal sqrt(a² + b²) in every orientation,
    so this does not depend on the heading. For a rodent it is about 8 % more than the length
    without the tail.
    """
    diagonals = np.hypot(shape[:, 0], shape[:, 1])
    return float(np.nanmedian(diagonals)) if np.isfinite(diagonals).any() else float("nan")


def _compute_norm(vectors: Float64) -> Float64:
    """Return the lengths ``(F, I)`` of vectors ``(F, 2, I)``."""
    lengths: Float64 = np.hypot(vectors[:, 0], vectors[:, 1])
    return lengths
