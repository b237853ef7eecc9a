import numpy as np
import pytest

from murid.core.clock import StepCounter, count_steps, find_gaps, parse_time, to_frames
from murid.errors import ArrayError, ConfigError


@pytest.mark.parametrize(
    ("seconds", "fps", "frames"),
    [(2.0, 30.0, 60.0), (2.0, 0.1, 3.0), (0.5, 25.0, 12.5), (0.0, 30.0, 0.0), (0.0, 0.1, 0.0)],
)
def test_a_limit_in_seconds_is_at_least_so_many_frames_unless_it_is_off(seconds, fps, frames):
    assert to_frames(seconds, fps, at_least=3) == frames


def test_steps_are_whole_intervals_and_jitter_is_none():
    times_s = np.cumsum([0.0, 0.04, 0.03, 0.05, 0.08, 0.04, 3.0])
    assert count_steps(times_s, 25.0).tolist() == [1, 1, 1, 2, 1, 75]


@pytest.mark.parametrize("times", [[0.0, np.nan], [0.1, 0.0], [0.0, np.inf]])
def test_times_must_be_finite_and_in_order(times):
    with pytest.raises(ArrayError, match="ascending"):
        count_steps(np.array(times), 30.0)


def test_a_gap_between_chunks_counts_as_within_one():
    times_s = np.array([0.0, 0.1, 0.2, 5.2, 5.3])
    counter = StepCounter(10.0)
    found = [counter.count(times_s[:3], 3), counter.count(times_s[3:], 2)]
    assert np.concatenate(found).tolist() == [1, 1, 1, 50, 1]
    assert counter.count(None, 2).tolist() == [1, 1]
    assert counter.count(np.zeros(0), 0).tolist() == []
    with pytest.raises(ArrayError, match="times_s"):
        counter.count(times_s, 3)


def test_gaps_are_intervals_of_one_and_a_half_and_more():
    times_s = np.cumsum([0.0, 0.04, 0.05, 0.06, 0.04, 2.0, 0.04])
    gaps = find_gaps(times_s, 25.0)
    assert gaps.frames.tolist() == [2, 4]
    assert gaps.n_missing.tolist() == [1, 49]
    np.testing.assert_allclose(gaps.gaps_s, [0.06, 2.0])
    assert not len(find_gaps(np.arange(100) / 30, 30.0))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12.5", 12.5),
        ("0:12.5", 12.5),
        ("00:03:12.5", 192.5),
        ("1:00:00", 3600.0),
        ("90", 90.0),
        ("-1:30", -90.0),
        ("3,5", 3.5),
        ("90s", 90.0),
        ("1.5 min", 90.0),
        ("1h", 3600.0),
        (7.25, 7.25),
        (None, None),
    ],
)
def test_times_as_people_write_them(text, seconds):
    assert parse_time("start", text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "1:2:3:4", "1:75", "00:03:12.5.1", "1:-3"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ConfigError, match="start"):
        parse_time("start", text)
