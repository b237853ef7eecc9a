"""Keypoints smoothed over time."""

import numpy as np
import pytest
from simulated_keypoints import BODY_PX, exchange, simulate

from murid.core.keypoints import CENTRE, CONFIDENCE, NOSE, TAIL_BASE
from murid.identification.keypoints.smoothing import smooth_keypoints


def measure_errors(animal, keypoints):
    return np.linalg.norm(keypoints[:, :, :2] - animal.truth[:, :, :2], axis=-1)


def smooth(keypoints, slots=None, fps=30.0):
    smoothed = keypoints.copy()
    smooth_keypoints(np.arange(len(keypoints)) if slots is None else slots, smoothed, fps)
    return smoothed


@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_noise_becomes_less(fps):
    animal = simulate(30, fps)
    detected = animal.detect(0)
    smoothed = smooth(detected, fps=fps)
    before, after = measure_errors(animal, detected), measure_errors(animal, smoothed)
    assert np.median(after) < 0.75 * np.median(before)
    np.testing.assert_array_equal(smoothed[:, :, CONFIDENCE], detected[:, :, CONFIDENCE])


def test_points_of_low_confidence_follow_the_others():
    animal = simulate(10, behaviours=("rest",))
    detected = animal.detect(0, noise=0.01)
    detected[50, NOSE] += [BODY_PX, 0, 0]
    bold, shy = detected.copy(), detected.copy()
    bold[50, NOSE, CONFIDENCE] = 1
    shy[50, NOSE, CONFIDENCE] = 0.02
    errors = [measure_errors(animal, smooth(each))[50, NOSE] for each in (bold, shy)]
    assert errors[1] < 0.1 * BODY_PX < errors[0]


def test_nothing_is_smoothed_across_a_gap():
    animal = simulate(4)
    detected = animal.detect(0, confidences=(1, 1))
    slots = np.arange(len(detected)) + 10 * (np.arange(len(detected)) >= 60)
    together = smooth(detected, slots)
    np.testing.assert_allclose(together[:60], smooth(detected[:60]), atol=1e-3)
    np.testing.assert_allclose(together[60:], smooth(detected[60:]), atol=1e-3)


def test_ends_are_not_smoothed_across_a_reversal():
    animal = simulate(4, behaviours=("rest",))
    detected = animal.detect(0, noise=0)
    reversed_ = exchange(detected, np.arange(len(detected)) >= 60)
    smoothed = smooth(reversed_)
    np.testing.assert_allclose(smoothed, reversed_, atol=1e-2)
    # The centre goes on.
    noisy = exchange(animal.detect(0), np.arange(len(detected)) >= 60)
    assert np.abs(smooth(noisy)[:, CENTRE] - smooth(animal.detect(0))[:, CENTRE]).max() == 0


def test_unknown_keypoints_stay_unknown():
    animal = simulate(4)
    detected = animal.detect(0)
    detected[::7, TAIL_BASE] = [np.nan, np.nan, 0]
    detected[:, CENTRE] = [np.nan, np.nan, 0]
    smoothed = smooth(detected)
    np.testing.assert_array_equal(np.isnan(smoothed), np.isnan(detected))
