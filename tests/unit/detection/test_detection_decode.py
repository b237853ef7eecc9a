from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murid.core.types import Detections
from murid.detection.config import DetectionConfig
from murid.detection.decode import (
    HeadMaps,
    calibrate_scores,
    decode,
    find_peaks,
    select_detections,
    suppress_duplicates,
)
from murid.errors import ArrayError


def make_heads(
    peaks: dict[tuple[int, int], float], size: list[float], shape: tuple[int, int] = (12, 16)
) -> HeadMaps:
    heatmap = np.zeros(shape, np.float32)
    for cell, value in peaks.items():
        heatmap[cell] = value
    offset = np.empty((2, *shape), np.float32)
    offset[0], offset[1] = 0.25, 0.75
    return HeadMaps(
        heatmap,
        offset,
        np.broadcast_to(np.array(size, np.float32)[:, None, None], (len(size), *shape)),
    )


def decode_to_arrays(heads: HeadMaps, **settings) -> tuple[np.ndarray, np.ndarray]:
    found = decode(heads, **settings)
    return found.boxes, found.scores


def test_a_peak_becomes_a_box_around_its_offset_centre():
    boxes, scores = decode_to_arrays(make_heads({(3, 5): 0.8}, [4, 2]), box_mode="wh")
    # centre = (5.25, 3.75) cells of 4 pixels = (21, 15); 16 wide, 8 high
    np.testing.assert_allclose(boxes, [[13, 11, 29, 19]])
    np.testing.assert_allclose(scores, [0.8])
    assert boxes.dtype == scores.dtype == np.float32


def test_distances_to_the_four_sides():
    boxes, _ = decode_to_arrays(make_heads({(3, 5): 0.8}, [1, 2, 3, 4]), box_mode="ltrb")
    np.testing.assert_allclose(boxes, [[21 - 4, 15 - 8, 21 + 12, 15 + 16]])


def test_only_local_maxima_survive():
    boxes, scores = decode_to_arrays(
        make_heads({(3, 5): 0.8, (4, 6): 0.7, (3, 7): 0.5, (9, 9): 0.3}, [2, 2]), box_mode="wh"
    )
    np.testing.assert_allclose(scores, [0.8, 0.3])
    assert len(boxes) == 2


def test_peaks_at_the_border_count():
    _, scores = decode_to_arrays(make_heads({(0, 0): 0.6, (11, 15): 0.5}, [2, 2]), box_mode="wh")
    np.testing.assert_allclose(scores, [0.6, 0.5])


def test_a_score_equal_to_the_threshold_is_kept():
    heads = make_heads({(3, 5): 0.1, (8, 8): 0.0999}, [2, 2])
    _, scores = decode_to_arrays(heads, box_mode="wh", score_threshold=0.1)
    np.testing.assert_array_equal(scores, np.float32([0.1]))


def test_at_most_max_detections_boxes_by_decreasing_score():
    heads = make_heads({(2, 2): 0.3, (2, 6): 0.9, (2, 10): 0.6, (8, 2): 0.6}, [2, 2])
    rows, columns = find_peaks(heads.heatmap, 3)
    assert list(zip(rows, columns, strict=True)) == [(2, 6), (2, 10), (8, 2)]
    assert len(decode_to_arrays(heads, box_mode="wh", max_detections=3)[0]) == 3


@pytest.mark.parametrize(
    ("mode", "size"), [("wh", [0, 2]), ("wh", [2, -1]), ("ltrb", [1, 1, -1, 1])]
)
def test_boxes_without_area_are_dropped(mode, size):
    boxes, scores = decode_to_arrays(make_heads({(3, 5): 0.8}, size), box_mode=mode)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)


@pytest.mark.parametrize(("mode", "size"), [("wh", [1, 1, 1, 1]), ("ltrb", [1, 1])])
def test_a_size_map_of_the_other_box_mode_is_refused(mode, size):
    with pytest.raises(ArrayError, match=r"HeadMaps\.size"):
        decode_to_arrays(make_heads({(3, 5): 0.8}, size), box_mode=mode)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9))
def test_peaks_are_exactly_the_cells_no_neighbour_exceeds(seed, h, w):
    heatmap = (np.random.default_rng(seed).integers(0, 5, (h, w)) / 4).astype(np.float32)
    padded = np.pad(heatmap, 1, constant_values=-1)
    expected = {
        (r, c)
        for r in range(h)
        for c in range(w)
        if heatmap[r, c] > 0 and heatmap[r, c] == padded[r : r + 3, c : c + 3].max()
    }
    rows, columns = find_peaks(heatmap, 100)
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == expected
    assert (np.diff(heatmap[rows, columns]) <= 0).all()


def test_calibration_follows_the_formula_and_keeps_the_order():
    raw = np.float32([0, 0.2, 0.5, 0.7, 1])
    logits = np.log(raw[1:4] / (1 - raw[1:4]))
    got = calibrate_scores(raw, 2.0, 0.5)
    np.testing.assert_allclose(got[1:4], 1 / (1 + np.exp(-(2 * logits + 0.5))), rtol=1e-5)
    assert (np.diff(got) > 0).all()
    assert got[0] >= 0
    assert got[-1] <= 1


