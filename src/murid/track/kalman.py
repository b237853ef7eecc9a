"""Constant-velocity Kalman filter of many boxes at once: start, predict, update, gating distance.

A state is (x, y, a, h) of the box centre in pixels, aspect ratio w/h and height in pixels, followed by their velocities
per frame: means ``(m, 8)``, covariances ``(m, 8, 8)``, float64. Standard deviations follow the height of the box, as in
SORT's descendants (constants of FairMOT).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from murid.core import boxes as bx
from murid.core.types import Float32, Float64

POSITION_STD = 1 / 20
"""Standard deviation of a position, in heights of the box."""
VELOCITY_STD = 1 / 160
"""Standard deviation of a velocity, in heights of the box per frame."""
ASPECT_NOISE = 1e-2
"""Standard deviation by which the aspect ratio changes in one frame."""
GATES = {2: 5.9915, 4: 9.4877}
"""95 % quantiles of the chi-squared distribution, by its degrees of freedom: squared Mahalanobis distances."""

_START_STD = np.array([2, 2, 0, 2, 10, 10, 0, 10]) * ([POSITION_STD] * 4 + [VELOCITY_STD] * 4)
_START_ASPECT = np.array([0, 0, 1e-2, 0, 0, 0, 1e-5, 0])
_PROCESS_STD = np.array([1, 1, 0, 1, 1, 1, 0, 1]) * ([POSITION_STD] * 4 + [VELOCITY_STD] * 4)
_PROCESS_ASPECT = np.array([0, 0, 1, 0, 0, 0, 0, 0])
_PROCESS_ASPECT_VELOCITY = np.array([0, 0, 0, 0, 0, 0, 1e-5, 0])
_MEASURED_STD = np.array([1, 1, 0, 1]) * POSITION_STD
_MEASURED_ASPECT = np.array([0, 0, 1e-1, 0])
_MOTION = np.eye(8) + np.eye(8, k=4)


def measure(boxes: Float32) -> Float64:
    """Return xyxy boxes ``(n, 4)`` as the filter measures them: (x, y, a, h), float64."""
    return bx.to_cxcyah(boxes.astype(np.float64)).astype(np.float64, copy=False)


def start(measured: Float64) -> tuple[Float64, Float64]:
    """Return means and covariances of boxes ``(n, 4)`` (x, y, a, h) seen for the first time, at rest."""
    means = np.concatenate([measured, np.zeros_like(measured)], axis=1)
    return means, _diagonal(measured[:, 3:4] * _START_STD + _START_ASPECT)


def predict(means: Float64, covariances: Float64, aspect_noise: float = ASPECT_NOISE) -> tuple[Float64, Float64]:
    """Return means and covariances one frame later.

    Parameters
    ----------
    means, covariances : ndarray
        ``(m, 8)`` and ``(m, 8, 8)`` float64.
    aspect_noise : float
        Standard deviation by which the aspect ratio changes in one frame.
    """
    constant = aspect_noise * _PROCESS_ASPECT + _PROCESS_ASPECT_VELOCITY
    noise = _diagonal(means[:, 3:4] * _PROCESS_STD + constant)
    return means @ _MOTION.T, _MOTION @ covariances @ _MOTION.T + noise


def project(means: Float64, covariances: Float64) -> tuple[Float64, Float64]:
    """Return expected boxes ``(m, 4)`` and their covariances ``(m, 4, 4)`` with the noise of measurement."""
    noise = _diagonal(means[:, 3:4] * _MEASURED_STD + _MEASURED_ASPECT)
    return means[:, :4], covariances[:, :4, :4] + noise


def update(means: Float64, covariances: Float64, measured: Float64) -> tuple[Float64, Float64]:
    """Return means and covariances after each track has seen its box ``measured`` ``(m, 4)`` (x, y, a, h)."""
    expected, spread = project(means, covariances)
    cross = covariances[:, :4, :]
    gains = np.linalg.solve(spread, cross).transpose(0, 2, 1)
    innovation = measured - expected
    return means + np.einsum("mij,mj->mi", gains, innovation), covariances - gains @ cross


def compute_gating_distances(
    means: Float64, covariances: Float64, measured: Float64, gate_dims: Literal[4, 2] = 4
) -> Float64:
    """Squared Mahalanobis distances ``(m, n)`` between tracks (rows) and measured boxes ``(n, 4)`` (columns).

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
    difference = measured[None, :, :gate_dims] - expected[:, None, :gate_dims]
    factors = np.linalg.cholesky(spread[:, :gate_dims, :gate_dims])
    whitened = np.linalg.solve(factors, difference.transpose(0, 2, 1))
    distances: Float64 = np.square(whitened).sum(axis=1)
    return distances


def _diagonal(std: Float64) -> Float64:
    """Diagonal matrices ``(n, k, k)`` of the squares of standard deviations ``(n, k)``."""
    matrices: Float64 = np.square(std)[:, :, None] * np.eye(std.shape[1])
    return matrices
