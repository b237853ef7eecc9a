"""The body as a chain of spheres along a bent spine, seen from above or from the side, in body lengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from murid.synthetic.animal import Coat, Posture

Float = NDArray[np.float32]

STATIONS = np.linspace(0, 1, 14, dtype=np.float32)
"""Places of the spheres from rump (0) to nose (1)."""
_WIDTH_STATIONS = np.array([0.0, 0.1, 0.28, 0.48, 0.66, 0.76, 0.86, 0.95, 1.0], np.float32)
_HALF_WIDTHS = np.array([0.09, 0.15, 0.205, 0.19, 0.15, 0.125, 0.12, 0.065, 0.03], np.float32)
_LIFTS = np.array([0.13, 0.17, 0.215, 0.22, 0.19, 0.18, 0.17, 0.12, 0.09], np.float32)
_UPRIGHT = 1.15


@dataclass(frozen=True)
class Skeleton:
    """Where the body is.

    Attributes
    ----------
    spine : ndarray
        ``(14, 2)`` float32 centres of the spheres, x to the right and y down, body lengths.
    angles : ndarray
        ``(14,)`` float32 direction of the spine at each, radians.
    radii : ndarray
        ``(14,)`` float32.
    tail : ndarray
        ``(12, 2)`` float32 from root to tip.
    feet : ndarray
        ``(k, 3)`` float32: x, y and radius of the feet that are seen.
    """

    spine: Float
    angles: Float
    radii: Float
    tail: Float
    feet: Float


def pose_from_above(coat: Coat, posture: Posture) -> Skeleton:
    """Skeleton seen from straight above; its feet are under the body."""
    spine, angles, radii = _bend_spine(coat, posture)
    tail = _bend_tail(posture, spine[0], angles[0])
    return Skeleton(spine, angles, radii, tail, np.zeros((0, 3), np.float32))


def pose_from_the_side(coat: Coat, posture: Posture) -> Skeleton:
    """Skeleton seen from the side, facing right; y = 0 is the ground. An animal that faces the camera looks short."""
    seen = 0.5 + 0.5 * abs(float(np.cos(posture.heading)))
    length = 0.9 * posture.stretch * seen * (1 - 0.2 * min(abs(posture.bend), 2.0))
    lift = np.interp(STATIONS, _WIDTH_STATIONS, _LIFTS) * coat.stoutness
    along = STATIONS * length
    reared = _UPRIGHT * posture.rear * np.clip(STATIONS / 0.25, 0, 1)
    lean = 0.2 * posture.neck * np.clip((STATIONS - 0.7) / 0.3, 0, 1)
    x = along * np.cos(reared) - (lift - lift[0]) * np.sin(reared)
    y = -lift[0] - along * np.sin(reared + lean) - (lift - lift[0]) * np.cos(reared)
    spine = np.column_stack([x, y]).astype(np.float32)
    angles = np.arctan2(np.gradient(y), np.gradient(x)).astype(np.float32)
    radii = (
        np.interp(STATIONS, _WIDTH_STATIONS, 0.95 * _HALF_WIDTHS)
        * coat.stoutness
        / np.sqrt(posture.stretch)
    )
    s = np.linspace(0, 1, 12)
    wave = 0.06 * posture.tail_bend * np.sin(3 * s)
    drop = spine[0, 1] * (1 - np.minimum(1, 3 * s)) - 0.015
    tail = np.column_stack([x[0] - posture.tail_length * seen * s, drop + np.minimum(0, wave)])
    return Skeleton(
        spine, angles, radii.astype(np.float32), tail.astype(np.float32), _stand(spine, posture)
    )


def _stand(spine: Float, posture: Posture) -> Float:
    """Hind foot on the ground, and the front one while the animal is down."""
    hind, front = spine[3, 0] + 0.03, spine[10, 0]
    feet = [(hind - 0.04, -0.03, 0.035), (hind + 0.03, -0.025, 0.03)]
    if posture.rear < 0.25:
        feet += [(front, -0.03, 0.03), (front + 0.04, -0.022, 0.025)]
    return np.array(feet, np.float32)


def _bend_spine(coat: Coat, posture: Posture) -> tuple[Float, Float, Float]:
    """Spine points (14, 2), their directions and the body's half widths, in body lengths from rump to nose."""
    length = posture.stretch * (1 - 0.5 * posture.rear)
    turn = posture.bend * (STATIONS - 0.5) + posture.neck * np.clip((STATIONS - 0.7) / 0.3, 0, 1)
    angles = posture.heading + turn
    steps = np.column_stack([np.cos(angles), np.sin(angles)]) * (length * 0.9 / (len(STATIONS) - 1))
    spine = np.cumsum(steps, axis=0) - steps[0]
    radii = (
        np.interp(STATIONS, _WIDTH_STATIONS, _HALF_WIDTHS)
        * coat.stoutness
        / np.sqrt(posture.stretch)
    )
    return (spine - spine.mean(axis=0)).astype(np.float32), angles, radii.astype(np.float32)


def _bend_tail(posture: Posture, root: Float, angle: float) -> Float:
    s = np.linspace(0, 1, 12)
    angles = angle + np.pi + posture.tail_bend * s + 0.5 * posture.tail_bend * np.sin(4 * s)
    steps = np.column_stack([np.cos(angles), np.sin(angles)]) * posture.tail_length / 11
    return np.asarray(root + np.cumsum(steps, axis=0), np.float32)
