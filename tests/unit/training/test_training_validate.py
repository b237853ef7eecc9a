import numpy as np
import pytest
import torch

from murid.networks.network import build_network
from murid.synthetic.still import StillConfig, make_still
from murid.training.validate import fit_calibration, validate


def test_an_untrained_network_can_be_validated():
    torch.manual_seed(0)
    stills = [make_still(seed, StillConfig(size_px=64, body_px=(20, 30))) for seed in range(3)]
    result = validate(build_network("nano").eval(), stills)
    assert 0 <= result.ap75 <= result.ap50 <= 1
    assert np.isfinite([result.score_scale, result.score_bias]).all()


def test_calibration_needs_correct_and_wrong_detections():
    assert fit_calibration(np.zeros(0), np.zeros(0, bool)) == (1, 0)
    assert fit_calibration(np.array([0.5, 0.6]), np.array([True, True])) == (1, 0)


def test_calibration_recovers_a_known_curve():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 20000)
    hits = rng.random(20000) < 1 / (1 + np.exp(-(1.5 * logits + 0.7)))
    scale, bias = fit_calibration(1 / (1 + np.exp(-logits)), hits)
    assert scale == pytest.approx(1.5, rel=0.06)
    assert bias == pytest.approx(0.7, abs=0.08)
