"""Constant-velocity Kalman filter of many boxes at once: initiate, predict, update, gating.

A state is (x, y, a, h): box centre in pixels, aspect ratio w/h and height in pixels, followed by
their velocities per frame. Means are ``(m, 8)`` and covariances ``(m, 8, 8)``, float64. The noise
is proportional to the height of the box, as in DeepSORT and its descendants. The constants are
those of FairMOT.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from murid.core import boxes as bx
from murid.core.types import Float32, Float64

# Standard deviations of position, in box heights, and of velocity, in box heights per frame
# (DeepSORT, FairMOT). Larger values follow the detections more closely, with more jitter.
POSITION_STD = 1 / 20
VELOCITY_STD = 1 / 160

# Standard deviations of the aspect ratio (FairMOT): of a new state, of its velocity per frame, and
# of a measured box. They do not depend on the height.
INITIAL_ASPECT_RATIO_STD = 1e-2
ASPECT_RATIO_VELOCITY_STD = 1e-5
MEASURED_ASPECT_RATIO_STD = 1e-1

# Frame rate at which these constants hold: that of the pedestrian benchmarks.
NOISE_FPS = 30.0

# Squared Mahalanobis distance of a gate, by its dimensions: 95 % quantile of the chi-squared
# distribution.
GATING_THRESHOLDS = {2: 5.9915, 4: 9.4877}

# Parts of a standard deviation that do not depend on the height, for all 8 state dimensions.
INITIAL_CONSTANT_STD = np.array(
    [0, 0, INITIAL_ASPECT_RATIO_STD, 0, 0, 0, ASPECT_RATIO_VELOCITY_STD, 0]
)
_MEASURED_STD = np.array([1, 1, 0, 1]) * POSITION_STD
_MEASURED_CONSTANT_STD = np.array([0, 0, MEASURED_ASPECT_RATIO_STD, 0])
_TRANSITION = np.eye(8) + np.eye(8, k=4)


@dataclass(frozen=True, eq=False, slots=True)
class MotionModel:
    """Process model of the filter: how boxes move from one frame to the next.

    Attributes
    ----------
    initial_std, process_std : ndarray
        ``(8,)`` float64 standard deviations of a new state and of one step, in box heights.
    process_constant_std : ndarray
        ``(8,)`` float64 standard deviations of one step that do not depend on the height.
    velocity_factor : float
        Factor of the velocity of the centre in one frame; 1 = constant velocity.
    growth_factor : float
        Factor of the velocity of the height in one frame; 0 = constant height.
    """

    initial_std: Float64
    process_std: Float64
    process_constant_std: Float64
    velocity_factor: float
    growth_factor: float = 1.0

    @classmethod
    def from_noise(
        cls,
        *,
        aspect_ratio_std: float = 1e-2,
        fps: float = NOISE_FPS,
        velocity_decay_s: float | None = None,
        predict_growth: bool = True,
    ) -> MotionModel:
        """Return the motion model at a frame rate; the defaults are those of FairMOT.

        Parameters
        ----------
        aspect_ratio_std : float
            Standard deviation of the change of the aspect ratio in one frame.
        fps : float
            Frame rate. Positions and velocities are random walks, so longer steps have more noise.
        velocity_decay_s : float, optional
            Time constant in seconds of the exponential decay of the velocity; constant velocity by
            default.
        predict_growth : bool
            Whether a box that has grown is predicted to continue to grow.
        """
        step = NOISE_FPS / fps
        position = np.array([1, 1, 0, 1]) * POSITION_STD
        velocity = np.array([1, 1, 0, 1]) * VELOCITY_STD
        constant = np.array([0, 0, aspect_ratio_std, 0, 0, 0, ASPECT_RATIO_VELOCITY_STD, 0])
        return cls(
            initial_std=np.concatenate([2 * position, 10 * velocity * step]),
            process_std=np.concatenate([position * step**0.5, velocity * step**1.5]),
            process_constant_std=constant,
            velocity_factor=_compute_velocity_factor(velocity_decay_s, fps),
            growth_factor=float(predict_growth),
        )


def _compute_velocity_factor(velocity_decay_s: float | None, fps: float) -> float:
    """Return the factor by which velocity decays in one frame."""
    if velocity_decay_s is None:
        return 1.0
    if velocity_decay_s == 0:
        return 0.0
    return math.exp(-1 / (fps * velocity_decay_s))


def to_measurements(boxes: Float32) -> Float64:
    """Return xyxy boxes ``(n, 4)`` as measurements (x, y, a, h) of the filter, float64."""
    return bx.to_cxcyah(boxes.astype(np.float64)).astype(np.float64, copy=False)


def initiate(measurements: Float64, motion: MotionModel) -> tuple[Float64, Float64]:
    """Return means and covariances of new tracks at rest, from boxes ``(n, 4)`` (x, y, a, h)."""
    means = np.concatenate([measurements, np.zeros_like(measurements)], axis=1)
    std = measurements[:, 3:] * motion.initial_std + INITIAL_CONSTANT_STD
    return means, _to_diagonal_covariances(std)


def predict(means: Float64, covariances: Float64, motion: MotionModel) -> tuple[Float64, Float64]:
    """Return means ``(m, 8)`` and covariances ``(m, 8, 8)`` one frame later."""
    std = means[:, 3:4] * motion.process_std + motion.process_constant_std
    damped = means.copy()
    damped[:, 4:6] *= motion.velocity_factor
    damped[:, 7] *= motion.growth_factor
    predicted = damped @ _TRANSITION.T
    return predicted, _TRANSITION @ covariances @ _TRANSITION.T + _to_diagonal_covariances(std)


def warp(means: Float64, covariances: Float64, camera_motion: Float64) -> tuple[Float64, Float64]:
    """Return means and covariances after a camera motion (the idea is that of BoT-SORT).

    Parameters
    ----------
    means, covariances : ndarray
        ``(m, 8)`` and ``(m, 8, 8)`` float64.
    camera_motion : ndarray
        ``(2, 3)`` float64, pixels: affine map from points of the previous frame to this one. Its
        scale changes the height of boxes; its rotation changes positions and velocities alone.
    """
    rotation = camera_motion[:, :2]
    scale = math.sqrt(abs(np.linalg.det(rotation)))
    linear = np.diag([1.0, 1.0, 1.0, scale] * 2)
    linear[:2, :2] = rotation
    linear[4:6, 4:6] = rotation
    warped = means @ linear.T
    warped[:, :2] += camera_motion[:, 2]
    return warped, linear @ covariances @ linear.T


def project(
    means: Float64, covariances: Float64, noise_scales: Float64 | None = None
) -> tuple[Float64, Float64]:
    """Return expected boxes ``(m, 4)`` and covariances ``(m, 4, 4)`` with measurement noise.

    `noise_scales` ``(m,)`` multiplies the standard deviation of the noise of each; 1 by default.
    """
    std = means[:, 3:4] * _MEASURED_STD + _MEASURED_CONSTANT_STD
    if noise_scales is not None:
        std = std * noise_scales[:, None]
    return means[:, :4], covariances[:, :4, :4] + _to_diagonal_covariances(std)


def update(
    means: Float64,
    covariances: Float64,
    measurements: Float64,
    noise_scales: Float64 | None = None,
) -> tuple[Float64, Float64]:
    """Return means and covariances after measurements ``(m, 4)`` (x, y, a, h), one per track."""
    expected, expected_covariances = project(means, covariances, noise_scales)
    cross_covariances = covariances[:, :4, :]
    kalman_gains = np.linalg.solve(expected_covariances, cross_covariances).transpose(0, 2, 1)
    corrections = kalman_gains @ (measurements - expected)[:, :, None]
    return means + corrections[:, :, 0], covariances - kalman_gains @ cross_covariances


def compute_gating_distances(
    means: Float64, covariances: Float64, measurements: Float64, gating_dims: Literal[4, 2] = 4
) -> Float64:
    """Return squared Mahalanobis distances ``(m, n)``; rows are tracks, columns measured boxes.

    Parameters
    ----------
    means, covariances : ndarray
        ``(m, 8)`` and ``(m, 8, 8)`` float64.
    measurements : ndarray
        ``(n, 4)`` float64 (x, y, a, h).
    gating_dims : {4, 2}
        Compare the whole box, or the centre alone.
    """
    expected, expected_covariances = project(means, covariances)
    differences = measurements[None, :, :gating_dims] - expected[:, None, :gating_dims]
    factors = np.linalg.cholesky(expected_covariances[:, :gating_dims, :gating_dims])
    whitened = np.linalg.solve(factors, differences.transpose(0, 2, 1))
    distances: Float64 = np.square(whitened).sum(axis=1)
    return distances


def _to_diagonal_covariances(std: Float64) -> Float64:
    """Return diagonal matrices ``(n, k, k)`` of squared standard deviations ``(n, k)``."""
    matrices: Float64 = np.square(std)[:, :, None] * np.eye(std.shape[1])
    return matrices
