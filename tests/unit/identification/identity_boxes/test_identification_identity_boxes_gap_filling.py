"""Boxes that are interpolated in gaps."""

import numpy as np
import pytest

from murid.identification.identity_boxes.gap_filling import fill_gaps


def make_boxes(*x):
    return np.array([[left, 0, left + 40, 20] for left in x], np.float32)


def test_boxes_are_interpolated_linearly():
    frames = np.array([0, 1, 5], np.int32)
    found = fill_gaps(frames, make_boxes(0, 0, 8), body_px=40, fps=30, max_gap_s=np.full(2, 2.0))
    assert found.frames.tolist() == [2, 3, 4]
    assert found.before.tolist() == [1, 1, 1]
    np.testing.assert_allclose(found.boxes, make_boxes(2, 4, 6))


@pytest.mark.parametrize(
    ("distance", "max_gap_s", "n", "is_far"),
    [(20, 1.0, 29, False), (20, 0.9, 0, False), (139, 1.0, 29, False), (141, 1.0, 29, True)],
)
def test_long_gaps_are_left_open_and_long_distances_marked(distance, max_gap_s, n, is_far):
    frames = np.array([0, 30], np.int32)
    boxes = make_boxes(0, distance)
    found = fill_gaps(frames, boxes, body_px=40, fps=30, max_gap_s=np.array([max_gap_s]))
    assert len(found) == n
    assert (found.is_far == is_far).all()
