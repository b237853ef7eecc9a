"""How long each frame lasts, and which time no frame was taken in."""

import numpy as np
import pytest

from murid.analysis.clock import Clock
from murid.errors import ArrayError


def test_a_regular_clock_has_a_row_per_frame():
    time_s = 100 + np.arange(50) / 30
    clock = Clock.from_times(time_s, 1.0)
    np.testing.assert_array_equal(clock.time_s, time_s)
    np.testing.assert_allclose(clock.durations_s, 1 / 30)
    assert clock.is_filmed.all()
    assert not clock.is_gap.any()
    assert clock.end_s == pytest.approx(100 + 50 / 30)


def test_a_frame_lasts_until_the_next_one_within_jitter():
    clock = Clock.from_times(np.array([0, 0.1, 0.2, 0.37, 0.4]), 1.0)
    np.testing.assert_allclose(clock.durations_s, [0.1, 0.1, 0.17, 0.03, 0.1])


def test_dropped_frames_become_rows_where_they_would_have_been():
    """The rows are those of a recording in which these frames cannot be read."""
    whole = np.arange(20) / 10
    clock = Clock.from_times(np.delete(whole, [5, 6, 12]), 1.0)
    np.testing.assert_allclose(clock.time_s, whole)
    assert np.flatnonzero(~clock.is_filmed).tolist() == [5, 6, 12]
    assert clock.frames[[4, 5, 6, 7]].tolist() == [4, 4, 4, 5]
    assert not clock.is_gap.any()


def test_a_pause_is_one_row():
    clock = Clock.from_times(np.array([0, 0.1, 0.2, 60.2, 60.3]), 1.0)
    np.testing.assert_allclose(clock.durations_s, [0.1, 0.1, 0.1, 59.9, 0.1, 0.1])
    assert clock.is_gap.tolist() == [False, False, False, True, False, False]
    assert clock.unfilmed_s == pytest.approx(59.9)


@pytest.mark.parametrize("fps", [0.1, 1, 2, 30, 500])
def test_the_normal_interval_and_one_dropped_frame_are_no_gap_at_any_rate(fps):
    time_s = np.delete(np.arange(100) / fps, 40)
    clock = Clock.from_times(time_s, 1.0)
    assert not clock.is_gap.any()
    assert clock.max_gap_s == pytest.approx(max(1.0, 2.5 / fps))
    later = np.append(time_s, time_s[-1] + 1.1 * clock.max_gap_s)
    assert Clock.from_times(later, 1.0).is_gap.sum() == 1


@pytest.mark.parametrize("n", [3, 4, 5, 8, 9])
def test_pairs_of_frames_with_pauses_between(n):
    """Half of the intervals are pauses."""
    time_s = (np.arange(n) // 2 * 20 + np.arange(n) % 2 / 30).astype(float)
    clock = Clock.from_times(time_s, 1.0)
    assert clock.interval_s == pytest.approx(1 / 30)
    assert clock.durations_s[~clock.is_gap].sum() == pytest.approx(n / 30)


def test_without_filling_all_dropped_frames_are_gaps():
    clock = Clock.from_times(np.array([0, 0.1, 0.2, 0.4, 0.5]), 0.0)
    assert clock.is_gap.tolist() == [False, False, False, True, False, False]


def test_nearly_equal_times_do_not_fill_the_memory():
    """A camera that delivers frames in pairs."""
    time_s = np.sort(np.concatenate([np.arange(100) / 15, np.arange(100) / 15 + 1e-6]))
    clock = Clock.from_times(time_s, 1.0)
    assert clock.n_rows <= 100 * 32
    assert clock.durations_s.sum() == pytest.approx(time_s[-1] - time_s[0], abs=1e-3)


def test_values_of_frames_are_expanded_to_rows():
    clock = Clock.from_times(np.array([0, 0.1, 0.2, 5.0, 5.1]), 1.0)
    expanded = clock.expand(np.arange(5.0), np.nan)
    np.testing.assert_array_equal(expanded, [0, 1, 2, np.nan, 3, 4])
    first, last = clock.find_frames(np.array([1, 3, 3]), np.array([2, 4, 3]))
    assert (first.tolist(), last.tolist()) == ([1, 3, 2], [2, 3, 2])


@pytest.mark.parametrize("n", [0, 1])
def test_recordings_without_an_interval(n):
    clock = Clock.from_times(np.zeros(n), 1.0)
    assert (clock.n_rows, clock.n_frames, clock.interval_s, clock.end_s) == (n, n, 0, 0)


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([0, 0.1, 0.1], "time_s: expected increasing times, got 0.1 after 0.1 at frame 2"),
        ([0, 0.2, 0.1], "got 0.1 after 0.2 at frame 2"),
        ([0, np.nan, 1], "time_s: expected seconds, got nan at frame 1"),
    ],
)
def test_times_that_do_not_increase_are_refused(times, words):
    with pytest.raises(ArrayError, match=words):
        Clock.from_times(np.array(times, float))
    with pytest.raises(ArrayError, match="max_gap_s: expected 0 or more"):
        Clock.from_times(np.arange(3.0), -1)
