"""Nose and tail base are exchanged where the detector confused them, and nowhere else."""

import numpy as np
import pytest
from simulated_keypoints import BODY_PX, choose_bursts, exchange, simulate

from murid.core.keypoints import CENTRE, CONFIDENCE, NOSE, TAIL_BASE, make_unknown_keypoints
from murid.identification.keypoints.head_tail import AnimalFrames, resolve_head_tail


def resolve(animal, keypoints, fps=30.0):
    return resolve_head_tail(AnimalFrames(animal.times_s, animal.boxes, keypoints), 1 / fps)[0]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fps", [60.0, 30.0, 10.0, 5.0])
def test_random_exchanges_are_undone(seed, fps):
    animal = simulate(60, fps, seed)
    is_wrong = np.random.default_rng(seed).random(len(animal.times_s)) < 0.1
    detected = exchange(animal.detect(seed), is_wrong)
    assert animal.find_wrong(detected).mean() > 0.05
    assert animal.find_wrong(resolve(animal, detected, fps)).mean() <= 0.01


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fps", [30.0, 10.0])
def test_what_was_known_before_is_remembered_at_rest(seed, fps):
    animal = simulate(60, fps, seed)
    detected = exchange(animal.detect(seed), choose_bursts(animal, 0.1, fps, seed=seed))
    assert animal.find_wrong(detected).mean() >= 0.1
    assert animal.find_wrong(resolve(animal, detected, fps)).mean() <= 0.01


def test_an_animal_that_starts_at_rest_is_known_by_how_it_walks_off():
    animal = simulate(4, behaviours=("rest",))
    walking = simulate(3, behaviours=("walk",))
    # Both walk on from where the first one rests, in the direction in which it looks.
    rest, walk = animal.truth.copy(), walking.truth.copy()
    angle = np.arctan2(*(rest[-1, NOSE, :2] - rest[-1, TAIL_BASE, :2])[::-1])
    angle -= np.arctan2(*(walk[0, NOSE, :2] - walk[0, TAIL_BASE, :2])[::-1])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    walk[:, :, :2] = (walk[:, :, :2] - walk[0, CENTRE, :2]) @ turn + rest[-1, CENTRE, :2]
    keypoints = np.concatenate([rest, walk]).astype(np.float32)
    keypoints[:, :, CONFIDENCE] = 0.5
    half = np.array([30, 30])
    centres = keypoints[:, CENTRE, :2]
    boxes = np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)
    times_s = np.arange(len(keypoints)) / 30
    # The detector is wrong all the time.
    detected = exchange(keypoints, np.ones(len(keypoints), bool))
    resolved, _ = resolve_head_tail(AnimalFrames(times_s, boxes, detected), 1 / 30)
    np.testing.assert_array_equal(resolved[:, NOSE, :2], keypoints[:, NOSE, :2])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fps", [60.0, 30.0, 5.0])
def test_nothing_is_exchanged_where_the_detector_is_right(seed, fps):
    animal = simulate(60, fps, seed)
    detected = animal.detect(seed)
    resolved = resolve(animal, detected, fps)
    np.testing.assert_array_equal(resolved[:, :, :2], detected[:, :, :2])
    # Where nothing is in doubt, confidences stay.
    assert resolved[:, NOSE, CONFIDENCE].mean() > 0.99 * detected[:, NOSE, CONFIDENCE].mean()


def test_animals_that_back_up_slowly_keep_their_heads():
    animal = simulate(20, behaviours=("back up",))
    detected = animal.detect(0)
    np.testing.assert_array_equal(resolve(animal, detected)[:, :, :2], detected[:, :, :2])


def test_confidences_follow_their_points():
    animal = simulate(10)
    keypoints = animal.detect(0)
    keypoints[:, NOSE, CONFIDENCE] = 0.9
    keypoints[:, TAIL_BASE, CONFIDENCE] = 0.6
    is_wrong = np.arange(len(keypoints)) % 10 == 5
    resolved = resolve(animal, exchange(keypoints, is_wrong))
    np.testing.assert_allclose(resolved[:, NOSE, CONFIDENCE], 0.9, rtol=0.01)
    np.testing.assert_allclose(resolved[:, TAIL_BASE, CONFIDENCE], 0.6, rtol=0.01)
    np.testing.assert_array_equal(resolved[:, CENTRE], keypoints[:, CENTRE])


