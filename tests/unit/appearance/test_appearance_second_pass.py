"""Which frames the second pass reads."""

import numpy as np
import pytest

from murid.appearance.second_pass import (
    MAX_SAMPLE_SHARE,
    N_SAMPLE_STRETCHES,
    SAMPLE_STRETCH_S,
    choose_stretches,
    find_stretches,
)

SAMPLE_S = N_SAMPLE_STRETCHES * SAMPLE_STRETCH_S


def test_a_sample_is_spread_over_a_long_recording():
    times_s = np.arange(0, 3600, 0.1)
    stretches = choose_stretches(times_s)
    assert len(stretches) == N_SAMPLE_STRETCHES
    for stretch in stretches:
        assert times_s[stretch.stop] - times_s[stretch.start] == pytest.approx(SAMPLE_STRETCH_S)
    middles = [times_s[(stretch.start + stretch.stop) // 2] for stretch in stretches]
    np.testing.assert_allclose(middles, [450, 1350, 2250, 3150], atol=0.2)


def test_a_short_recording_is_not_sampled():
    longest_s = SAMPLE_S / MAX_SAMPLE_SHARE
    assert choose_stretches(np.arange(0, longest_s - 1, 0.5)) == []
    assert choose_stretches(np.arange(0, longest_s + 2, 0.5))
    assert choose_stretches(np.zeros(0)) == []


def test_stretches_in_a_pause_are_left_out():
    times_s = np.append(np.arange(0, 200, 0.5), np.arange(2000, 2200, 0.5))
    stretches = choose_stretches(times_s)
    assert all(len(stretch) for stretch in stretches)


def test_long_gaps_between_wanted_frames_are_skipped():
    wanted = np.zeros(5000, bool)
    wanted[[10, 20, 400, 3000, 3001]] = True
    assert find_stretches(wanted) == [range(10, 401), range(3000, 3002)]
    assert find_stretches(wanted[:5]) == []