def test_no_calibration_changes_nothing():
    raw = np.float32([0, 0.3, 1])
    np.testing.assert_array_equal(calibrate_scores(raw, 1, 0), raw)


def test_the_threshold_is_applied_to_calibrated_scores():
    heads = make_heads({(3, 5): 0.3}, [2, 2])
    assert len(decode_to_arrays(heads, box_mode="wh", score_threshold=0.5)[0]) == 0
    _, scores = decode_to_arrays(heads, box_mode="wh", score_threshold=0.5, score_bias=2)
    assert scores[0] == pytest.approx(1 / (1 + np.exp(-(np.log(0.3 / 0.7) + 2))), rel=1e-5)


BOXES = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [40, 40, 60, 60], [42, 42, 48, 48]], np.float32)
SCORES = np.float32([0.5, 0.9, 0.8, 0.3])


def test_without_limits_nothing_is_suppressed():
    np.testing.assert_array_equal(suppress_duplicates(BOXES, SCORES), [1, 2, 0, 3])


def test_overlapping_boxes_lose_to_the_higher_score():
    np.testing.assert_array_equal(suppress_duplicates(BOXES, SCORES, max_iou=0.7), [1, 2, 3])
    np.testing.assert_array_equal(
        suppress_duplicates(BOXES, SCORES, max_iou=0.9), [1, 2, 0, 3]
    )  # IoU is 0.818


def test_a_small_box_inside_a_larger_one_is_dropped_only_if_scored_lower():
    np.testing.assert_array_equal(
        suppress_duplicates(BOXES, SCORES, max_containment=0.95), [1, 2, 0]
    )
    swapped = np.float32([0.5, 0.9, 0.3, 0.8])
    np.testing.assert_array_equal(
        suppress_duplicates(BOXES, swapped, max_containment=0.95), [1, 3, 0, 2]
    )


def test_a_dropped_box_drops_no_other():
    boxes = np.array(
        [[0, 0, 10, 10], [3, 0, 13, 10], [6, 0, 16, 10]], np.float32
    )  # neighbours 0.54, ends 0.25
    np.testing.assert_array_equal(
        suppress_duplicates(boxes, np.float32([0.9, 0.8, 0.7]), max_iou=0.5), [0, 2]
    )


def test_boxes_are_clipped_to_the_image_and_dropped_outside_it():
    boxes = np.array([[-5, -5, 10, 10], [200, 5, 220, 15], [90, 70, 120, 100]], np.float32)
    scores = np.float32([0.9, 0.8, 0.7])
    keypoints = np.arange(27, dtype=np.float32).reshape(3, 3, 3)
    detections = Detections(boxes, scores, None, keypoints)
    kept = select_detections(detections, 100, 80, DetectionConfig())
    np.testing.assert_array_equal(kept.boxes, [[0, 0, 10, 10], [90, 70, 100, 80]])
    np.testing.assert_array_equal(kept.scores, scores[[0, 2]])
    np.testing.assert_array_equal(kept.keypoints, keypoints[[0, 2]])
    whole = select_detections(detections, 100, 80, DetectionConfig(clip_boxes=False))
    np.testing.assert_array_equal(whole.boxes, boxes)


def test_keypoints_are_displacements_in_diagonals_of_the_box():
    heads = make_heads({(3, 5): 0.8, (8, 9): 0.3}, [3, 4])
    values = np.zeros((9, 12, 16), np.float32)
    # nose 0.5 diagonals to the right, certain; tail base 0.4 to the left and 0.2 below, uncertain
    values[0:3, 3, 5] = 0.5, 0.0, -5.0
    values[6:9, 3, 5] = -0.4, 0.2, 0.0
    found = decode(replace(heads, keypoints=values), box_mode="wh", score_threshold=0.5)
    # the cell is at (20, 12) pixels, and the box of 12 by 16 pixels has a diagonal of 20
    nose, centre, tail_base = found.keypoints[0]
    np.testing.assert_allclose(nose[:2], [30, 12])
    np.testing.assert_allclose(centre[:2], [20, 12])
    np.testing.assert_allclose(tail_base[:2], [12, 16])
    assert nose[2] > 0.99
    # the distribution function of the radial Laplace distribution at a tenth of its scale
    assert tail_base[2] == pytest.approx(1 - 1.1 * np.exp(-0.1), rel=1e-4)
    assert decode(heads, box_mode="wh").keypoints is None


def test_duplicates_are_dropped_from_the_selected_boxes():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [40, 40, 60, 60]], np.float32)
    config = DetectionConfig(duplicate_iou=0.7)
    detections = Detections(boxes, np.float32([0.5, 0.9, 0.8]))
    kept = select_detections(detections, 100, 80, config)
    np.testing.assert_array_equal(kept.boxes, boxes[[1, 2]])
    np.testing.assert_array_equal(kept.scores, np.float32([0.9, 0.8]))
