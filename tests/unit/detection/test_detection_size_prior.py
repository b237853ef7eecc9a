import numpy as np
import pytest

from murid.core import Detections
from murid.detection.size_prior import compute_weighted_median, downweight_small, estimate_body_area


def make_detections(sides: list[float], scores: list[float]) -> Detections:
    boxes = np.array([[0, 0, side, side] for side in sides], np.float32).reshape(-1, 4)
    return Detections(boxes, np.array(scores, np.float32))


def test_the_body_area_is_the_median_of_high_scored_detections():
    frames = [
        make_detections([10, 3], [0.9, 0.4]),
        make_detections([], []),
        make_detections([12, 11], [0.8, 0.9]),
    ]
    assert estimate_body_area(frames) == pytest.approx(121)
    assert estimate_body_area([make_detections([10], [0.4])]) is None
    assert estimate_body_area([]) is None


def test_the_median_is_weighted():
    values = np.array([3.0, 1.0, 2.0])
    assert compute_weighted_median(values, np.array([1.0, 1.0, 1.0])) == 2
    assert compute_weighted_median(values, np.array([5.0, 1.0, 1.0])) == 3


def test_only_much_smaller_boxes_are_downweighted():
    areas = np.array([400, 100, 25, 6.25, 5000], np.float32)
    scores = np.array([0.6, 0.6, 0.6, 0.9, 0.6], np.float32)
    downweighted = downweight_small(scores, areas, 400.0, 2.0)
    np.testing.assert_allclose(downweighted[[0, 1, 4]], 0.6, rtol=1e-6)
    logit = np.log(0.6 / 0.4) - 2 * np.log(400 / (5 * 25))
    assert downweighted[2] == pytest.approx(1 / (1 + np.exp(-logit)), rel=1e-5)
    assert downweighted[3] == pytest.approx(9 / 163.84 / (9 / 163.84 + 1), rel=1e-4)
    np.testing.assert_allclose(downweight_small(scores, areas, 400.0, 0.0), scores, rtol=1e-6)


def test_scores_of_0_and_1_stay_finite():
    scores = downweight_small(np.array([1.0, 0.0], np.float32), np.zeros(2, np.float32), 400.0, 2.0)
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1)).all()
