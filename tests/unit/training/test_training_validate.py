import dataclasses

import numpy as np
import pytest
import torch

from murid.networks.network import build_network
from murid.synthetic.still import StillConfig, make_still
from murid.training.validate import (
    ScoredDetections,
    fit_calibration,
    retrieve_animals,
    summarise,
    validate,
)


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


def make_scored(
    angles: list[float], animals: list[int], recordings: list[int], times_s: list[float]
) -> ScoredDetections:
    """Return embeddings at angles on the unit circle, without detections."""
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    none = np.zeros(0, np.bool_)
    return ScoredDetections(
        scores=np.zeros(0, np.float32),
        hits50=none,
        hits75=none,
        n_truth=0,
        embeddings=rows,
        identities=np.array(animals),
        nose_errors=np.zeros(0),
        is_reversed=none,
        recordings=np.array(recordings),
        times_s=np.array(times_s, np.float64),
    )


def test_animals_are_found_again_in_later_frames_of_their_recording():
    angles = [0.0, 1.0, 0.01, 1.01, 0.3, 0.9]
    animals = [0, 1, 0, 1, 0, 1]
    times_s = [0.0, 0.0, 0.1, 0.1, 5.0, 5.0]
    found = retrieve_animals(make_scored(angles, animals, 6 * [2], times_s))
    assert found is not None
    assert len(found) == 6
    assert found.compute_rank(1) == 1
    # The nearest embedding later than a second is of the other animal; a moment later it is not.
    found = retrieve_animals(make_scored([0, 1, 0.01, 1.01, 0.9, 0.3], animals, 6 * [2], times_s))
    assert found is not None
    assert found.compute_rank(1) == 0


def test_recordings_are_galleries_of_their_own():
    angles = [0.0, 1.0, 0.2, 1.2, 0.1, 1.1]
    animals = [0, 1, 0, 1, 2, 3]
    times_s = [0.0, 0.0, 5.0, 5.0, 9.0, 9.0]
    apart = retrieve_animals(make_scored(angles, animals, [0, 0, 0, 0, 1, 1], times_s))
    together = retrieve_animals(make_scored(angles, animals, 6 * [0], times_s))
    assert apart is not None
    assert together is not None
    assert (apart.compute_rank(1), together.compute_rank(1)) == (1, 0)


def test_a_recording_of_one_animal_says_nothing():
    assert retrieve_animals(make_scored([0.0, 0.1], [0, 0], [0, 0], [0.0, 5.0])) is None
    result = summarise([make_scored([0.0, 0.1], [0, 0], [0, 0], [0.0, 5.0])])
    assert (result.rank1, result.reid_map) == (None, None)


def test_second_views_count_for_re_identification_only():
    torch.manual_seed(0)
    network = build_network("nano").eval()
    stills = [make_still(seed, StillConfig(size_px=64, body_px=(20, 30))) for seed in range(4)]
    n_boxes = sum(len(still.boxes) for still in stills)
    numbers = iter(range(n_boxes))
    stills = [
        dataclasses.replace(still, identities=np.array([next(numbers) for _ in still.boxes]))
        for still in stills
    ]
    alone = validate(network, stills)
    assert alone.rank1 is None
    with_views = validate(network, stills, stills)
    assert with_views.rank1 is not None
    assert with_views.reid_map is not None
    assert (with_views.ap50, with_views.recall) == (alone.ap50, alone.recall)
