"""Keypoints of identities: each row keeps those of its detection, and gaps are interpolated."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_keypoints import exchange, simulate

from murid.core.keypoints import CENTRE, CONFIDENCE, NOSE, make_unknown_keypoints
from murid.identification import (
    DoubtfulCrossings,
    IdentificationConfig,
    IdentificationResult,
    complete_keypoints,
)

COLUMNS = (
    "frames",
    "rows",
    "identity_ids",
    "boxes",
    "scores",
    "identity_probabilities",
    "merged",
    "sources",
)
AS_DETECTED = IdentificationConfig(smooth_boxes=False)


def make_result(animals, rows):
    """The boxes of identities 1, 2, … in every frame; `rows` ``(F, I)`` of their detections."""
    n, n_animals = rows.shape
    boxes = np.stack([animal.boxes for animal in animals], axis=1).reshape(-1, 4)
    ones = np.ones(n * n_animals, np.float32)
    return IdentificationResult(
        frames=np.repeat(np.arange(n), n_animals),
        rows=rows.ravel(),
        identity_ids=np.tile(np.arange(1, n_animals + 1), n),
        boxes=boxes,
        scores=ones,
        identity_probabilities=ones,
        merged=np.zeros(len(boxes), bool),
        sources=np.zeros(len(boxes), np.uint8),
        crossings=DoubtfulCrossings.empty(),
    )


def test_rows_get_the_keypoints_of_their_detections():
    """Detections are in any order within a frame, and some belong to no identity."""
    animals = [simulate(20, seed=seed) for seed in range(3)]
    rng = np.random.default_rng(0)
    n = len(animals[0].times_s)
    rows = np.array([rng.permutation(4)[:3] for _ in range(n)]) + 4 * np.arange(n)[:, None]
    keypoints = make_unknown_keypoints(4 * n)
    truth = np.stack([animal.detect(0) for animal in animals], axis=1)
    keypoints[rows] = truth
    completed = complete_keypoints(
        make_result(animals, rows), keypoints, animals[0].times_s, 30.0, AS_DETECTED
    ).reshape(n, 3, 3, 3)
    np.testing.assert_array_equal(completed[..., :2], truth[..., :2])
    np.testing.assert_array_equal(completed[:, :, CENTRE], truth[:, :, CENTRE])


def test_heads_are_resolved_and_points_smoothed_for_each_identity():
    animals = [simulate(30, seed=seed) for seed in range(2)]
    rng = np.random.default_rng(0)
    n = len(animals[0].times_s)
    rows = np.arange(2 * n).reshape(n, 2)
    clean = np.stack([animal.detect(k) for k, animal in enumerate(animals)], axis=1)
    detected = exchange(clean.reshape(-1, 3, 3), rng.random(2 * n) < 0.1)
    result = make_result(animals, rows)
    errors = {}
    for config in (AS_DETECTED, IdentificationConfig()):
        completed = complete_keypoints(result, detected, animals[0].times_s, 30.0, config)
        for k, animal in enumerate(animals):
            assert animal.find_wrong(completed[k::2]).mean() <= 0.01
        gaps = completed[::2, NOSE, :2] - animals[0].truth[:, NOSE, :2]
        errors[config.smooth_boxes] = np.median(np.linalg.norm(gaps, axis=1))
    assert errors[True] < 0.8 * errors[False]


@pytest.mark.parametrize("config", [AS_DETECTED, IdentificationConfig()])
def test_interpolated_and_drawn_boxes(config):
    animal = simulate(4, behaviours=("rest",))
    n = len(animal.times_s)
    rows = np.arange(n)[:, None]
    detected = animal.detect(0, noise=0)
    rows[20:30] = -1
    # Boxes that a person drew, and a detection without keypoints.
    rows[50] = -2
    rows[-1] = -2
    detected[60] = make_unknown_keypoints(1)[0]
    completed = complete_keypoints(
        make_result([animal], rows), detected, animal.times_s, 30.0, config
    )
    interpolated = [*range(20, 30), 50, 60]
    assert (completed[interpolated, :, CONFIDENCE] == 0).all()
    np.testing.assert_allclose(
        completed[interpolated, :, :2], animal.truth[interpolated, :, :2], atol=0.1
    )
    # After the last detection nothing is known.
    assert np.isnan(completed[-1, :, :2]).all()
    assert (completed[-1, :, CONFIDENCE] == 0).all()
    others = np.setdiff1d(np.arange(n - 1), interpolated)
    assert (completed[others, :, CONFIDENCE] > 0).all()


def test_a_long_series_of_drawn_boxes_is_not_interpolated():
    animal = simulate(6, behaviours=("rest",))
    rows = np.arange(len(animal.times_s))[:, None]
    rows[30:130] = -2
    completed = complete_keypoints(
        make_result([animal], rows), animal.detect(0), animal.times_s, 30.0
    )
    assert np.isnan(completed[30:130, :, 0]).all()


def test_nothing_is_smoothed_or_interpolated_across_a_pause():
    animal = simulate(4, behaviours=("rest",))
    n = len(animal.times_s)
    times_s = animal.times_s + 100 * (np.arange(n) >= 60)
    detected = animal.detect(0, confidences=(1, 1))
    result = make_result([animal], np.arange(n)[:, None])
    completed = complete_keypoints(result, detected, times_s, 30.0)
    halves = []
    for frames in (slice(0, 60), slice(60, n)):
        part = replace(result, **{name: getattr(result, name)[frames] for name in COLUMNS})
        halves.append(complete_keypoints(part, detected, times_s, 30.0))
    np.testing.assert_allclose(completed, np.concatenate(halves), atol=1e-3)
