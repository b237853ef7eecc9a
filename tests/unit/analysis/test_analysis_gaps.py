"""Gaps, smoothing and bouts: nothing silent, nothing made up."""

import numpy as np
import pytest

from murid.analysis.bouts import find_bouts
from murid.analysis.gaps import compute_durations, interpolate_gaps
from murid.analysis.kinematics import compute_distance
from murid.analysis.smoothing import compute_window_frames, smooth
from murid.errors import ArrayError

TIME_S = np.arange(10) / 10


def make_ramp() -> np.ndarray:
    path = np.stack([np.arange(10.0), 2 * np.arange(10.0)], axis=1)[:, :, None]
    path[0], path[3:5], path[9] = np.nan, np.nan, np.nan
    return path


def test_durations_add_up_to_the_recording():
    np.testing.assert_allclose(
        compute_durations(np.array([0, 0.1, 0.2, 0.5])), [0.1, 0.1, 0.3, 0.1]
    )
    assert compute_durations(np.zeros(1)).tolist() == [0]


def test_gaps_are_interpolated_up_to_a_duration_and_never_at_the_ends():
    bridged = interpolate_gaps(make_ramp(), TIME_S, 0.3)
    np.testing.assert_allclose(bridged[1:9, 0, 0], np.arange(1, 9))
    np.testing.assert_allclose(bridged[1:9, 1, 0], 2 * np.arange(1, 9))
    assert np.isnan(bridged[[0, 9]]).all()
    np.testing.assert_array_equal(interpolate_gaps(make_ramp(), TIME_S, 0.29), make_ramp())
    with pytest.raises(ArrayError, match="max_gap_s: expected 0 or more"):
        interpolate_gaps(make_ramp(), TIME_S, -1)


def test_windows_are_odd_numbers_of_frames():
    time_s = np.arange(100) / 30
    assert [compute_window_frames(time_s, s) for s in (0, 0.1, 0.5, 0.9)] == [1, 3, 15, 27]


def test_smoothing_keeps_a_parabola_and_the_gaps():
    time_s = np.arange(60) / 30
    path = np.stack([time_s**2, 1 - time_s], axis=1)[:, :, None]
    path[30:32] = np.nan
    np.testing.assert_allclose(smooth(path, time_s, 0.5), path, atol=1e-12)


def test_smoothing_removes_jitter_of_a_resting_animal():
    rng = np.random.default_rng(0)
    time_s, path = np.arange(900) / 30, rng.normal(0, 1, (900, 2, 1))
    np.testing.assert_array_equal(smooth(path, time_s, 0), path)
    assert compute_distance(smooth(path, time_s, 0.5))[0] < 0.2 * compute_distance(path)[0]


def test_bouts():
    state = np.array([0, 1, 1, 0, 1, 0, 0, 0, 1, 1], bool)
    every = find_bouts(state, TIME_S)
    assert every.first_frames.tolist() == [1, 4, 8]
    assert every.last_frames.tolist() == [2, 4, 9]
    np.testing.assert_allclose(every.duration_s, [0.2, 0.1, 0.2])
    np.testing.assert_array_equal(every.to_mask(10), state)
    assert find_bouts(state, TIME_S, min_duration_s=0.2).first_frames.tolist() == [1, 8]
    joined = find_bouts(state, TIME_S, min_duration_s=0.3, max_pause_s=0.15)
    assert joined.first_frames.tolist() == [1]
    np.testing.assert_allclose(joined.duration_s, [0.4])
    assert len(find_bouts(np.zeros(10, bool), TIME_S, max_pause_s=1)) == 0
    assert len(find_bouts(np.zeros(0, bool), np.zeros(0))) == 0
