"""Time bins that share the frames at their edges."""

import numpy as np
import pytest

from murid.analysis.bins import Bins
from murid.analysis.bouts import find_bouts

EVERY = np.ones(4, bool)


def test_a_frame_that_straddles_an_edge_is_split():
    bins = Bins.cut(np.arange(4.0), np.ones(4), 1.5)
    np.testing.assert_allclose(bins.start_s, [0, 1.5, 3])
    np.testing.assert_allclose(bins.end_s, [1.5, 3, 4])
    np.testing.assert_allclose(bins.seconds(EVERY), [1.5, 1.5, 1])
    np.testing.assert_allclose(bins.total(np.array([1.0, 10, np.nan, 1000])), [6, 5, 1000])
    np.testing.assert_allclose(bins.mean(np.array([0.0, 3, 9, 6])), [1, 7, 6])
    np.testing.assert_allclose(bins.max(np.array([0.0, 3, 9, 6])), [3, 9, 6])


def test_bins_shorter_than_a_frame_have_parts_of_it():
    bins = Bins.cut(10 + np.arange(4.0) * 10, np.full(4, 10.0), 5.0)
    assert bins.start_s.tolist() == [10, 15, 20, 25, 30, 35, 40, 45]
    np.testing.assert_allclose(bins.seconds(EVERY), 5)
    np.testing.assert_allclose(bins.total(np.array([2.0, 4, 6, 8])), [1, 1, 2, 2, 3, 3, 4, 4])
    np.testing.assert_allclose(
        bins.first(np.array([False, True, False, False])) - bins.start_s,
        [np.nan, np.nan, 0, 0, np.nan, np.nan, np.nan, np.nan],
    )
    bouts = find_bouts(np.array([False, True, False, True]), 10 + np.arange(5.0) * 10)
    assert bins.count(bouts).tolist() == [0, 0, 1, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("start_s", [0.0, 0.1, 1e9])
@pytest.mark.parametrize("fps", [0.1, 10, 30, 29.97])
def test_rounding_makes_no_bins(fps, start_s):
    """Frames that end on an edge make no further bin, whatever the start of the clock."""
    time_s = start_s + np.arange(600) / fps
    durations_s = np.append(np.diff(time_s), 1 / fps)
    bins = Bins.cut(time_s, durations_s, 60 / fps)
    assert len(bins) == 10
    np.testing.assert_allclose(bins.seconds(np.ones(600, bool)), 60 / fps, rtol=1e-4)


def test_no_bin_is_fuller_than_its_length():
    """At 29.97 frames/s no frame ends on an edge."""
    time_s = np.arange(1800) / 29.97
    bins = Bins.cut(time_s, np.full(1800, 1 / 29.97), 10.0)
    seen_s = bins.seconds(np.ones(1800, bool))
    assert (seen_s <= bins.end_s - bins.start_s + 1e-9).all()
    assert (seen_s <= 10 + 1e-9).all()
    assert seen_s.sum() == pytest.approx(1800 / 29.97)
