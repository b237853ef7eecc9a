"""Smoothing by the times of the frames."""

import numpy as np
import pytest
from scipy.signal import savgol_filter

from murid.analysis.kinematics import compute_distance
from murid.analysis.smoothing import _fit_parabolas, compute_window_frames, smooth


def jitter(n: int, seed: int = 0) -> np.ndarray:
    """Times of about 30 frames/s, each up to 0.4 intervals early or late."""
    return (np.arange(n) + np.random.default_rng(seed).uniform(-0.4, 0.4, n)) / 30


def test_windows_are_odd_numbers_of_frames():
    assert [compute_window_frames(1 / 30, s) for s in (0, 0.1, 0.5, 0.9)] == [1, 3, 15, 27]
    assert compute_window_frames(0.0, 0.5) == 1


@pytest.mark.parametrize("time_s", [np.arange(60) / 30, jitter(60), 1e9 + jitter(60)])
def test_a_parabola_and_the_gaps_stay(time_s):
    at = time_s - time_s[0]
    path = np.stack([at**2, 1 - at], axis=1)[:, :, None]
    path[30:32] = np.nan
    np.testing.assert_allclose(smooth(path, time_s, 0.5), path, atol=1e-9)


@pytest.mark.parametrize("time_s", [np.arange(900) / 30, jitter(900)])
def test_jitter_of_a_resting_animal_is_removed(time_s):
    path = np.random.default_rng(0).normal(0, 1, (900, 2, 1))
    np.testing.assert_array_equal(smooth(path, time_s, 0), path)
    assert compute_distance(smooth(path, time_s, 0.5))[0] < 0.2 * compute_distance(path)[0]


def test_equally_spaced_frames_are_filtered_as_by_savitzky_and_golay():
    path = np.random.default_rng(1).normal(0, 1, (200, 2, 1))
    time_s = np.arange(200) / 30
    expected = savgol_filter(path[:, :, 0], 15, 2, axis=0)
    np.testing.assert_array_equal(smooth(path, time_s, 0.5)[:, :, 0], expected)
    np.testing.assert_array_equal(smooth(path, np.round(time_s, 3), 0.5)[:, :, 0], expected)
    fitted = _fit_parabolas(path[:, :, 0], time_s, 15 / 30)
    np.testing.assert_allclose(fitted, expected, atol=1e-9)


def test_the_window_is_as_long_where_frames_are_sparse():
    """A second at 60 frames/s and one at 20: the curve in the sparse part is not flattened."""
    time_s = np.concatenate([np.arange(60) / 60, 1 + np.arange(20) / 20, 2 + np.arange(60) / 60])
    path = np.stack([np.sin(5 * time_s), np.cos(5 * time_s)], axis=1)[:, :, None]
    np.testing.assert_allclose(smooth(path, time_s, 0.3), path, atol=0.03)


def test_windows_of_three_frames_change_nothing():
    time_s = np.array([0, 1.0, 2.3, 3.1, 4.0, 5.2])
    path = np.random.default_rng(0).normal(0, 1, (6, 2, 1))
    np.testing.assert_array_equal(smooth(path, time_s, 3.0), path)
