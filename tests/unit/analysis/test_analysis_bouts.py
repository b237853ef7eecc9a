"""Bouts: joined over short pauses, never over missing time."""

import numpy as np
import pytest

from murid.analysis.bouts import find_bouts
from murid.errors import ArrayError

EDGES_S = np.arange(11) / 10


def test_bouts():
    state = np.array([0, 1, 1, 0, 1, 0, 0, 0, 1, 1], bool)
    every = find_bouts(state, EDGES_S)
    assert every.first_frames.tolist() == [1, 4, 8]
    assert every.last_frames.tolist() == [2, 4, 9]
    np.testing.assert_allclose(every.duration_s, [0.2, 0.1, 0.2])
    np.testing.assert_array_equal(every.to_mask(10), state)
    assert find_bouts(state, EDGES_S, min_duration_s=0.2).first_frames.tolist() == [1, 8]
    joined = find_bouts(state, EDGES_S, min_duration_s=0.3, max_pause_s=0.15)
    assert joined.first_frames.tolist() == [1]
    np.testing.assert_allclose(joined.duration_s, [0.4])
    assert len(find_bouts(np.zeros(10, bool), EDGES_S, max_pause_s=1)) == 0
    assert len(find_bouts(np.zeros(0, bool), np.zeros(1))) == 0


def test_bouts_end_at_missing_time():
    state = np.array([1, 1, 0, 1, 1, 0, 1, 1, 1, 1], bool)
    missing = np.zeros(10, bool)
    missing[2] = True
    joined = find_bouts(state, EDGES_S, 0.3, max_pause_s=0.15, missing=missing)
    assert joined.first_frames.tolist() == [3]
    with pytest.raises(ArrayError, match=r"edges_s: expected shape \(11,\), got shape \(10,\)"):
        find_bouts(state, EDGES_S[:-1])