def test_what_nothing_tells_apart_has_half_the_confidence():
    animal = simulate(1, behaviours=("rest",))
    one = AnimalFrames(animal.times_s[:1], animal.boxes[:1], animal.detect(0)[:1])
    one.keypoints[:, :, CONFIDENCE] = 1e-3
    resolved, _ = resolve_head_tail(one, 1 / 30)
    np.testing.assert_allclose(resolved[0, [NOSE, TAIL_BASE], CONFIDENCE], 5e-4, rtol=0.01)
    assert resolved[0, CENTRE, CONFIDENCE] == np.float32(1e-3)


def test_poor_frames_do_not_break_the_chain():
    animal = simulate(60, behaviours=("rest",))
    rng = np.random.default_rng(0)
    detected = animal.detect(0)
    # Confident in the first second only; then right and wrong at random, and anywhere.
    late = animal.times_s > 1
    poor = late & (rng.random(len(late)) < 0.4)
    shift = rng.normal(0, BODY_PX, (poor.sum(), 3, 2))
    detected[poor, :, :2] += shift.astype(np.float32)
    detected[poor, :, CONFIDENCE] = 0.02
    is_wrong = late & (rng.random(len(late)) < 0.4)
    resolved = resolve(animal, exchange(detected, is_wrong))
    assert not animal.find_wrong(resolved)[~poor].any()


def test_frames_of_low_confidence_follow_the_nearest_others():
    animal = simulate(20)
    detected = animal.detect(0)
    poor = np.arange(len(detected)) % 5 == 2
    detected[poor, :, CONFIDENCE] = 0.02
    resolved = resolve(animal, exchange(detected, poor))
    assert not animal.find_wrong(resolved).any()
    np.testing.assert_allclose(resolved[poor, :, CONFIDENCE], 0.02, rtol=0.02)


def test_unknown_keypoints_stay_unknown_and_harm_no_others():
    animal = simulate(30)
    rng = np.random.default_rng(0)
    complete = exchange(animal.detect(0), rng.random(len(animal.times_s)) < 0.1)
    detected = complete.copy()
    unknown = rng.random(detected.shape[:2]) < 0.2
    detected[unknown] = [np.nan, np.nan, 0]
    resolved = resolve(animal, detected)
    assert np.isnan(resolved[:, :, 0]).sum() == unknown.sum()
    assert (resolved[np.isnan(resolved[:, :, 0]), CONFIDENCE] == 0).all()
    both = ~unknown[:, NOSE] & ~unknown[:, TAIL_BASE]
    assert animal.find_wrong(resolved)[both].mean() <= 0.01
    # Where one end is unknown, nothing says which it is.
    np.testing.assert_array_equal(resolved[~both], detected[~both])


@pytest.mark.parametrize("n", [0, 1, 5])
def test_animals_without_keypoints(n):
    frames = AnimalFrames(
        np.arange(n) / 30, np.zeros((n, 4), np.float32), make_unknown_keypoints(n)
    )
    resolved, end = resolve_head_tail(frames, 1 / 30)
    np.testing.assert_array_equal(resolved, frames.keypoints)
    assert end is None


def test_memory_ends_in_a_pause_of_the_recording():
    """After a minute the animal may look anywhere: the detector is believed again."""
    animal = simulate(10, behaviours=("rest",))
    late = animal.times_s > 5
    times_s = animal.times_s + 60 * late
    turned = exchange(animal.detect(0), late)
    resolved, _ = resolve_head_tail(AnimalFrames(times_s, animal.boxes, turned), 1 / 30)
    np.testing.assert_array_equal(resolved[:, :, :2], turned[:, :, :2])
