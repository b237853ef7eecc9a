"""What animals do with each other: distance, contact, following, huddling, the network of who is with whom.

Distances are between the centres of boxes, in the unit of the positions.
"""

from __future__ import annotations

import numpy as np

from murid.analysis.kinematics import compute_velocity
from murid.core.types import Bool, Float64, Int64


def compute_distances(a: Float64, b: Float64) -> Float64:
    """Distance ``(F,)`` between two animals at ``(F, 2)``; NaN where either is missing."""
    distances: Float64 = np.hypot(*(a - b).T)
    return distances


def compute_distance_matrix(position: Float64) -> Float64:
    """Mean distance ``(I, I)`` of any two animals at ``(F, 2, I)`` while both are known; NaN if they never are."""
    n = position.shape[2]
    matrix = np.full((n, n), np.nan)
    for i in range(n):
        for j in range(n):
            distances = compute_distances(position[:, :, i], position[:, :, j])
            if np.isfinite(distances).any():
                matrix[i, j] = np.nanmean(distances)
    return matrix


def find_following(
    follower: Float64,
    leader: Float64,
    time_s: Float64,
    within: float,
    above: float,
    angle_deg: float,
) -> Bool:
    """Frames ``(F,)`` in which one animal goes after another.

    Both are faster than `above`, no farther apart than `within`, and go the same way within
    `angle_deg`; the follower goes towards the leader within the same angle. After the follow
    behaviour of de Chaumont et al. (2012), Nature Methods 9:410, with centres in place of noses.

    Parameters
    ----------
    follower, leader : ndarray
        ``(F, 2)``, NaN = missing.
    time_s : ndarray
        ``(F,)`` seconds.
    within, above, angle_deg : float
        Length, length per second, degrees.
    """
    paces = compute_velocity(np.stack([follower, leader], axis=2), time_s)
    own, other, between = paces[:, :, 0], paces[:, :, 1], leader - follower
    speeds = np.hypot(*own.T), np.hypot(*other.T)
    distance = np.hypot(*between.T)
    least = np.cos(np.radians(angle_deg))
    same_way = (own * other).sum(axis=1) >= least * speeds[0] * speeds[1]
    towards = (own * between).sum(axis=1) >= least * speeds[0] * distance
    found: Bool = (np.minimum(*speeds) > above) & (distance <= within) & same_way & towards
    return found


def find_group_sizes(position: Float64, eligible: Bool, within: float) -> Int64:
    """Size ``(F, I)`` of the group that each animal is in.

    Animals are in one group if a chain of `eligible` ones ``(F, I)``, each no farther than `within`
    from the next, leads from one to the other; 0 for those that are not eligible, 1 for one alone.
    """
    n_frames, _, n = position.shape
    labels = np.where(eligible, np.arange(n), np.arange(-n, 0))
    near = {}
    for i in range(n):
        for j in range(i + 1, n):
            close = compute_distances(position[:, :, i], position[:, :, j]) <= within
            near[i, j] = np.flatnonzero(close & eligible[:, i] & eligible[:, j])
    for _ in range(n):
        before = labels.copy()
        for (i, j), frames in near.items():
            labels[frames, i] = labels[frames, j] = np.minimum(labels[frames, i], labels[frames, j])
        if (before == labels).all():
            break
    sizes = np.zeros((n_frames, n), np.int64)
    for i in range(n):
        sizes += labels == labels[:, i : i + 1]
    return np.where(eligible, sizes, 0)


def compute_association(together: Bool, known: Bool, durations_s: Float64) -> float:
    """Share of the time in which both animals are known that they are together; NaN if they never are.

    The simple ratio index of Cairns and Schwager (1987), Animal Behaviour 35:1454: the weight of an
    edge of the social network. All arrays are ``(F,)``.
    """
    total = float(durations_s[known].sum())
    return float(durations_s[together & known].sum()) / total if total else float("nan")
