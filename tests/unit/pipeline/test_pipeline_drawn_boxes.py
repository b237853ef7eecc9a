"""Drawn boxes join the detections of their frame, and everything that counts by rows follows."""

import numpy as np

from murid.core import Detections, DetectionTable
from murid.corrections.resolve import DrawnBoxes
from murid.identification.appearance_models.tracklet_features import FurDescriptors
from murid.identification.point_matches import PointMatches
from murid.pipeline.drawn_boxes import DRAWN, extend_detections


def make_table(counts):
    rng = np.random.default_rng(0)
    return DetectionTable.from_frames(
        [
            Detections(rng.random((n, 4)).cumsum(axis=1).astype(np.float32), rng.random(n))
            for n in counts
        ]
    )


def make_drawn(*frames):
    boxes = np.array([[k, 0, k + 5, 5] for k in range(len(frames))], np.float32).reshape(-1, 4)
    return DrawnBoxes(np.array(frames, np.int64), boxes, (), ())


def test_drawn_boxes_come_after_the_detections_of_their_frame():
    table = make_table([2, 0, 3])
    extended = extend_detections(table, make_drawn(0, 1, 1))
    assert extended.table.frame_offsets.tolist() == [0, 3, 5, 8]
    assert extended.drawn_rows.tolist() == [2, 3, 4]
    assert extended.new_rows.tolist() == [0, 1, 5, 6, 7, 8]
    np.testing.assert_array_equal(extended.table.boxes[extended.new_rows[:-1]], table.boxes)
    assert extended.table.boxes[[2, 3, 4], 0].tolist() == [0, 1, 2]
    rows = np.array([0, 2, -1, 5, 7])
    assert extended.to_run_rows(rows).tolist() == [0, DRAWN, -1, 2, 4]


def test_embeddings_fur_and_point_matches_follow_the_rows():
    table = make_table([2, 0, 3])
    extended = extend_detections(table, make_drawn(0, 1))
    values = np.arange(1, 6, dtype=np.float32)[:, None]
    chunks = [(0, values[:2]), (2, values[2:])]
    found = np.full(len(extended.table), np.nan)
    for first, chunk in extended.extend_embeddings(lambda: iter(chunks)):
        found[first : first + len(chunk)] = chunk[:, 0]
    np.testing.assert_array_equal(found, [1, 2, 0, 0, 3, 4, 5])
    fur = extended.extend_fur(FurDescriptors(np.array([1, 4]), np.zeros((2, 3), np.float32)))
    assert fur.rows.tolist() == [1, 6]
    matches = PointMatches(np.array([4]), np.array([[2, -1]]), np.zeros((1, 2), np.float32))
    moved = extended.extend_matches(matches)
    assert moved.after.tolist() == [6]
    assert moved.before.tolist() == [[4, -1]]
    assert extended.extend_fur(None) is extended.extend_matches(None) is None


def test_without_drawn_boxes_nothing_changes():
    table = make_table([2, 1])
    extended = extend_detections(table, make_drawn())
    np.testing.assert_array_equal(extended.table.boxes, table.boxes)
    assert extended.new_rows.tolist() == [0, 1, 2, 3]
