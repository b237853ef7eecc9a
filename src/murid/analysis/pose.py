"""Posture of animals from keypoints: body heading, angular speed, orientation, following.

Keypoints are ``(F, 2, K, I)`` (time, space, keypoint, individual) in any unit of length, x to the
right and y down as in the image; `murid.core.keypoints` names them. Missing keypoints are NaN, and
so is every result that depends on them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.analysis.gaps import interpolate_gaps
from murid.analysis.kinematics import compute_turns, compute_velocity, differentiate
from murid.analysis.smoothing import smooth
from murid.core.keypoints import NOSE, TAIL_BASE
from murid.core.types import Bool, Float64


@dataclass(frozen=True, eq=False, slots=True)
class Pose:
    """Keypoints of the animals and the direction of their bodies, row by row.

    Attributes
    ----------
    keypoints_px : ndarray
        ``(R, 2, K, I)`` pixels, short gaps interpolated and smoothed; NaN = missing.
    body_heading_deg : ndarray
        ``(R, I)``, see `compute_body_heading`.
    body_turns_deg : ndarray
        ``(R, I)`` degrees: change of the body heading since the row before.
    angular_speed_deg_s : ndarray
        ``(R, I)``, see `compute_angular_speed`.
    """

    keypoints_px: Float64
    body_heading_deg: Float64
    body_turns_deg: Float64
    angular_speed_deg_s: Float64

    @classmethod
    def compute(
        cls,
        keypoints_px: Float64,
        time_s: Float64,
        *,
        max_gap_s: float,
        smooth_s: float,
        interval_s: float,
        is_gap: Bool,
    ) -> Pose:
        """Interpolate short gaps of keypoints, smooth them, and compute headings.

        Parameters
        ----------
        keypoints_px : ndarray
            ``(R, 2, K, I)``, NaN = missing.
        time_s, is_gap : ndarray
            ``(R,)``, see `murid.analysis.clock.Clock`.
        max_gap_s, smooth_s, interval_s : float
            See `murid.analysis.gaps.interpolate_gaps` and `murid.analysis.smoothing.smooth`.
        """
        n_rows, _, n_keypoints, n_animals = keypoints_px.shape
        # Each keypoint of each animal is interpolated and smoothed as a position of its own.
        columns = keypoints_px.reshape(n_rows, 2, n_keypoints * n_animals)
        columns = interpolate_gaps(columns, time_s, max_gap_s)
        columns = smooth(columns, time_s, smooth_s, interval_s)
        points = columns.reshape(keypoints_px.shape)
        heading_deg = compute_body_heading(
            points[:, :, NOSE].swapaxes(1, 2), points[:, :, TAIL_BASE].swapaxes(1, 2)
        )
        return cls(
            keypoints_px=points,
            body_heading_deg=heading_deg,
            body_turns_deg=compute_turns(heading_deg),
            angular_speed_deg_s=compute_angular_speed(heading_deg, time_s, is_gap),
        )


def compute_body_heading(nose: Float64, tail_base: Float64) -> Float64:
    """Return the direction from the tail base to the nose, degrees: 0 right, 90 up, -90 down.

    Parameters
    ----------
    nose, tail_base : ndarray
        ``(..., 2)``, NaN = missing.

    Returns
    -------
    ndarray
        ``(...)`` in [-180, 180]; NaN where a keypoint is missing or both are in one place.

    Notes
    -----
    This is the body axis, the angle that other programs call orientation (MARS) or forward vector
    (movement). `murid.analysis.kinematics.compute_heading` is the direction of movement, which
    differs from it when an animal turns its body at one place, or walks backwards.
    """
    x, y = np.moveaxis(nose - tail_base, -1, 0)
    # y points down in the image. 0 - y is never -0.0, for which the angle would be -180.
    heading_deg: Float64 = np.degrees(np.arctan2(0 - y, x))
    return np.where(np.hypot(x, y) > 0, heading_deg, np.nan)


def compute_angular_speed(
    heading_deg: Float64, time_s: Float64, is_gap: Bool | None = None
) -> Float64:
    """Return how fast a heading ``(F, I)`` changes, ``(F, I)`` degrees per second, 0 or more.

    It is the magnitude of the derivative of the heading, by central differences, see
    `murid.analysis.kinematics.differentiate`. Turns of more than 180 degrees from one frame to the
    next are taken for the shorter way round.
    """
    # The heading without its jump at 180 degrees: the sum of all turns so far.
    turns_deg = compute_turns(heading_deg)
    unwrapped_deg = np.cumsum(np.nan_to_num(turns_deg), axis=0)
    unwrapped_deg[np.isnan(heading_deg)] = np.nan
    speed: Float64 = np.abs(differentiate(unwrapped_deg, time_s, is_gap))
    # A central difference does not use the heading in its middle.
    speed[np.isnan(heading_deg)] = np.nan
    return speed


def compute_facing_angle(heading_deg: Float64, origin: Float64, target: Float64) -> Float64:
    """Return the angle ``(F,)`` between a heading and the line to a target, degrees in [0, 180].

    Parameters
    ----------
    heading_deg : ndarray
        ``(F,)``, see `compute_body_heading`.
    origin, target : ndarray
        ``(F, 2)``: where the line begins, and where it leads.

    Returns
    -------
    ndarray
        NaN where anything is missing or both points are the same.

    Notes
    -----
    The "facing angle" of MARS (Segalin et al. 2021, eLife 10:e63720).
    """
    line_deg = compute_body_heading(target, origin)
    facing_deg: Float64 = np.abs((line_deg - heading_deg + 180) % 360 - 180)
    return facing_deg


def find_oriented(
    heading_deg: Float64,
    nose: Float64,
    target: Float64,
    max_distance: float,
    max_angle_deg: float,
) -> Bool:
    """Return the frames ``(F,)`` in which an animal is oriented towards a target near its nose.

    The target is at most `max_distance` from the nose, and at most `max_angle_deg` from the
    direction in which the body points. Parameters are as in `compute_facing_angle`.
    """
    is_near = np.hypot(*(target - nose).T) <= max_distance
    facing_deg = compute_facing_angle(heading_deg, nose, target)
    is_oriented: Bool = is_near & (facing_deg <= max_angle_deg)
    return is_oriented


def find_nose_following(
    follower: Float64,
    leader: Float64,
    follower_pose: tuple[Float64, Float64],
    leader_pose: tuple[Float64, Float64],
    time_s: Float64,
    *,
    max_distance: float,
    min_speed: float,
    max_angle_deg: float,
    is_gap: Bool | None = None,
) -> Bool:
    """Return the frames ``(F,)`` in which one animal follows the tail base of another.

    The nose of the follower is at most `max_distance` from the tail base of the leader. The
    follower is behind the leader and oriented to its tail base: the line from the centre of the
    follower to this tail base is within `max_angle_deg` of the body headings of both. And both
    move, faster than `min_speed` and in the same direction within `max_angle_deg`.

    Parameters
    ----------
    follower, leader : ndarray
        ``(F, 2)``: centres of the animals, NaN = missing.
    follower_pose : tuple of ndarray
        Nose ``(F, 2)`` and body heading ``(F,)`` in degrees of the follower.
    leader_pose : tuple of ndarray
        Tail base ``(F, 2)`` and body heading ``(F,)`` in degrees of the leader.
    time_s : ndarray
        ``(F,)`` seconds.
    max_distance, min_speed, max_angle_deg : float
        Length, length per second, degrees.
    is_gap : ndarray, optional
        ``(F,)``, see `murid.analysis.kinematics.differentiate`.

    Notes
    -----
    After the follow behaviour of de Chaumont et al. (2012), Nature Methods 9:410, and the following
    of DeepOF (Bordes et al. 2023, Nature Communications 14:4319), both of which measure from the
    nose of one animal to the tail base of the other.
    """
    nose, follower_heading_deg = follower_pose
    tail_base, leader_heading_deg = leader_pose
    is_near = np.hypot(*(tail_base - nose).T) <= max_distance
    # The line begins at the centre, since it has no direction where the nose touches the other.
    is_oriented = compute_facing_angle(follower_heading_deg, follower, tail_base) <= max_angle_deg
    is_behind = compute_facing_angle(leader_heading_deg, follower, tail_base) <= max_angle_deg
    velocity = compute_velocity(np.stack([follower, leader], axis=2), time_s, is_gap)
    speeds = np.hypot(velocity[:, 0], velocity[:, 1])
    is_moving = speeds.min(axis=1) > min_speed
    dot = velocity.prod(axis=2).sum(axis=1)
    same_direction = dot >= np.cos(np.radians(max_angle_deg)) * speeds.prod(axis=1)
    is_following: Bool = is_near & is_oriented & is_behind & is_moving & same_direction
    return is_following
