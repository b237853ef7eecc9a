import numpy as np
import pytest
import torch

from murid.models.network import build_network
from murid.scenes.still import StillConfig, make_still
from murid.training.validate import compute_average_precision, compute_rank1, fit_calibration, match_greedily, validate


def test_an_untrained_network_can_be_validated():
    torch.manual_seed(0)
    stills = [make_still(seed, StillConfig(size_px=64, body_px=(20, 30))) for seed in range(3)]
    result = validate(build_network("nano").eval(), stills)
    assert 0 <= result.ap75 <= result.ap50 <= 1
    assert np.isfinite([result.score_scale, result.score_bias]).all()


def test_without_right_and_wrong_detections_scores_stay():
    assert fit_calibration(np.zeros(0), np.zeros(0, bool)) == (1, 0)
    assert fit_calibration(np.array([0.5, 0.6]), np.array([True, True])) == (1, 0)


def test_average_precision_of_known_lists():
    scores = np.array([0.9, 0.8, 0.7])
    assert compute_average_precision(scores, np.array([True, True, False]), 2) == pytest.approx(1.0)
    assert compute_average_precision(scores, np.array([False, True, True]), 2) == pytest.approx(2 / 3)
    assert compute_average_precision(scores, np.array([True, False, False]), 4) == pytest.approx(0.25)


def test_each_animal_is_found_once():
    truth = np.array([[0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 11], [50, 50, 60, 59], [80, 80, 90, 90]], np.float32)
    np.testing.assert_array_equal(match_greedily(boxes, truth), [True, False, True, False])
    np.testing.assert_array_equal(match_greedily(boxes, truth[:0]), [False] * 4)


def test_calibration_recovers_the_curve_it_was_drawn_from():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 20000)
    hits = rng.random(20000) < 1 / (1 + np.exp(-(1.5 * logits + 0.7)))
    scale, bias = fit_calibration(1 / (1 + np.exp(-logits)), hits)
    assert scale == pytest.approx(1.5, rel=0.06)
    assert bias == pytest.approx(0.7, abs=0.08)


def test_rank_one_of_known_vectors():
    angles = np.array([0, 0.1, 1.0, 1.5, 3.0])
    rows = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    assert compute_rank1(rows, np.array([4, 4, 7, 8, 9])) == 1
    assert compute_rank1(rows, np.array([4, 4, 7, 8, 7])) == pytest.approx(2 / 4)
    assert compute_rank1(rows, np.arange(5)) is None
