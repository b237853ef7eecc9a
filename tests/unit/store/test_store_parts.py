from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murid.core.types import DetectionTable, Tracks
from murid.errors import ArrayError, RunError
from murid.store import FrameTable, parquet, parts


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.integers(0, 4), min_size=1, max_size=12),
    first=st.sampled_from([0, 12, 2**40]),
    size=st.sampled_from([None, 1, 7]),
    seed=st.integers(0, 2**32 - 1),
)
def test_parts_round_trip(tmp_path_factory, counts, first, size, seed):
    rng, n = np.random.default_rng(seed), sum(counts)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    embeddings = (
        None if size is None else rng.choice([-1.0, 0.0], size=(n, size)).astype(np.float32)
    )
    boxes, scores = rng.normal(0, 1e4, (n, 4)).astype(np.float32), rng.random(n, dtype=np.float32)
    tracks = Tracks(DetectionTable(boxes, scores, embeddings, offsets), rng.integers(-1, 3, n))
    folder = tmp_path_factory.mktemp("parts")

    parts.write_detections(folder / "d", first, tracks.detections)
    parts.write_tracks(folder / "t", first, tracks)
    detections = parts.read_detections(folder / "d", first, len(counts))
    again = parts.read_tracks(folder / "t", first, detections)

    np.testing.assert_array_equal(again.track_ids, tracks.track_ids)
    np.testing.assert_array_equal(again.detections.boxes, boxes)
    np.testing.assert_array_equal(again.detections.scores, scores)
    np.testing.assert_array_equal(again.detections.frame_offsets, offsets)
    if embeddings is None:
        assert detections.embeddings is None
    else:
        np.testing.assert_array_equal(detections.embeddings < 0, embeddings < 0)


def test_frame_table_checks_its_columns():
    with pytest.raises(ArrayError, match=r"FrameTable.times_s: expected float64"):
        FrameTable(0, np.arange(3))
    with pytest.raises(
        ArrayError, match=r"FrameTable.unreadable: expected frames 5 to 7, got \[8\]"
    ):
        FrameTable(5, np.arange(3.0), {8: "broken"})


def test_identities_round_trip_with_interpolated_positions(tmp_path):
    boxes = np.array([[0, 0, 4, 4], [5, 5, 9, 9], [1, 0, 5, 4]], np.float32)
    embeddings = np.eye(3, dtype=np.float32)
    detections = DetectionTable(
        boxes, np.array([0.5, 0.75, 1], np.float32), embeddings, np.array([0, 2, 2, 3])
    )
    smoothed = np.array([[5, 5, 9, 9], [0.5, 0, 4.5, 4], [1, 0, 5, 4]], np.float32)
    identified = DetectionTable(
        smoothed, np.array([0.75, 0, 1], np.float32), None, np.array([0, 1, 2, 3])
    )
    rows, identity_probabilities = np.array([1, -1, 0]), np.array([1, 0.5, 0.75], np.float32)
    merged = np.array([True, True, False])
    tracks = Tracks(identified, np.array([2, 1, 1]), rows < 0, identity_probabilities, merged)
    parts.write_identities(tmp_path / "i", 100, rows, tracks)
    again = parts.read_identities(tmp_path / "i", 100, detections)
    np.testing.assert_array_equal(again.detections.boxes, smoothed)
    np.testing.assert_array_equal(again.detections.frame_offsets, identified.frame_offsets)
    np.testing.assert_array_equal(again.detections.embeddings, [[0, 1, 0], [0, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(again.track_ids, [2, 1, 1])
    np.testing.assert_array_equal(again.interpolated, [False, True, False])
    np.testing.assert_array_equal(again.identity_probabilities, identity_probabilities)
    np.testing.assert_array_equal(again.merged, merged)
    # Older runs do not say which boxes are merged.
    parts.write_identities(tmp_path / "old", 100, rows, replace(tracks, merged=None))
    assert "merged" not in parquet.list_columns(tmp_path / "old")
    assert parts.read_identities(tmp_path / "old", 100, detections).merged is None
    with pytest.raises(RunError, match="row: expected rows of the same part's detections"):
        parts.read_identities(
            tmp_path / "i",
            100,
            DetectionTable(boxes[:1], boxes[:1, 0], None, np.array([0, 1, 1, 1])),
        )
