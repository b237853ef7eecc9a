"""Constant-velocity Kalman filter of many boxes at once: start, predict, update, gating distance.

A state is (x, y, a, h) of the box centre in pixels, aspect ratio w/h and height in pixels, followed
by their velocities per frame: means ``(m, 8)``, covariances ``(m, 8, 8)``, float64. Noise follows
the height of the box, as in DeepSORT and its descendants; the constants are FairMOT's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from murid.core import boxes as bx
from murid.core.types import Float32, Float64

POSITION_STD = 1 / 20
"""Standard deviation of a position, in heights of the box."""
VELOCITY_STD = 1 / 160
"""Standard deviation of a velocity, in heights of the box per frame."""
START_ASPECT_STD, START_ASPECT_RATE_STD, ASPECT_MEASURED_STD = 1e-2, 1e-5, 1e-1
"""Standard deviations of the aspect ratio: of a new one, of its velocity per frame, of a measured
one."""
NOISE_FPS = 30.0
"""Frame rate at which these constants hold."""
GATES = {2: 5.9915, 4: 9.4877}
"""95 % quantiles of the chi-squared distribution by its degrees of freedom: squared Mahalanobis
distances."""

_MOTION = np.eye(8) + np.eye(8, k=4)
_START_ASPECT = np.array([0, 0, START_ASPECT_STD, 0, 0, 0, START_ASPECT_RATE_STD, 0])
_MEASURED = np.array([1, 1, 0, 1]) * POSITION_STD
_MEASURED_ASPECT = np.array([0, 0, ASPECT_MEASURED_STD, 0])


@dataclass(frozen=True, eq=False, slots=True)
class Motion:
    """How boxes are believed to move from one frame to the next.

    Attributes
    ----------
    start_std, process_std : ndarray
        ``(8,)`` float64 standard deviations of a new state and of one step, in heights of the box.
    process_constant : ndarray
        ``(8,)`` float64 standard deviations of one step that do not follow the height.
    velocity_kept : float
        Share of its velocity in the plane that an animal keeps in one frame; 1 = constant velocity.
    growth_kept : float
        The same for the velocity of the height; 0 = boxes are expected to keep their size.
    """

    start_std: Float64
    process_std: Float64
    process_constant: Float64
    velocity_kept: float
    growth_kept: float = 1.0

    @classmethod
    def from_noise(
        cls,
        *,
        aspect: float = 1e-2,
        fps: float = NOISE_FPS,
        velocity_decay_s: float | None = None,
        predict_growth: bool = True,
    ) -> Motion:
        """Return the motion at a frame rate; the defaults are FairMOT's.

        Parameters
        ----------
        aspect : float
            Standard deviation by which the aspect ratio changes in one frame.
        fps : float
            Frame rate: positions and velocities are random walks, so longer steps are less certain.
        velocity_decay_s : float, optional
            Time constant in seconds with which velocity dies away; constant velocity by default.
        predict_growth : bool
            Whether a box that has grown is expected to go on growing.
        """
        step = NOISE_FPS / fps
        position, velocity = (
            np.array([1, 1, 0, 1]) * POSITION_STD,
            np.array([1, 1, 0, 1]) * VELOCITY_STD,
        )
        return cls(
            np.concatenate([2 * position, 10 * velocity * step]),
            np.concatenate([position * step**0.5, velocity * step**1.5]),
            np.array([0, 0, aspect, 0, 0, 0, 1e-5, 0]),
            1.0
            if velocity_decay_s is None
            else math.exp(-1 / (fps * velocity_decay_s))
            if velocity_decay_s
            else 0.0,
            float(predict_growth),
        )


def measure(boxes: Float32) -> Float64:
    """Return xyxy boxes ``(n, 4)`` as the filter measures them: (x, y, a, h), float64."""
    return bx.to_cxcyah(boxes.astype(np.float64)).astype(np.float64, copy=False)


def start(measured: Float64, motion: Motion) -> tuple[Float64, Float64]:
    """Return means and covariances of boxes ``(n, 4)`` (x, y, a, h) seen for the first time, at rest."""
    means = np.concatenate([measured, np.zeros_like(measured)], axis=1)
    return means, _diagonal(measured[:, 3:] * motion.start_std + _START_ASPECT)


def predict(means: Float64, covariances: Float64, motion: Motion) -> tuple[Float64, Float64]:
    """Return means ``(m, 8)`` and covariances ``(m, 8, 8)`` one frame later."""
    noise = _diagonal(means[:, 3:4] * motion.process_std + motion.process_constant)
    moving = means.copy()
    moving[:, 4:6] *= motion.velocity_kept
    moving[:, 7] *= motion.growth_kept
    return moving @ _MOTION.T, _MOTION @ covariances @ _MOTION.T + noise


def warp(means: Float64, covariances: Float64, camera_motion: Float64) -> tuple[Float64, Float64]:
    """Return means and covariances as they are after the camera has moved.

    Parameters
    ----------
    means, covariances : ndarray
        ``(m, 8)`` and ``(m, 8, 8)`` float64.
    camera_motion : ndarray
        ``(2, 3)`` float64, pixels: the affine map that carries a point of the frame before to this
        one. The size of a box follows its scale; its rotation turns places and velocities alone
        (the idea is BoT-SORT's).
    """
    turn = camera_motion[:, :2]
    linear = np.diag([1.0, 1.0, 1.0, math.sqrt(abs(np.linalg.det(turn)))] * 2)
    linear[:2, :2] = linear[4:6, 4:6] = turn
    warped = means @ linear.T
    warped[:, :2] += camera_motion[:, 2]
    return warped, linear @ covariances @ linear.T


def project(
    means: Float64, covariances: Float64, looseness: Float64 | None = None
) -> tuple[Float64, Float64]:
    """Return expected boxes ``(m, 4)`` and their covariances ``(m, 4, 4)``, with the noise of measurement.

    The noise of each is multiplied by `looseness` ``(m,)``, 1 by default.
    """
    std = means[:, 3:4] * _MEASURED + _MEASURED_ASPECT
    noise = _diagonal(std if looseness is None else std * looseness[:, None])
    return means[:, :4], covariances[:, :4, :4] + noise


def update(
    means: Float64, covariances: Float64, measured: Float64, looseness: Float64 | None = None
) -> tuple[Float64, Float64]:
    """Return means and covariances after each track has seen its box of ``measured`` ``(m, 4)`` (x, y, a, h)."""
    expected, spread = project(means, covariances, looseness)
    cross = covariances[:, :4, :]
    gains = np.linalg.solve(spread, cross).transpose(0, 2, 1)
    corrections = gains @ (measured - expected)[:, :, None]
    return means + corrections[:, :, 0], covariances - gains @ cross


def compute_gating_distances(
    means: Float64, covariances: Float64, measured: Float64, gate_dims: Literal[4, 2] = 4
) -> Float64:
    """Squared Mahalanobis distances ``(m, n)``; rows are tracks, columns are measured boxes.

    Parameters
    ----------
    means, covariances : ndarray
        ``(m, 8)`` and ``(m, 8, 8)`` float64.
    measured : ndarray
        ``(n, 4)`` float64 (x, y, a, h).
    gate_dims : {4, 2}
        Compare the whole box, or its centre alone.
    """
    expected, spread = project(means, covariances)
    differences = measured[None, :, :gate_dims] - expected[:, None, :gate_dims]
    factors = np.linalg.cholesky(spread[:, :gate_dims, :gate_dims])
    whitened = np.linalg.solve(factors, differences.transpose(0, 2, 1))
    distances: Float64 = np.square(whitened).sum(axis=1)
    return distances


def _diagonal(std: Float64) -> Float64:
    """Diagonal matrices ``(n, k, k)`` of the squares of standard deviations ``(n, k)``."""
    matrices: Float64 = np.square(std)[:, :, None] * np.eye(std.shape[1])
    return matrices
