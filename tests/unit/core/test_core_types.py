import dataclasses
import re

import numpy as np
import pytest

from murid.core import (
    Detections,
    DetectionTable,
    Frame,
    TrackedDetections,
    Tracks,
    Trajectories,
)
from murid.errors import ArrayError


def make_detections(n: int, embedding_size: int | None = 3, start: int = 0) -> Detections:
    boxes = np.arange(start, start + 4 * n, dtype=np.float32).reshape(n, 4)
    embeddings = None if embedding_size is None else np.full((n, embedding_size), start, np.float32)
    return Detections(boxes, np.linspace(0, 1, n, dtype=np.float32), embeddings)


def test_mask_selects_rows_of_every_column():
    found = make_detections(4)[np.array([True, False, True, False])]
    assert len(found) == 2
    np.testing.assert_allclose(found.boxes[:, 0], [0, 8])
    np.testing.assert_allclose(found.scores, [0, 2 / 3])
    assert found.embeddings.shape == (2, 3)
    assert make_detections(4, None)[:2].embeddings is None


def test_frame_without_detections_is_valid():
    assert len(Detections.empty()) == 0
    assert Detections.empty().embeddings is None
    assert Detections.empty(5).embeddings.shape == (0, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"boxes": np.zeros((2, 3), np.float32)},
            "Detections.boxes: expected shape (any, 4), got shape (2, 3)",
        ),
        (
            {"boxes": [["0", "0", "1", "1"]] * 2},
            "Detections.boxes: expected numbers that fit in float32, got text",
        ),
        (
            {"scores": np.zeros(3, np.float32)},
            "Detections.scores: expected shape (2), got shape (3,)",
        ),
        (
            {"embeddings": np.zeros((3, 8), np.float32)},
            "Detections.embeddings: expected shape (2, any), got shape (3, 8)",
        ),
    ],
)
def test_wrong_column_is_named(change: dict, message: str):
    with pytest.raises(ArrayError, match=re.escape(message)):
        dataclasses.replace(make_detections(2), **change)


class TestDetectionTable:
    frames = (make_detections(2), make_detections(0), make_detections(3, start=100))
    table = DetectionTable.from_frames(frames)

    def test_frames_round_trip_and_are_views(self):
        assert (self.table.n_frames, len(self.table)) == (3, 5)
        for frame, given in zip(self.table, self.frames, strict=True):
            np.testing.assert_array_equal(frame.boxes, given.boxes)
            np.testing.assert_array_equal(frame.embeddings, given.embeddings)
        assert np.shares_memory(self.table[2].boxes, self.table.boxes)
        np.testing.assert_array_equal(self.table.frame_numbers, [0, 0, 2, 2, 2])

    def test_frames_are_counted_from_both_ends(self):
        np.testing.assert_array_equal(self.table[-1].boxes, self.frames[2].boxes)
        with pytest.raises(IndexError):
            self.table[3]

    def test_no_frames(self):
        assert DetectionTable.from_frames([]).n_frames == 0
        assert list(DetectionTable.from_frames([])) == []

    def test_embeddings_in_some_frames_alone_are_refused(self):
        with pytest.raises(ArrayError, match="a mixture"):
            DetectionTable.from_frames([make_detections(1), make_detections(1, None)])

    @pytest.mark.parametrize("offsets", [[0, 2], [1, 5], [0, 4, 3, 5], []])
    def test_offsets_must_cover_the_rows(self, offsets: list[int]):
        with pytest.raises(ArrayError, match="frame_offsets"):
            dataclasses.replace(self.table, frame_offsets=np.array(offsets, np.int64))


class TestTracks:
    frames = (
        TrackedDetections(make_detections(2), np.array([1, -1])),
        TrackedDetections(make_detections(1, start=9), np.array([2])),
    )

    def test_frames_round_trip(self):
        tracks = Tracks.from_frames(self.frames)
        assert tracks.n_frames == 2
        assert [frame.track_ids.tolist() for frame in tracks] == [[1, -1], [2]]
        assert tracks[-1].track_ids.tolist() == [2]
        assert Tracks.from_frames([]).n_frames == 0

    def test_one_id_a_detection(self):
        with pytest.raises(ArrayError, match="track_ids"):
            TrackedDetections(make_detections(2), np.array([1]))
        with pytest.raises(ArrayError, match="track_ids"):
            Tracks(DetectionTable.from_frames([make_detections(2)]), np.array([1.5, 2.0]))


def test_selecting_rows_of_a_table_keeps_its_frames():
    table = DetectionTable.from_frames([make_detections(2), make_detections(0), make_detections(3)])
    selected = table.select(np.array([1, 2, 4]))
    assert selected.frame_offsets.tolist() == [0, 1, 1, 3]
    np.testing.assert_array_equal(selected.boxes, table.boxes[[1, 2, 4]])
    np.testing.assert_array_equal(selected.scores, table.scores[[1, 2, 4]])


