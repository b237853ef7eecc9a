"""Tracklets, and chains of nearest detections."""

import numpy as np

from murid.core import Detections, DetectionTable
from murid.identification.motion import fit_motion
from murid.identification.tracklets import (
    compute_max_displacement,
    find_nearest_chains,
    find_tracklets,
    to_shapes,
)

BODY_PX, FPS = 40.0, 2.0


def make_runner(n_frames=300, step_px=30.0):
    """Return detections of an animal that runs for 10 s and rests for 5 s in turn."""
    rng = np.random.default_rng(0)
    running = np.arange(n_frames) % 30 < 20
    angles = rng.uniform(0, 2 * np.pi, n_frames)
    steps = step_px * running[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    runner = 300 + np.cumsum(steps, axis=0) % 100
    frames = []
    for centre in runner:
        centres = centre + rng.normal(0, 0.3, (1, 2))
        boxes = np.concatenate([centres - BODY_PX / 2, centres + BODY_PX / 2], axis=1)
        frames.append(Detections(boxes.astype(np.float32), np.full(1, 0.9, np.float32)))
    return DetectionTable.from_frames(frames)


def test_chains_follow_animals_that_tracklets_lose():
    table = make_runner()
    usable = np.ones(len(table), bool)
    tracklets = find_tracklets(table, usable, BODY_PX, 0.5)
    chains = find_nearest_chains(table, usable, BODY_PX)
    assert len(tracklets) > 50
    assert chains.lengths.tolist() == [300]


def test_motion_of_fast_animals_is_measured_on_chains():
    """Tracklets show resting animals only, where those that run are cut into single detections."""
    table = make_runner()
    usable = np.ones(len(table), bool)
    scales = []
    for found in (
        find_tracklets(table, usable, BODY_PX, min(0.5, compute_max_displacement(FPS))),
        find_nearest_chains(table, usable, BODY_PX),
    ):
        shapes = to_shapes(table.boxes[found.rows], BODY_PX)
        motion = fit_motion(shapes, found, FPS, np.random.default_rng(0))
        scales.append(np.interp(10, motion.gap_frames, motion.scales_without_velocity))
    assert scales[1] > 3 * scales[0]


def test_at_low_frame_rates_only_resting_animals_are_chained():
    """What is nearest to where an animal was may be another one, if it moved."""
    frames = []
    for t in range(20):
        # The animal moves on by 0.4 body lengths in each second frame.
        centres = np.array([[BODY_PX * (3 + 0.4 * (t // 2)), 200.0]])
        boxes = np.concatenate([centres - BODY_PX / 2, centres + BODY_PX / 2], axis=1)
        frames.append(Detections(boxes.astype(np.float32), np.full(1, 0.9, np.float32)))
    table = DetectionTable.from_frames(frames)
    usable = np.ones(len(table), bool)
    lengths = {
        fps: find_tracklets(table, usable, BODY_PX, compute_max_displacement(fps)).lengths.tolist()
        for fps in (2.0, 5.0, 10.0)
    }
    assert lengths == {2.0: [2] * 10, 5.0: [2] * 10, 10.0: [20]}
