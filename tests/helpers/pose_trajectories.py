"""Animals whose keypoints are known by construction."""

import numpy as np

from murid.core import Trajectories

# Nose and tail base are this far from the centre.
HALF_LENGTH_PX = 20.0


def make_pose_trajectories(
    centres, headings_deg, *, fps=30.0, time_s=None, confidence=0.9, **columns
) -> Trajectories:
    """Animals as straight lines of 40 px: nose, centre and tail base.

    `centres` are ``(F, 2)`` of each animal, `headings_deg` its body headings ``(F,)`` or one for
    all frames, counter-clockwise in the image. A body length is 40 px. `confidence` is one number
    or ``(F, K, I)``."""
    position = np.stack([np.asarray(path, float) for path in centres], axis=2)
    n_frames, _, n_animals = position.shape
    angles = np.radians(
        np.column_stack([np.broadcast_to(heading, n_frames) for heading in headings_deg])
    )
    # y points down in the image.
    along = HALF_LENGTH_PX * np.stack([np.cos(angles), -np.sin(angles)], axis=1)
    keypoints = np.stack([position + along, position, position - along], axis=2)
    shape = np.full(position.shape, 40 / np.sqrt(2))
    shape[np.isnan(position)] = np.nan
    return Trajectories(
        np.arange(n_frames) / fps if time_s is None else time_s,
        tuple("abcdef"[:n_animals]),
        position,
        shape,
        np.where(np.isnan(position[:, 0]), np.nan, 1.0),
        keypoints=keypoints,
        keypoint_confidence=np.broadcast_to(confidence, (n_frames, 3, n_animals)).astype(float),
        **columns,
    )


def stay(x, y, n_frames=300):
    """A path ``(F, 2)`` of one point."""
    return np.tile([float(x), float(y)], (n_frames, 1))


def walk(start, step, n_frames=300):
    """A straight path ``(F, 2)``."""
    return np.add(start, np.arange(n_frames)[:, None] * np.asarray(step, float))
