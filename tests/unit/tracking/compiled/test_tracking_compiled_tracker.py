import numpy as np
import pytest

from murid.core import Detections
from murid.errors import ConfigError
from murid.tracking import MotionConfig, Tracker, TrackingConfig
from murid.tracking.compiled.tracker import CompiledTracker


def make_frames(n_frames=12):
    """Two animals that pass each other; one is not detected for three frames."""
    frames = []
    for t in range(n_frames):
        boxes = [(10 + 8 * t, 50, 50 + 8 * t, 80), (120 - 8 * t, 90, 160 - 8 * t, 120)]
        kept = boxes[:1] if 4 <= t < 7 else boxes
        scores = np.full(len(kept), 0.9, np.float32)
        frames.append(Detections(np.array(kept, np.float32), scores))
    return frames


def test_ids_and_boxes_are_those_of_the_tracker():
    compiled = CompiledTracker(TrackingConfig(), fps=30)
    reference = Tracker(TrackingConfig(), fps=30)
    for detections in make_frames():
        own = compiled.step(detections)
        expected = reference.step(detections)
        np.testing.assert_array_equal(own.track_ids, expected.track_ids)
        np.testing.assert_allclose(own.detections.boxes, expected.detections.boxes, atol=1e-3)


def test_the_method_of_the_paper_is_not_compiled():
    with pytest.raises(ConfigError, match="supports"):
        CompiledTracker(TrackingConfig.paper(), fps=30)


def make_crowd(seed: int, n: int = 7, n_frames: int = 60) -> list[Detections]:
    """Animals that touch, merge and are missed, and clutter, with embeddings."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(50, 250, (n, 2))
    appearance = rng.normal(size=(n, 4))
    frames = []
    for _ in range(n_frames):
        places += rng.normal(0, 5, places.shape)
        shown = rng.random(n) < rng.choice([0.4, 0.9, 1.0])
        is_merged = rng.random((shown.sum(), 1)) < 0.1
        half = [20, 14] * rng.uniform(0.8, 1.3, (shown.sum(), 2)) * (1 + is_merged)
        boxes = np.concatenate([places[shown] - half, places[shown] + half], axis=1)
        scores = rng.uniform(0.05, 1, len(boxes))
        seen = appearance[shown] + rng.normal(0, 0.5, (len(boxes), 4))
        seen /= np.linalg.norm(seen, axis=1, keepdims=True)
        frames.append(
            Detections(boxes.astype(np.float32), scores.astype(np.float32), seen.astype(np.float32))
        )
    return frames


@pytest.mark.parametrize(
    "config",
    [
        TrackingConfig(),
        TrackingConfig(max_tracks=4),
        TrackingConfig(
            max_lost_s=0.3,
            low_score_max_cost=0.9,
            appearance_weight=1.0,
            output_boxes="kalman",
            motion=MotionConfig(predict_growth=True, velocity_decay_s=None),
        ),
    ],
    ids=["default", "number known", "other settings"],
)
def test_a_crowd_is_tracked_as_by_the_reference(config):
    for seed in range(4):
        compiled = CompiledTracker(config, fps=12.0)
        reference = Tracker(config, fps=12.0)
        # Every tenth frame comes late, every thirtieth after a pause.
        time_s = 0.0
        for t, detections in enumerate(make_crowd(seed)):
            time_s += 30.0 if t % 30 == 29 else 0.25 if t % 10 == 9 else 1 / 12
            own = compiled.step(detections, time_s=time_s)
            expected = reference.step(detections, time_s=time_s)
            np.testing.assert_array_equal(own.track_ids, expected.track_ids)
            np.testing.assert_allclose(own.detections.boxes, expected.detections.boxes, atol=1e-2)


@pytest.mark.parametrize("tracker_class", [Tracker, CompiledTracker])
def test_an_animal_that_walks_takes_the_place_of_clutter_at_rest(tracker_class):
    tracker = tracker_class(TrackingConfig(max_tracks=1), fps=10.0)
    clutter = (300, 300, 340, 330)
    for t in range(60):
        animal = (10 + 6 * t, 50, 50 + 6 * t, 80)
        boxes = np.array([clutter, animal] if t >= 5 else [clutter], np.float32)
        ids = tracker.step(Detections(boxes, np.full(len(boxes), 0.6, np.float32))).track_ids
    assert ids.tolist() == [-1, 2]
