import numpy as np
import pytest

from murid.video.frame_rate import compute_median_fps


@pytest.mark.parametrize("fps", [0.1, 1, 12.5, 24, 25, 30, 30000 / 1001, 60, 120, 240])
def test_rounded_times_of_a_constant_rate_give_the_exact_mean(fps):
    times_s = np.round(np.arange(300) / fps, 3)
    assert compute_median_fps(times_s, 1e-3) == (len(times_s) - 1) / times_s[-1]


def test_a_pause_does_not_change_the_rate():
    times_s = np.arange(390) / 30
    times_s[200:] += 3
    assert compute_median_fps(times_s, 1 / 15360) == pytest.approx(30, rel=1e-9)
    rounded = np.round(times_s, 3)
    assert compute_median_fps(rounded, 1e-3) == pytest.approx(30, rel=1e-3)


def test_jitter_gives_the_median_interval():
    intervals = np.array([0.02, 0.04, 0.05, 0.03, 0.2])
    times_s = np.concatenate([[0], np.cumsum(intervals)])
    assert compute_median_fps(times_s, 1e-4) == pytest.approx(25)


def test_half_way_between_two_intervals():
    assert compute_median_fps(np.array([0, 0.1, 0.4]), 1e-3) == pytest.approx(5)


@pytest.mark.parametrize("times_s", [[], [0.0], [0.0, 0.0]])
def test_without_intervals_there_is_no_rate(times_s):
    assert compute_median_fps(np.array(times_s), 1e-3) is None


def test_dropped_frames_count_double_where_a_tick_is_a_frame():
    times_s = np.delete(np.arange(100), [10, 20, 30, 40, 41]) / 30
    assert compute_median_fps(times_s, 1 / 30) == pytest.approx(30, rel=1e-9)
