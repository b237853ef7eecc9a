"""The compiled tracker assigns the same ids as the reference implementation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murid.core import Detections, DetectionTable
from murid.errors import ArrayError, ConfigError
from murid.tracking import MotionConfig, ScoreConfig, Tracker, TrackingConfig, make_tracker
from murid.tracking.compiled import kernel
from murid.tracking.compiled.tracker import CompiledTracker

CONFIGS = st.sampled_from(
    [
        TrackingConfig(),
        TrackingConfig(max_tracks=4),
        TrackingConfig(
            confirm_new_tracks=False,
            output_boxes="kalman",
            motion=MotionConfig(predict_growth=True, velocity_decay_s=None),
        ),
        TrackingConfig(
            scores=ScoreConfig(low=None),
            min_merged_overlap=None,
            neighbour_gate=None,
            output_boxes="detection",
        ),
        TrackingConfig(
            max_lost_s=0.2,
            scores=ScoreConfig(relative_detection=0, relative_new_track=0),
            motion=MotionConfig(scale_noise_with_fps=False),
            appearance_weight=1,
        ),
    ]
)


CLOCKS = st.sampled_from(["none", "regular", "jitter", "drops", "pauses"])


def make_times(seed: int, clock: str, n_frames: int, fps: float):
    """Return the times of frames on a regular or irregular clock; None = no times."""
    if clock == "none":
        return None
    rng = np.random.default_rng(seed)
    steps = np.ones(n_frames)
    if clock == "jitter":
        steps = rng.uniform(0.3, 1.7, n_frames)
    if clock == "drops":
        steps = rng.choice([1, 2, 3, 9], n_frames, p=[0.7, 0.1, 0.1, 0.1])
    if clock == "pauses":
        pauses = np.array([0.35, 1.0, 1.9, 2.1, 60.0]) * fps
        steps = np.where(rng.random(n_frames) < 0.15, rng.choice(pauses, n_frames), 1)
    return np.cumsum(steps) / fps


def make_frames(seed: int, n: int, size: int) -> list[Detections]:
    """Crowded animals that touch, overlap, merge and are lost; some boxes have no area."""
    rng = np.random.default_rng(seed)
    places, appearance, frames = rng.uniform(50, 350, (n, 2)), rng.normal(size=(n, size)), []
    for _ in range(40):
        places += rng.normal(0, 6, places.shape)
        shown = rng.random(n) < rng.choice([0, 0.5, 0.9, 1])
        half = (
            [20, 14]
            * rng.uniform(0.7, 1.4, (shown.sum(), 2))
            * (1 + (rng.random((shown.sum(), 1)) < 0.1))
        )
        boxes = np.concatenate([places[shown] - half, places[shown] + half], axis=1).astype(
            np.float32
        )
        if len(boxes) and rng.random() < 0.1:
            boxes[0, 2] = boxes[0, 0]
        scores = rng.uniform(0.05, 1, len(boxes)).astype(np.float32)
        seen = (appearance[shown] + rng.normal(0, 0.5, (len(boxes), size))).astype(np.float32)
        seen /= np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1e-9)
        frames.append(Detections(boxes, scores, seen if size else None))
    return frames


@settings(max_examples=120, deadline=None)
@given(
    st.integers(0, 10**6),
    CONFIGS,
    st.integers(1, 14),
    st.sampled_from([0, 8]),
    st.sampled_from([0.5, 12.5, 30.0, 120.0]),
    CLOCKS,
)
def test_compiled_and_reference_agree(seed, config, n, size, fps, clock):
    frames = make_frames(seed, n, size)
    times_s = make_times(seed, clock, len(frames), fps)
    reference, stepped, whole = (
        Tracker(config, fps),
        CompiledTracker(config, fps),
        CompiledTracker(config, fps),
    )
    together = whole.follow(DetectionTable.from_frames(frames), times_s=times_s)
    for t, detections in enumerate(frames):
        time_s = None if times_s is None else float(times_s[t])
        expected = reference.step(detections, time_s=time_s)
        found = stepped.step(detections, time_s=time_s)
        np.testing.assert_array_equal(found.track_ids, expected.track_ids)
        np.testing.assert_allclose(found.detections.boxes, expected.detections.boxes, atol=1e-2)
        np.testing.assert_array_equal(together[t].track_ids, expected.track_ids)
        np.testing.assert_array_equal(together[t].detections.boxes, found.detections.boxes)


def make_cluttered_frames(seed: int) -> list[Detections]:
    """Animals that walk, and clutter and animals that never move; many are detected late."""
    rng = np.random.default_rng(seed)
    n = rng.integers(2, 8)
    places = rng.uniform(50, 550, (n, 2))
    steps = np.where(rng.random(n) < 0.5, 12, 0.5)
    mean_scores = rng.uniform(0.3, 1, n)
    first_frames = rng.integers(0, 20, n)
    frames = []
    for t in range(100):
        places += rng.normal(0, 1, (n, 2)) * steps[:, None]
        shown = (rng.random(n) < 0.9) & (first_frames <= t)
        half = np.array([20, 14]) * rng.uniform(0.9, 1.1, (shown.sum(), 2))
        boxes = np.concatenate([places[shown] - half, places[shown] + half], axis=1)
        scores = np.clip(mean_scores[shown] + rng.normal(0, 0.1, shown.sum()), 0.05, 1)
        frames.append(Detections(boxes.astype(np.float32), scores.astype(np.float32)))
    return frames


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 4),
    st.sampled_from([1.0, 5.0, 10.0, 30.0]),
    CLOCKS,
)
def test_tracks_are_replaced_alike(seed, max_tracks, fps, clock):
    frames = make_cluttered_frames(seed)
    times_s = make_times(seed, clock, len(frames), fps)
    table = DetectionTable.from_frames(frames)
    config = TrackingConfig(max_tracks=max_tracks)
    expected = Tracker(config, fps).follow(table, times_s=times_s)
    found = CompiledTracker(config, fps).follow(table, times_s=times_s)
    np.testing.assert_array_equal(found.track_ids, expected.track_ids)
    np.testing.assert_allclose(found.detections.boxes, expected.detections.boxes, atol=1e-2)


def test_read_only_arrays_need_no_second_compilation():
    table = DetectionTable.from_frames(make_frames(0, 4, 8))
    CompiledTracker(TrackingConfig(), 30).follow(table)
    for array in (table.boxes, table.scores, table.embeddings, table.frame_offsets):
        array.flags.writeable = False
        CompiledTracker(TrackingConfig(), 30).follow(table)
    assert len(kernel.track_frames.signatures) == 1


def test_make_tracker_chooses_the_compiled_one_if_supported():
    assert isinstance(make_tracker(TrackingConfig(), 30), CompiledTracker)
    assert isinstance(make_tracker(TrackingConfig(), 30, camera_moves=True), Tracker)
    assert isinstance(make_tracker(TrackingConfig.paper(), 30), Tracker)


def test_invalid_input_is_refused_as_by_the_reference():
    with pytest.raises(ConfigError, match="fps"):
        CompiledTracker(TrackingConfig(), 0)
    with pytest.raises(ConfigError, match="association"):
        CompiledTracker(TrackingConfig.paper(), 30)
    tracker = CompiledTracker(TrackingConfig(), 30)
    tracker.step(next(frame for frame in make_frames(0, 3, 8) if len(frame)))
    with pytest.raises(ArrayError, match="size 8"):
        tracker.step(Detections(np.array([[0, 0, 5, 5]], np.float32), np.ones(1, np.float32)))
    with pytest.raises(ArrayError, match="finite"):
        tracker.step(Detections(np.array([[0, 0, np.nan, 5]], np.float32), np.ones(1, np.float32)))
