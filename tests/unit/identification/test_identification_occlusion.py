"""Occluded boxes and edges."""

import numpy as np
import pytest

from murid.core import Detections, DetectionTable
from murid.identification import occlusion
from murid.identification.occlusion import (
    choose_max_covered_share,
    find_occluded_edges,
    find_unoccluded,
)


def make_table(*frames):
    return DetectionTable.from_frames(
        [
            Detections(
                np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 0.9, np.float32)
            )
            for boxes in frames
        ]
    )


LEFT, RIGHT = [100, 100, 160, 140], [140, 120, 200, 160]


def test_share_of_edges_inside_another_box():
    found = find_occluded_edges(make_table([LEFT, RIGHT]), np.ones(2, bool), 60) / 255
    np.testing.assert_allclose(found, [[0, 0, 0.5, 1 / 3], [0.5, 1 / 3, 0, 0]], atol=0.01)


def test_an_edge_near_another_box_is_occluded():
    beside = [160 + 0.04 * 60, 100, 220, 140]
    found = find_occluded_edges(make_table([LEFT, beside]), np.ones(2, bool), 60)
    assert found[0].tolist() == [0, 0, 255, 0]
    assert found[1].tolist() == [255, 0, 0, 0]
    assert not find_occluded_edges(make_table([LEFT, beside]), np.ones(2, bool), 30).any()


def test_only_usable_boxes_of_the_same_frame_count_and_the_largest_share():
    whole = [150, 90, 210, 150]
    table = make_table([LEFT, RIGHT, whole], [LEFT], [RIGHT, LEFT])
    found = find_occluded_edges(table, np.array([True, True, True, True, False, True]), 60)
    assert found[0, 2] == 255
    assert not found[3:].any()


@pytest.mark.parametrize("block", [1, 2, 1 << 18])
def test_block_size_does_not_matter(monkeypatch, block):
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 100, (6, 5, 2))
    table = make_table(
        *np.concatenate([corners, corners + rng.uniform(10, 60, corners.shape)], axis=2)
    )
    usable = rng.random(len(table)) < 0.8
    expected = find_occluded_edges(table, usable, 40), find_unoccluded(table, usable)
    monkeypatch.setattr(occlusion, "_BLOCK", block)
    np.testing.assert_array_equal(find_occluded_edges(table, usable, 40), expected[0])
    np.testing.assert_array_equal(find_unoccluded(table, usable), expected[1])


def test_boxes_are_unoccluded_up_to_a_covered_share():
    small = [155, 100, 215, 140]
    assert find_unoccluded(make_table([LEFT, small]), np.ones(2, bool)).all()
    assert not find_unoccluded(make_table([LEFT, RIGHT]), np.ones(2, bool)).any()
    assert find_unoccluded(make_table([LEFT, RIGHT]), np.array([True, False])).tolist() == [
        True,
        False,
    ]


def test_more_of_a_box_may_be_covered_at_low_frame_rates():
    table = make_table([[0, 0, 40, 40], [30, 0, 70, 40]])  # a quarter of each
    usable = np.ones(2, bool)
    assert not find_unoccluded(table, usable, choose_max_covered_share(30.0)).any()
    assert find_unoccluded(table, usable, choose_max_covered_share(2.0)).all()