def test_concatenated_tables_have_the_frames_of_all():
    first = DetectionTable.from_frames([make_detections(2), make_detections(0)])
    second = DetectionTable.from_frames([make_detections(3, start=9)])
    joined = DetectionTable.concatenate([first, second])
    assert joined.frame_offsets.tolist() == [0, 2, 2, 5]
    np.testing.assert_array_equal(joined.boxes[2:], second.boxes)
    assert DetectionTable.concatenate([]).n_frames == 0


def test_embeddings_of_tables_stay_only_if_all_detections_have_them():
    box = np.zeros((1, 4), np.float32)
    score = np.ones(1, np.float32)
    described = DetectionTable(box, score, np.ones((1, 2), np.float32), np.array([0, 1]))
    plain = DetectionTable(box, score, None, np.array([0, 1]))
    empty = DetectionTable.from_frames([Detections.empty()])
    assert DetectionTable.concatenate([described, empty]).embeddings.shape == (1, 2)
    assert DetectionTable.concatenate([described, plain]).embeddings is None


def test_concatenated_tracks_keep_their_optional_columns():
    table = DetectionTable.from_frames([make_detections(2)])
    interpolated = np.array([True, False])
    probabilities = np.array([0.5, 1.0], np.float32)
    part = Tracks(table, np.array([1, 2]), interpolated, probabilities)
    joined = Tracks.concatenate([part, part])
    assert joined.track_ids.tolist() == [1, 2, 1, 2]
    assert joined.interpolated.tolist() == [True, False, True, False]
    assert joined.identity_probabilities.tolist() == [0.5, 1.0, 0.5, 1.0]
    assert Tracks.concatenate([]).n_frames == 0


def test_other_types_check_their_columns():
    with pytest.raises(ArrayError, match=r"Frame\.image"):
        Frame(0, 0.0, np.zeros((4, 4), np.uint8))
    time_s, cube = np.zeros(3), np.zeros((3, 2, 1))
    Trajectories(time_s, ("1",), cube, cube, np.zeros((3, 1)))
    with pytest.raises(ArrayError, match=r"Trajectories\.position"):
        Trajectories(time_s, ("1", "2"), cube, cube, np.zeros((3, 2)))


def test_lists_and_other_numbers_are_converted():
    found = Detections([[0, 1, 2, 3]], [0.5], np.ones((1, 2)))
    assert found.boxes.dtype == found.scores.dtype == found.embeddings.dtype == np.float32
    assert len(Detections([], [])) == 0

    table = DetectionTable(np.arange(8).reshape(2, 4), [1, 1], None, [0, 1, 2])
    assert table.frame_offsets.dtype == np.int64
    assert table[1].boxes.tolist() == [[4, 5, 6, 7]]
    tracks = Tracks(table, [3.0, 4.0], [0, 1], [0.5, 1])
    assert tracks.track_ids.dtype == np.int64
    assert tracks.interpolated.tolist() == [False, True]
    assert tracks.identity_probabilities.dtype == np.float32

    corners = [[[1], [2]], [[3], [4]]]
    trajectories = Trajectories([0, 1], ["a"], corners, corners, [[1], [float("nan")]])
    assert trajectories.individuals == ("a",)
    assert trajectories.position.dtype == trajectories.time_s.dtype == np.float64
    assert np.isnan(trajectories.confidence[1, 0])


def test_arrays_of_the_right_type_are_not_copied():
    boxes = np.zeros((2, 4), np.float32)
    scores = np.zeros(2, np.float32)
    found = Detections(boxes, scores)
    assert found.boxes is boxes
    assert found.scores is scores


def test_names_of_individuals_are_texts():
    cube = np.zeros((1, 2, 1))
    with pytest.raises(ArrayError, match=r"Trajectories\.individuals: expected a list of names"):
        Trajectories([0], "a", cube, cube, [[1]])
    with pytest.raises(ArrayError, match="individuals"):
        Trajectories([0], [1], cube, cube, [[1]])


def test_frames_without_detections_need_no_embeddings():
    table = DetectionTable.from_frames([make_detections(1), Detections([], [])])
    assert table.embeddings.shape == (1, 3)


def test_a_mask_selects_rows_of_a_table():
    table = DetectionTable.from_frames([make_detections(2), make_detections(1, start=50)])
    selected = table.select(np.array([False, True, True]))
    assert selected.frame_offsets.tolist() == [0, 1, 2]
    assert selected.boxes[:, 0].tolist() == [4, 50]


def test_values_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_detections(1).scores = np.zeros(1, np.float32)
