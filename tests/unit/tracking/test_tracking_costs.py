import numpy as np
import pytest

from murid.core import Detections
from murid.tracking import costs, kalman, lifecycle
from murid.tracking.assignment import assign
from murid.tracking.lifecycle import TrackState

GATE = kalman.GATING_THRESHOLDS[4]


def _bank(boxes, embeddings=None):
    detections = _detections(boxes, embeddings)
    empty = lifecycle.empty_bank(0 if embeddings is None else len(embeddings[0]))
    return lifecycle.start_tracks(
        empty, detections, TrackState.TRACKED, 1, 1, kalman.MotionModel.from_noise()
    )


def _detections(boxes, embeddings=None):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    embeddings = None if embeddings is None else np.array(embeddings, np.float32)
    return Detections(boxes, np.ones(len(boxes), np.float32), embeddings)


def test_fused_cost_at_the_gate_is_just_a_match():
    fused = costs.fuse_motion(np.array([[0.2145]]), np.array([[9.4877]]), 0.98, GATE)
    assert fused[0, 0] == pytest.approx(0.4, abs=1e-4)
    assert len(assign(fused, 0.4).track_rows) == 1


def test_fused_cost_beyond_the_gate_is_forbidden():
    fused = costs.fuse_motion(np.array([[0.0]]), np.array([[9.4878]]), 0.98, GATE)
    assert np.isinf(fused[0, 0])
    assert len(assign(fused, 0.4).track_rows) == 0


def test_without_embeddings_motion_alone_decides():
    bank, detections = (
        _bank([[0, 0, 40, 20], [100, 0, 140, 20]]),
        _detections([[103, 0, 143, 20], [2, 0, 42, 20]]),
    )
    fused = costs.compute_fused_costs(bank, detections, 0.98)
    np.testing.assert_array_equal(assign(fused, 0.4).detection_rows, [1, 0])


def test_centre_gate_allows_a_turning_animal():
    bank, turned = _bank([[0, 0, 100, 40]]), _detections([[30, -30, 70, 70]])
    assert np.isinf(costs.compute_fused_costs(bank, turned, 0.98, 4)[0, 0])
    assert costs.compute_fused_costs(bank, turned, 0.98, 2)[0, 0] < 0.01
    assert (
        costs.compute_near_costs(bank, turned)[0, 0] + costs.compute_size_costs(bank, turned)[0, 0]
        < 0.6
    )


def test_iou_and_centre_costs():
    bank, detections = (
        _bank([[0, 0, 40, 20]]),
        _detections([[20, 0, 60, 20], [0, 0, 40, 20], [500, 0, 540, 20]]),
    )
    np.testing.assert_allclose(
        costs.compute_iou_costs(bank, detections), [[2 / 3, 0, 1]], atol=1e-9
    )
    np.testing.assert_allclose(
        costs.compute_centre_costs(bank, detections), [[0.5, 0, 12.5]], atol=1e-9
    )


def test_size_cost_prefers_a_body_to_a_head_and_to_a_merged_box():
    bank = _bank([[0, 0, 80, 40]])
    body, head, pair = [20, -20, 60, 60], [40, 0, 80, 30], [0, 0, 120, 80]
    sizes = costs.compute_size_costs(bank, _detections([body, head, pair]))[0]
    np.testing.assert_allclose(sizes, [0, np.log(80 * 40 / (40 * 30)), np.log(3)], atol=1e-6)


def test_near_cost_ranks_boxes_that_do_not_overlap():
    near = costs.compute_near_costs(
        _bank([[0, 0, 40, 20]]), _detections([[44, 0, 84, 20], [84, 0, 124, 20]])
    )[0]
    np.testing.assert_allclose(near, [0.5 + 0.5 * 44 / 40, 0.5 + 0.5 * 84 / 40], atol=1e-6)


def test_neighbour_gate_uses_the_nearest_neighbour():
    bank = _bank([[0, 0, 40, 20], [100, 0, 140, 20], [500, 0, 540, 20]])
    far = costs.find_beyond_neighbour_gate(
        bank, _detections([[49, 0, 89, 20], [51, 0, 91, 20], [301, 0, 341, 20]]), 0.5
    )
    np.testing.assert_array_equal(
        far, [[False, True, True], [True, False, True], [True, True, False]]
    )
    assert not costs.find_beyond_neighbour_gate(
        bank.select(slice(0, 1)), _detections([[9000, 0, 9040, 20]]), 0.5
    ).any()


def test_merged_box_contains_two_smaller_animals():
    bank = _bank([[0, 0, 40, 20], [30, 0, 70, 20], [200, 0, 240, 20]])
    pair, whole, single = [0, 0, 70, 20], [0, 0, 41, 21], [195, -5, 250, 30]
    merged = costs.find_merged(bank, _detections([pair, whole, single]), 0.7)
    np.testing.assert_array_equal(
        merged, [[True, False, False], [True, False, False], [False, False, False]]
    )


def test_one_in_front_of_another_is_not_merged():
    bank = _bank([[0, 0, 100, 100], [30, 30, 60, 60]])
    merged = costs.find_merged(bank, _detections([[0, 0, 100, 100]]), 0.7)
    assert not merged.any()


def test_assign_keeps_cost_equal_to_the_limit_and_given_row_numbers():
    matches = assign(
        np.array([[np.inf, 0.4], [0.41, np.inf]]), 0.4, np.array([3, 5]), np.array([2, 7])
    )
    assert (matches.track_rows, matches.detection_rows) == ([3], [7])
    np.testing.assert_array_equal(matches.unmatched_tracks, [5])
    np.testing.assert_array_equal(matches.unmatched_detections, [2])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_assign_nothing(shape):
    matches = assign(np.zeros(shape), 0.4)
    assert len(matches.track_rows) == 0
    assert (len(matches.unmatched_tracks), len(matches.unmatched_detections)) == shape


def test_the_body_length_is_that_of_the_longer_box():
    boxes = [[0, 0, 40, 20], [0, 0, 10, 80]]
    bank = _bank(boxes)
    # Centres of boxes that are 100 pixels to the right.
    detections = _detections([[100, 0, 140, 20], [70, 0, 170, 20]])
    found = costs.compute_centre_costs(bank, detections)
    np.testing.assert_allclose(found[0], [100 / 40, 100 / 100], atol=1e-6)
    distance = np.hypot(115, 30)
    np.testing.assert_allclose(found[1], [distance / 80, distance / 100], atol=1e-6)
