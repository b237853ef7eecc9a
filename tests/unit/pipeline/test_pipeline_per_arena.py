"""Animals of several arenas: as if each arena had been recorded alone."""

import numpy as np
import pytest

from murid.arenas.layout import Arena, Layout
from murid.core import Detections, DetectionTable
from murid.errors import ConfigError
from murid.identification import IdentificationConfig, link_tracklets
from murid.identification.point_matches import PointMatches
from murid.pipeline.per_arena import (
    ArenaTracker,
    _select_point_matches,
    count_animals,
    identify_per_arena,
)
from murid.tracking import Tracker, TrackingConfig

N = 120
WEST = Arena("west", ((0, 0), (200, 0), (200, 200), (0, 200)))
EAST = Arena("east", ((200, 0), (400, 0), (400, 200), (200, 200)))
LAYOUT = Layout(400, 200, (WEST, EAST))


def make_frames(rng: np.random.Generator, n_animals: int, left: float) -> list[Detections]:
    """Animals that walk about within 160 pixels, each with its own appearance."""
    appearance = rng.normal(0, 1, (n_animals, 16))
    at = rng.uniform(40, 160, (n_animals, 2)) + np.array([left, 0])
    frames = []
    for _ in range(N):
        at += rng.normal(0, 1.5, at.shape)
        at = np.clip(at, [left + 20, 20], [left + 180, 180])
        observed = appearance + rng.normal(0, 0.2, appearance.shape)
        boxes = np.column_stack([at - 10, at + 10]).astype(np.float32)
        embeddings = (observed / np.linalg.norm(observed, axis=1, keepdims=True)).astype(np.float32)
        frames.append(Detections(boxes, np.full(n_animals, 0.9, np.float32), embeddings))
    return frames


@pytest.fixture
def halves():
    rng = np.random.default_rng(0)
    return make_frames(rng, 3, 0), make_frames(rng, 2, 200)


def mix(a: Detections, b: Detections, order) -> Detections:
    boxes, scores = (
        np.concatenate([a.boxes, b.boxes])[order],
        np.concatenate([a.scores, b.scores])[order],
    )
    return Detections(boxes, scores, np.concatenate([a.embeddings, b.embeddings])[order])


def test_identities_are_those_of_each_arena_alone(halves):
    orders = np.random.default_rng(1).permuted(np.tile(np.arange(5), (N, 1)), axis=1)
    table = DetectionTable.from_frames(
        [mix(a, b, order) for a, b, order in zip(*halves, orders, strict=True)]
    )
    plain = DetectionTable(table.boxes, table.scores, None, table.frame_offsets)
    parts = [(0, table.embeddings[:200]), (200, table.embeddings[200:])]
    result = identify_per_arena(plain, LAYOUT, [3, 2], 30.0, None, lambda: iter(parts))
    for half, offset, count in ((halves[0], 0, 3), (halves[1], 3, 2)):
        alone = DetectionTable.from_frames(half)
        expected = link_tracklets(
            alone, count, 30.0, None, lambda alone=alone: iter([(0, alone.embeddings)])
        )
        of_arena = (result.identity_ids > offset) & (result.identity_ids <= offset + count)
        np.testing.assert_array_equal(result.frames[of_arena], expected.frames)
        np.testing.assert_array_equal(result.identity_ids[of_arena] - offset, expected.identity_ids)
        np.testing.assert_array_equal(result.boxes[of_arena], expected.boxes)
    assert (np.diff(result.frames * 10 + result.identity_ids) > 0).all(), (
        "by frame and then identity"
    )
    result = identify_per_arena(
        plain, LAYOUT, [3, 2], 30.0, IdentificationConfig(smooth_boxes=False), lambda: iter(parts)
    )
    detected = ~result.interpolated
    np.testing.assert_array_equal(table.boxes[result.rows[detected]], result.boxes[detected])


def test_point_matches_go_to_their_arena_with_its_rows():
    point_matches = PointMatches(
        np.array([4, 5, 9]),
        np.array([[1, 0, -1], [0, -1, -1], [8, 3, -1]]),
        np.ones((3, 3), np.float32),
    )
    selected = _select_point_matches(np.array([1, 3, 4, 8, 9]), point_matches)
    np.testing.assert_array_equal(selected.after, [2, 4])
    np.testing.assert_array_equal(selected.before, [[0, -1, -1], [3, 1, -1]])
    assert _select_point_matches(np.array([1]), None) is None


def test_tracks_are_those_of_each_arena_alone(halves):
    config = TrackingConfig(max_tracks=3)
    tracker, alone = ArenaTracker(LAYOUT, config, 30.0), [Tracker(config, 30.0) for _ in range(2)]
    names: dict[tuple[int, int], int] = {}
    for a, b in zip(*halves, strict=True):
        ids = tracker.follow(DetectionTable.from_frames([mix(a, b, np.arange(5))])).track_ids
        expected = [
            (k, i) for k, half in enumerate((a, b)) for i in alone[k].step(half).track_ids.tolist()
        ]
        for key, track_id in zip(expected, ids.tolist(), strict=True):
            assert (track_id == -1) if key[1] == -1 else names.setdefault(key, track_id) == track_id
    assert sorted(names.values()) == [1, 2, 3, 4, 5]


def test_numbers_of_animals():
    two = Arena("two", WEST.polygon, animals=2)
    assert count_animals(None, None) is None
    assert count_animals(None, 4) == [4]
    assert count_animals(LAYOUT, 4) == [4, 4]
    assert count_animals(Layout(400, 200, (two, EAST)), 1) == [2, 1]
    with pytest.raises(ConfigError, match="for every arena or for none, got none for east"):
        count_animals(Layout(400, 200, (two, EAST)), None)
