"""Keypoints stay with their boxes, whatever the detections are."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from murid.arenas.layout import Arena, Layout
from murid.core import Detections, DetectionTable
from murid.core.keypoints import CENTRE, NOSE, TAIL_BASE
from murid.errors import ConfigError
from murid.identification import IdentificationConfig, complete_keypoints
from murid.pipeline.per_arena import ArenaTracker, identify_per_arena
from murid.tracking import TrackingConfig, make_tracker

SIZE = 300


def make_frames(seed, n_frames):
    """Animals that vanish now and then, and clutter; the centre point says which row it is."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 5))
    places, speeds = rng.uniform(50, 250, (n, 2)), rng.normal(0, 3, (n, 2))
    frames, n_rows = [], 0
    for _ in range(n_frames):
        speeds = np.where((places < 30) | (places > 270), -speeds, speeds)
        places += speeds
        shown = rng.permutation(places[rng.random(n) < 0.9])
        shown = np.concatenate([shown, rng.uniform(20, 280, (rng.integers(0, 2), 2))])
        half = rng.uniform(12, 20, shown.shape)
        keypoints = rng.uniform(0, SIZE, (len(shown), 3, 3))
        keypoints[:, CENTRE, 0] = n_rows + np.arange(len(shown))
        keypoints[:, :, 2] = rng.uniform(0, 1, (len(shown), 3))
        keypoints[rng.random(len(shown)) < 0.1, NOSE] = [np.nan, np.nan, 0]
        n_rows += len(shown)
        boxes = np.concatenate([shown - half, shown + half], axis=1)
        frames.append(Detections(boxes, rng.uniform(0.3, 1, len(shown)), None, keypoints))
    return frames


def make_layout(n_arenas):
    width = SIZE / n_arenas
    if n_arenas == 1:
        return Layout(SIZE, SIZE)
    arenas = []
    for k in range(n_arenas):
        left, right = k * width, (k + 1) * width
        corners = ((left, 0.0), (right, 0.0), (right, float(SIZE)), (left, float(SIZE)))
        arenas.append(Arena(f"arena {k}", corners))
    return Layout(SIZE, SIZE, arenas=tuple(arenas))


def check_ends(found, detected):
    """Nose and tail base are those of the detection, in this order or the other one."""
    same = np.nan_to_num(found[:, :, :2]) == np.nan_to_num(detected[:, :, :2])
    exchanged = np.nan_to_num(found[:, :, :2]) == np.nan_to_num(detected[:, ::-1, :2])
    is_same, is_exchanged = same.all(axis=(1, 2)), exchanged.all(axis=(1, 2))
    assert (is_same | is_exchanged).all()
    has_both = ~np.isnan(detected[:, :, 0]).any(axis=1)
    assert is_same[~has_both].all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 2]), st.booleans())
def test_tracked_rows_keep_their_keypoints(seed, n_arenas, camera_moves):
    frames = make_frames(seed, 40)
    config = TrackingConfig(max_tracks=3)
    # With a moving camera, the reference tracker; else the compiled one.
    tracker = ArenaTracker(make_layout(n_arenas), config, 30.0, camera_moves=camera_moves)
    for chunk in (frames[:25], frames[25:]):
        table = DetectionTable.from_frames(chunk)
        motion = np.tile(np.eye(2, 3), (table.n_frames, 1, 1)) if camera_moves else None
        tracks = tracker.follow(table, motion)
        np.testing.assert_array_equal(tracks.detections.keypoints, table.keypoints)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_both_trackers_keep_keypoints(seed, camera_moves):
    frames = make_frames(seed, 20)
    # A box without area belongs to no track, and goes another way.
    flat = frames[5].boxes.copy()
    flat[:1, 2] = flat[:1, 0]
    frames[5] = replace(frames[5], boxes=flat)
    table = DetectionTable.from_frames(frames)
    for config in (TrackingConfig(max_tracks=3), TrackingConfig(output_boxes="detection")):
        tracker = make_tracker(config, 30.0, camera_moves=camera_moves)
        followed = tracker.follow(table).detections.keypoints
        np.testing.assert_array_equal(followed, table.keypoints)
        tracker = make_tracker(config, 30.0, camera_moves=camera_moves)
        for detections in frames:
            tracked = tracker.step(detections)
            np.testing.assert_array_equal(tracked.detections.keypoints, detections.keypoints)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 2]))
def test_identified_rows_keep_their_keypoints(seed, n_arenas):
    table = DetectionTable.from_frames(make_frames(seed, 60))
    times_s = np.arange(table.n_frames) / 30
    config = IdentificationConfig(smooth_boxes=False)
    layout = make_layout(n_arenas)
    try:
        result = identify_per_arena(table, layout, [4] * n_arenas, 30.0, config, times_s=times_s)
    except ConfigError:  # there are far more animals
        return
    found = complete_keypoints(result, table.keypoints, times_s, 30.0, config)
    is_detected = result.rows >= 0
    rows = result.rows[is_detected]
    # The row of which the centre says that it is.
    np.testing.assert_array_equal(found[is_detected, CENTRE, 0], rows)
    np.testing.assert_array_equal(table.boxes[rows], result.boxes[is_detected])
    ends = [NOSE, TAIL_BASE]
    # Unknown ends may have been interpolated since.
    is_interpolated = found[is_detected][:, ends, 2] == 0
    known = ~is_interpolated.any(axis=1)
    check_ends(found[is_detected][known][:, ends], table.keypoints[rows][known][:, ends])
    assert (found[is_detected][:, ends, 2] <= 1).all()
