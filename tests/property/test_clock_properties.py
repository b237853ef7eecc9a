"""The clock: one scene gives the same tracks and identities at every frame rate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murid.arenas.layout import Layout
from murid.core import Detections, DetectionTable
from murid.pipeline.per_arena import identify_per_arena
from murid.tracking import Tracker, TrackingConfig, make_tracker

RATES = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 25.0, 30.0, 60.0, 120.0, 240.0, 500.0]
N_FRAMES, N_ANIMALS = 90, 3
LAYOUT = Layout(1000, 400)


def make_scene(seed=0, n_frames=N_FRAMES, n_clutter=16, fps=30.0):
    """Three animals apart from each other; some frames also show clutter that moves, or miss one.

    Up to 30 frames/s the images are the same. Above, the animals move less from frame to frame.
    """
    pace = min(1.0, 30 / fps)
    rng = np.random.default_rng(seed)
    frames = []
    for t in range(n_frames):
        x = np.array([150.0, 450.0, 750.0]) + 60 * np.sin(pace * t / 15 + np.arange(3))
        y = 150.0 + 40 * np.cos(pace * t / 11 + np.arange(3))
        shown = rng.random(3) > 0.03
        centres = np.column_stack([x, y])[shown]
        if 10 <= t < 10 + n_clutter:
            centres = np.concatenate([centres, [[900.0, 40.0 + 8 * pace * t]]])
        half = np.array([20.0, 12.0])
        boxes = np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)
        scores = np.full(len(boxes), 0.9, np.float32)
        appearance = rng.normal(size=(len(boxes), 6)).astype(np.float32)
        appearance /= np.linalg.norm(appearance, axis=1, keepdims=True)
        frames.append(Detections(boxes, scores, appearance))
    return DetectionTable.from_frames(frames)


@pytest.mark.parametrize("make", [make_tracker, lambda c, fps: Tracker(c, fps)])
@pytest.mark.parametrize("max_tracks", [None, N_ANIMALS])
def test_the_number_of_tracks_does_not_depend_on_the_frame_rate(make, max_tracks):
    found = {}
    for fps in RATES:
        table = make_scene(n_clutter=0, fps=fps)
        tracker = make(TrackingConfig(max_tracks=max_tracks), fps)
        ids = tracker.follow(table, times_s=np.arange(N_FRAMES) / fps).track_ids
        found[fps] = len(np.unique(ids[ids >= 0]))
    assert found == dict.fromkeys(RATES, N_ANIMALS)


@pytest.mark.parametrize("fps", RATES)
def test_the_number_of_identities_does_not_depend_on_the_frame_rate(fps):
    # 16 frames of clutter are not "16 s of a fourth animal" at one frame a second.
    table = make_scene(fps=fps)
    times_s = np.arange(N_FRAMES) / fps
    found = identify_per_arena(table, LAYOUT, [N_ANIMALS], fps, times_s=times_s)
    assert sorted(set(found.identity_ids.tolist())) == [1, 2, 3]
    x = (found.boxes[:, 0] + found.boxes[:, 2]) / 2
    for identity, (low, high) in enumerate([(80, 220), (380, 520), (680, 820)], start=1):
        own = x[found.identity_ids == identity]
        assert ((own > low) & (own < high)).all()
        assert len(own) > N_FRAMES - 5


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.floats(0.1, 500),
    st.lists(st.tuples(st.integers(1, N_FRAMES - 1), st.floats(0.0, 1e5)), max_size=4),
    st.floats(0, 0.45),
)
def test_any_clock_gives_identities_in_frames_that_exist(seed, fps, pauses, jitter):
    rng = np.random.default_rng(seed)
    table = make_scene(seed)
    times_s = np.arange(N_FRAMES) + rng.uniform(-jitter, jitter, N_FRAMES)
    times_s = times_s / fps
    for frame, pause_s in pauses:
        times_s[frame:] += pause_s
    found = identify_per_arena(table, LAYOUT, [N_ANIMALS], fps, times_s=times_s)
    assert found.frames.min() >= 0
    assert found.frames.max() < N_FRAMES
    detected = ~found.interpolated
    np.testing.assert_array_equal(found.frames[detected], table.frame_numbers[found.rows[detected]])
    keys = found.frames * 10 + found.identity_ids
    assert len(np.unique(keys)) == len(keys)
    crossings = found.crossings
    assert (crossings.first_frames <= crossings.last_frames).all()
    assert crossings.last_frames.max(initial=0) < N_FRAMES
