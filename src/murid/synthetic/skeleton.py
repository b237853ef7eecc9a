"""Skeletons: spheres along a bent spine, seen from above or from the side, in body lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, Float64
from murid.synthetic.animal import Coat, Posture

SPINE_STATIONS = np.linspace(0, 1, 14, dtype=np.float32)
"""Positions of the spheres along the spine, from the rump (0) to the nose (1)."""

SPINE_LENGTH = 0.9
"""Length of the chain of spheres; their radii at both ends make up the rest of a body length."""

HEAD_STATION = 10
"""Number of the sphere that carries the ears."""

EYE_STATION = 11
"""Number of the sphere that carries the eye in a side view."""

# Number of the sphere in the middle of the body: the rump is rounder than the snout, so that the
# middle is half a sphere behind the middle of the chain.
_CENTRE_STATION = 6

# Number of spheres at each end of the chain that can make up the outline there.
_N_END_SPHERES = 5

# Outline of a lean rodent, by eye: half width seen from above, and height of the centre line above
# the ground seen from the side, at positions along the spine. The hip is widest.
_PROFILE_STATIONS = np.array([0.0, 0.1, 0.28, 0.48, 0.66, 0.76, 0.86, 0.95, 1.0], np.float32)
_HALF_WIDTHS = np.array([0.09, 0.15, 0.205, 0.19, 0.15, 0.125, 0.12, 0.065, 0.03], np.float32)
_HEIGHTS = np.array([0.13, 0.17, 0.215, 0.22, 0.19, 0.18, 0.17, 0.12, 0.09], np.float32)

# Angle of the spine of a fully reared animal, radians; half pi would be vertical.
_UPRIGHT_ANGLE = 1.15

# Uprightness above which the front feet leave the ground.
_MAX_REAR_ON_FOUR_FEET = 0.25

_N_TAIL_POINTS = 12
_HIND_FOOT_STATION = 3
_FRONT_FOOT_STATION = 10


@dataclass(frozen=True)
class Skeleton:
    """Position of the body parts, in body lengths.

    Attributes
    ----------
    spine : ndarray
        ``(14, 2)`` float32 centres of the spheres, x to the right and y down.
    angles : ndarray
        ``(14,)`` float32 direction of the spine at each sphere, radians.
    radii : ndarray
        ``(14,)`` float32 radii of the spheres.
    tail : ndarray
        ``(12, 2)`` float32 points from the root to the tip.
    feet : ndarray
        ``(k, 3)`` float32: x, y and radius of the visible feet.
    """

    spine: Float32
    angles: Float32
    radii: Float32
    tail: Float32
    feet: Float32

    @property
    def keypoints(self) -> Float32:
        """Nose, centre and tail base: ``(3, 2)`` float32, the ends on the outline of the body."""
        ahead = np.column_stack([np.cos(self.angles), np.sin(self.angles)])
        end = slice(-1, -1 - _N_END_SPHERES, -1)
        start = slice(0, _N_END_SPHERES)
        nose = _leave_body(self.spine[end], self.radii[end], ahead[-1])
        tail_base = _leave_body(self.spine[start], self.radii[start], -ahead[0])
        return np.stack([nose, self.spine[_CENTRE_STATION], tail_base]).astype(np.float32)


def pose_from_above(coat: Coat, posture: Posture) -> Skeleton:
    """Return the skeleton seen from straight above; the feet are hidden under the body."""
    # The spine bends evenly, and the neck turns in addition.
    neck = posture.neck * np.clip((SPINE_STATIONS - 0.7) / 0.3, 0, 1)
    turn = posture.bend * (SPINE_STATIONS - 0.5) + neck
    angles = posture.heading + turn
    length = posture.stretch * (1 - 0.5 * posture.rear)
    step_length = length * SPINE_LENGTH / (len(SPINE_STATIONS) - 1)
    steps = np.column_stack([np.cos(angles), np.sin(angles)]) * step_length
    spine = np.cumsum(steps, axis=0) - steps[0]
    spine = (spine - spine.mean(axis=0)).astype(np.float32)
    radii = _compute_radii(coat, posture, _HALF_WIDTHS)
    tail = _bend_tail(posture, spine[0], angles[0])
    return Skeleton(spine, angles, radii, tail, np.zeros((0, 3), np.float32))


def pose_from_side(coat: Coat, posture: Posture) -> Skeleton:
    """Return the skeleton seen from the side, facing right; y = 0 is the ground.

    An animal that faces the camera looks short.
    """
    # Foreshortening by the heading, and by a bent spine.
    foreshortening = 0.5 + 0.5 * abs(float(np.cos(posture.heading)))
    bend = min(abs(posture.bend), 2.0)
    length = SPINE_LENGTH * posture.stretch * foreshortening * (1 - 0.2 * bend)

    # Rearing rotates the body around the hip; the head leans with the neck.
    height = np.interp(SPINE_STATIONS, _PROFILE_STATIONS, _HEIGHTS) * coat.body_width
    along = SPINE_STATIONS * length
    pitch = _UPRIGHT_ANGLE * posture.rear * np.clip(SPINE_STATIONS / 0.25, 0, 1)
    lean = 0.2 * posture.neck * np.clip((SPINE_STATIONS - 0.7) / 0.3, 0, 1)
    x = along * np.cos(pitch) - (height - height[0]) * np.sin(pitch)
    y = -height[0] - along * np.sin(pitch + lean) - (height - height[0]) * np.cos(pitch)
    spine = np.column_stack([x, y]).astype(np.float32)
    angles = np.arctan2(np.gradient(y), np.gradient(x)).astype(np.float32)
    radii = _compute_radii(coat, posture, 0.95 * _HALF_WIDTHS)

    # The tail drops to the ground within its first third, and lies in waves.
    s = np.linspace(0, 1, _N_TAIL_POINTS)
    wave = 0.06 * posture.tail_bend * np.sin(3 * s)
    drop = spine[0, 1] * (1 - np.minimum(1, 3 * s)) - 0.015
    tail_x = x[0] - posture.tail_length * foreshortening * s
    tail_y = drop + np.minimum(0, wave)
    tail = np.column_stack([tail_x, tail_y]).astype(np.float32)
    return Skeleton(spine, angles, radii, tail, _place_feet(spine, posture))


def _leave_body(centres: Float32, radii: Float32, direction: NDArray[Any]) -> Float64:
    """Return the point ``(2,)`` where a ray from the first centre leaves all of the spheres."""
    to_centres = centres - centres[0]
    along = to_centres @ direction
    squared_half_chord = radii**2 - (to_centres**2).sum(axis=1) + along**2
    exits = along + np.sqrt(np.maximum(squared_half_chord, 0))
    farthest = exits[squared_half_chord >= 0].max()
    return np.asarray(centres[0] + farthest * direction, np.float64)


def _compute_radii(coat: Coat, posture: Posture, half_widths: Float32) -> Float32:
    """Return the radii ``(14,)`` of the spheres; a stretched body is thinner."""
    radii = np.interp(SPINE_STATIONS, _PROFILE_STATIONS, half_widths)
    return np.asarray(radii * coat.body_width / np.sqrt(posture.stretch), np.float32)


def _place_feet(spine: Float32, posture: Posture) -> Float32:
    """Return x, y and radius of the hind feet, and of the front feet unless the animal rears."""
    hind = spine[_HIND_FOOT_STATION, 0] + 0.03
    front = spine[_FRONT_FOOT_STATION, 0]
    feet = [(hind - 0.04, -0.03, 0.035), (hind + 0.03, -0.025, 0.03)]
    if posture.rear < _MAX_REAR_ON_FOUR_FEET:
        feet += [(front, -0.03, 0.03), (front + 0.04, -0.022, 0.025)]
    return np.array(feet, np.float32)


def _bend_tail(posture: Posture, root: Float32, angle: float) -> Float32:
    """Return ``(12, 2)`` points of a tail that starts opposite to the spine and curls."""
    s = np.linspace(0, 1, _N_TAIL_POINTS)
    angles = angle + np.pi + posture.tail_bend * s + 0.5 * posture.tail_bend * np.sin(4 * s)
    directions = np.column_stack([np.cos(angles), np.sin(angles)])
    steps = directions * posture.tail_length / (_N_TAIL_POINTS - 1)
    return np.asarray(root + np.cumsum(steps, axis=0), np.float32)
