"""The motion model: how far animals move between frames, at any frame rate."""

import numpy as np
import pytest

from murid.core.types import Detections, DetectionTable
from murid.identification.motion import fit_motion
from murid.identification.tracklets import find_tracklets, to_shapes

BODY_PX = 40.0


def fit_to_random_walk(scale, n_animals=3, n_frames=400):
    """Fit to animals that move by `scale` body lengths between frames, in a large arena."""
    rng = np.random.default_rng(1)
    centres = rng.uniform(0, 800, (n_animals, 2))
    frames = []
    for _ in range(n_frames):
        centres = np.abs(centres + BODY_PX * scale * rng.normal(size=centres.shape))
        centres = 800 - np.abs(800 - centres)
        boxes = np.concatenate([centres - BODY_PX / 2, centres + BODY_PX / 2], axis=1)
        frames.append(Detections(boxes.astype(np.float32), np.full(n_animals, 0.9, np.float32)))
    table = DetectionTable.from_frames(frames)
    usable = np.ones(len(table), bool)
    # Unambiguous tracklets hold the slow moments only.
    tracklets = find_tracklets(table, usable, BODY_PX, 1.0)
    shapes = to_shapes(table.boxes[tracklets.rows], BODY_PX)
    return fit_motion(shapes, tracklets, 2.0, np.random.default_rng(0))


@pytest.mark.parametrize("scale", [0.5, 1.5])
def test_steps_of_fast_animals_are_measured_although_tracklets_hold_slow_ones(scale):
    motion = fit_to_random_walk(scale)
    assert motion.scales_without_velocity[0] == pytest.approx(scale, rel=0.4)


def test_a_missed_frame_at_a_low_rate_does_not_make_a_usual_step_impossible():
    motion = fit_to_random_walk(1.5)
    scale = motion._interpolate(motion.scales_without_velocity, np.array([2]))[0]
    assert scale > 1.0
