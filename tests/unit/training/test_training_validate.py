import dataclasses

import numpy as np
import pytest
import torch

from murid.core import Detections
from murid.networks.network import build_network
from murid.synthetic.still import StillConfig, make_still
from murid.training.data import collate
from murid.training.validate import (
    ScoredDetections,
    fit_calibration,
    retrieve_animals,
    score_batch,
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


def make_detected(
    scores: list[float], hits: list[int], n_truth: int, angles: tuple[float, ...] = ()
) -> ScoredDetections:
    """Return detections, and embeddings at angles in degrees of animals 0, 1, 0, 1, …"""
    radians = np.deg2rad(np.array(angles, np.float32))
    return ScoredDetections(
        scores=np.array(scores, np.float32),
        hits50=np.array(hits, bool),
        hits75=np.zeros(len(hits), bool),
        n_truth=n_truth,
        embeddings=np.stack([np.cos(radians), np.sin(radians)], axis=1),
        identities=np.arange(len(angles)) % 2,
        nose_errors=np.zeros(0),
        is_reversed=np.zeros(0, bool),
        recordings=np.zeros(len(angles), np.int64),
        times_s=10.0 * np.arange(len(angles)),
    )


def test_batches_are_summarised_together():
    # Scores of 0.7 and more are right nine times out of ten, lower ones once.
    high = make_detected([0.8] * 10, [1] * 9 + [0], 15)
    low = make_detected([0.3] * 10, [1] + [0] * 9, 5)
    result = summarise([low, high])
    assert result.score_scale > 0
    assert result.recall == pytest.approx(9 / 20)
    # Precision 1 up to a recall of 9 / 20, and 10 / 11 up to 10 / 20: 46 and 5 of 101 points.
    assert result.ap50 == pytest.approx((46 + 5 * 10 / 11) / 101)
    assert result.ap75 == 0
    assert result.rank1 is None


@pytest.mark.parametrize(
    ("angles", "rank1"), [((0, 90, 5, 95), 1.0), ((0, 40, 10, 12), 0.5), ((0, 5, 90, 95), 0.0)]
)
def test_rank_1_is_of_the_most_similar_other_box(angles, rank1):
    assert summarise([make_detected([], [], 0, angles)]).rank1 == rank1


def make_detections(boxes: np.ndarray) -> Detections:
    return Detections(boxes.astype(np.float32), np.full(len(boxes), 0.5, np.float32))


def test_detections_are_compared_at_both_overlaps_and_true_boxes_are_embedded(monkeypatch):
    stills = [make_still(seed, StillConfig(size_px=64, body_px=(20, 30))) for seed in (2, 3)]
    batch = collate(stills)
    truth = np.concatenate(batch.boxes)
    # Of the width of each box, 0.6 are detected, and then all.
    narrow = [boxes * [1, 1, 0.4, 1] + boxes[:, [0]] * [0, 0, 0.6, 0] for boxes in batch.boxes]
    detections = [make_detections(boxes) for boxes in narrow]
    monkeypatch.setattr("murid.training.validate.decode_output", lambda *_: detections)
    network = build_network("nano").eval()
    assert not score_batch(network, batch).hits50.any()
    wide = [b * [1, 1, 0.6, 1] + b[:, [0]] * [0, 0, 0.4, 0] for b in batch.boxes]
    detections[:] = [make_detections(boxes) for boxes in wide]
    scored = score_batch(network, batch)
    assert scored.n_truth == len(scored.hits50) == len(truth) > 0
    assert scored.hits50.all()
    assert not scored.hits75.any()
    assert scored.embeddings.shape == (len(truth), 128)
    np.testing.assert_array_equal(scored.identities, batch.identities)
