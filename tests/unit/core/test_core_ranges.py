"""Ranges and runs in arrays."""

import numpy as np

from murid.core.ranges import concatenate_ranges, find_run_starts


def test_ranges_are_concatenated() -> None:
    assert concatenate_ranges(np.array([3, 0, 2])).tolist() == [0, 1, 2, 0, 1]
    assert len(concatenate_ranges(np.zeros(0, np.int64))) == 0


def test_runs_start_where_the_value_changes() -> None:
    assert find_run_starts(np.array([4, 4, 2, 4])).tolist() == [0, 2, 3]
    assert len(find_run_starts(np.zeros(0, np.int64))) == 0
