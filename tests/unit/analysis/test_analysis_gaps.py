"""Gaps: nothing silent, nothing made up."""

import numpy as np
import pytest

from murid.analysis.gaps import interpolate_gaps
from murid.errors import ArrayError

TIME_S = np.arange(10) / 10


def make_ramp() -> np.ndarray:
    path = np.stack([np.arange(10.0), 2 * np.arange(10.0)], axis=1)[:, :, None]
    path[0], path[3:5], path[9] = np.nan, np.nan, np.nan
    return path


def test_gaps_are_interpolated_up_to_a_duration_and_never_at_the_ends():
    bridged = interpolate_gaps(make_ramp(), TIME_S, 0.3)
    np.testing.assert_allclose(bridged[1:9, 0, 0], np.arange(1, 9))
    np.testing.assert_allclose(bridged[1:9, 1, 0], 2 * np.arange(1, 9))
    assert np.isnan(bridged[[0, 9]]).all()
    np.testing.assert_array_equal(interpolate_gaps(make_ramp(), TIME_S, 0.29), make_ramp())
    with pytest.raises(ArrayError, match="max_gap_s: expected 0 or more"):
        interpolate_gaps(make_ramp(), TIME_S, -1)
