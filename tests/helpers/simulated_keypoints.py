"""Animals whose nose and tail base are known: they rest, walk, turn, and back up slowly."""

from dataclasses import dataclass

import numpy as np

from murid.core.keypoints import CENTRE, CONFIDENCE, NOSE, TAIL_BASE

BODY_PX = 60.0
BODY_WIDTH_PX = 24.0
# Forward speed in body lengths per second, rotation in radians per second, duration in seconds.
BEHAVIOURS = {
    "rest": (0.0, 0.0, (2, 8)),
    "walk": (2.5, 0.6, (1, 4)),
    "turn": (0.2, 3.5, (0.4, 1.0)),
    "back up": (-0.4, 0.2, (0.5, 1.5)),
}


@dataclass(frozen=True)
class SimulatedAnimal:
    """One animal: `truth` and `boxes` without noise, and the behaviour in each frame."""

    times_s: np.ndarray
    truth: np.ndarray
    boxes: np.ndarray
    behaviours: np.ndarray

    def detect(self, seed, noise=0.05, confidences=(0.5, 1.0)):
        """Return keypoints as a detector finds them, with noise in body lengths."""
        rng = np.random.default_rng(seed)
        keypoints = self.truth.copy()
        keypoints[:, :, :2] += rng.normal(0, noise * BODY_PX, keypoints[:, :, :2].shape)
        keypoints[:, :, CONFIDENCE] = rng.uniform(*confidences, keypoints.shape[:2])
        return keypoints.astype(np.float32)

    def find_wrong(self, keypoints):
        """Whether nose and tail base are nearer to the wrong end."""
        axes = keypoints[:, NOSE, :2] - keypoints[:, TAIL_BASE, :2]
        true_axes = self.truth[:, NOSE, :2] - self.truth[:, TAIL_BASE, :2]
        return (axes * true_axes).sum(axis=1) < 0


def simulate(duration_s, fps=30.0, seed=0, behaviours=tuple(BEHAVIOURS)):
    """Simulate one animal in a large arena."""
    rng = np.random.default_rng(seed)
    n = round(duration_s * fps)
    speeds, rotations, names = np.empty(n), np.empty(n), np.empty(n, object)
    start = 0
    while start < n:
        name = behaviours[rng.integers(len(behaviours))]
        speed, rotation, durations_s = BEHAVIOURS[name]
        stop = start + max(1, round(rng.uniform(*durations_s) * fps))
        speeds[start:stop] = speed * rng.uniform(0.7, 1.3)
        rotations[start:stop] = rotation * rng.choice([-1, 1])
        names[start:stop] = name
        start = stop
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rotations) / fps
    directions = np.column_stack([np.cos(angles), np.sin(angles)])
    centres = 500 + np.cumsum(speeds[:, None] * directions, axis=0) / fps * BODY_PX
    truth = np.empty((n, 3, 3))
    truth[:, CENTRE, :2] = centres
    truth[:, NOSE, :2] = centres + directions * BODY_PX / 2
    truth[:, TAIL_BASE, :2] = centres - directions * BODY_PX / 2
    truth[:, :, CONFIDENCE] = 1
    # The box of an ellipse.
    half = np.sqrt((directions * BODY_PX / 2) ** 2 + (directions[:, ::-1] * BODY_WIDTH_PX / 2) ** 2)
    boxes = np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)
    return SimulatedAnimal(np.arange(n) / fps, truth, boxes, names)


def exchange(keypoints, frames):
    """Return keypoints with nose and tail base exchanged in some frames, given as a mask."""
    exchanged = keypoints.copy()
    exchanged[frames, NOSE] = keypoints[frames, TAIL_BASE]
    exchanged[frames, TAIL_BASE] = keypoints[frames, NOSE]
    return exchanged


def choose_bursts(animal, share, fps=30.0, duration_s=1.0, seed=0):
    """Return a mask of bursts at rest, as many as make the share of all frames."""
    rng = np.random.default_rng(seed)
    length = round(duration_s * fps)
    mask = np.zeros(len(animal.times_s), bool)
    is_rest = animal.behaviours == "rest"
    starts = [k for k in range(len(mask) - length) if is_rest[k : k + length].all()]
    while mask.mean() < share:
        start = rng.choice(starts)
        mask[start : start + length] = True
    return mask
