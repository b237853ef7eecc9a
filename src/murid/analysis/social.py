"""Social behaviour: distance, contact, following, huddling, the social network.

Distances are between the centres of boxes, in the unit of the positions.
"""

from __future__ import annotations

import numpy as np

from murid.analysis.kinematics import compute_velocity
from murid.core.types import Bool, Float64, Int64


def compute_distances(a: Float64, b: Float64) -> Float64:
    """Return the distance ``(F,)`` of two animals at ``(F, 2)``; NaN where either is missing."""
    distances: Float64 = np.hypot(*(a - b).T)
    return distances


def compute_distance_matrix(position: Float64, durations_s: Float64) -> Float64:
    """Return the mean distance ``(I, I)`` between animals at ``(F, 2, I)``.

    The mean is over the time in which both positions are known, from the durations ``(F,)`` of the
    frames; NaN without such time.
    """
    n = position.shape[2]
    matrix = np.full((n, n), np.nan)
    for i in range(n):
        for j in range(n):
            distances = compute_distances(position[:, :, i], position[:, :, j])
            known = np.isfinite(distances)
            known_s = float(durations_s[known].sum())
            if known_s > 0:
                matrix[i, j] = distances[known] @ durations_s[known] / known_s
    return matrix


def find_following(
    follower: Float64,
    leader: Float64,
    time_s: Float64,
    max_distance: float,
    min_speed: float,
    max_angle_deg: float,
    is_gap: Bool | None = None,
) -> Bool:
    """Return the frames ``(F,)`` in which one animal follows another.

    Both are faster than `min_speed`, at most `max_distance` apart, and move in the same direction
    within `max_angle_deg`; the follower moves towards the leader within the same angle. After the
    follow behaviour of de Chaumont et al. (2012), Nature Methods 9:410, with centres in place of
    noses.

    Parameters
    ----------
    follower, leader : ndarray
        ``(F, 2)``, NaN = missing.
    time_s : ndarray
        ``(F,)`` seconds.
    max_distance, min_speed, max_angle_deg : float
        Length, length per second, degrees.
    is_gap : ndarray, optional
        ``(F,)``, see `murid.analysis.kinematics.differentiate`.
    """
    velocity = compute_velocity(np.stack([follower, leader], axis=2), time_s, is_gap)
    follower_velocity = velocity[:, :, 0]
    leader_velocity = velocity[:, :, 1]
    follower_speed = np.hypot(*follower_velocity.T)
    leader_speed = np.hypot(*leader_velocity.T)
    to_leader = leader - follower
    distance = np.hypot(*to_leader.T)
    # Angles are compared by their cosines: a dot product over the product of the lengths.
    min_cosine = np.cos(np.radians(max_angle_deg))
    dot_velocities = (follower_velocity * leader_velocity).sum(axis=1)
    same_direction = dot_velocities >= min_cosine * follower_speed * leader_speed
    dot_to_leader = (follower_velocity * to_leader).sum(axis=1)
    towards_leader = dot_to_leader >= min_cosine * follower_speed * distance
    is_moving = np.minimum(follower_speed, leader_speed) > min_speed
    is_following: Bool = is_moving & (distance <= max_distance) & same_direction & towards_leader
    return is_following


def find_group_sizes(position: Float64, eligible: Bool, max_distance: float) -> Int64:
    """Return the size ``(F, I)`` of the group that each animal is in.

    Two animals are in one group if a chain of `eligible` animals ``(F, I)`` links them, each at
    most `max_distance` from the next. The size is 0 for animals that are not eligible, and 1 for an
    animal alone.
    """
    n_frames, _, n_animals = position.shape
    near = {}
    for i in range(n_animals):
        for j in range(i + 1, n_animals):
            is_near = compute_distances(position[:, :, i], position[:, :, j]) <= max_distance
            near[i, j] = np.flatnonzero(is_near & eligible[:, i] & eligible[:, j])
    # Connected components: neighbours take the lower label of the two until nothing changes.
    # Animals that are not eligible have negative labels and so are alone.
    labels = np.where(eligible, np.arange(n_animals), np.arange(-n_animals, 0))
    for _ in range(n_animals):
        before = labels.copy()
        for (i, j), frames in near.items():
            lower = np.minimum(labels[frames, i], labels[frames, j])
            labels[frames, i] = lower
            labels[frames, j] = lower
        if (before == labels).all():
            break
    sizes = np.zeros((n_frames, n_animals), np.int64)
    for i in range(n_animals):
        sizes += labels == labels[:, i : i + 1]
    return np.where(eligible, sizes, 0)


def compute_association(together: Bool, known: Bool, durations_s: Float64) -> float:
    """Return the association index of two animals: the share of time that they are together.

    It is the simple ratio index of Cairns and Schwager (1987), Animal Behaviour 35:1454, the weight
    of an edge of the social network. Only frames in which both positions are known count; NaN
    without such a frame. All arrays are ``(F,)``.
    """
    known_s = float(durations_s[known].sum())
    together_s = float(durations_s[together & known].sum())
    return together_s / known_s if known_s else float("nan")
