"""Zones with a margin, and the border of an arena."""

import numpy as np
import pytest

from murid.analysis.space import compute_border_width, find_hidden, find_visiting
from murid.arenas.layout import Region

LEFT = Region("left", ((0, 0), (100, 0), (100, 100), (0, 100)))


def at(*x: float) -> np.ndarray:
    return np.column_stack([np.array(x, float), np.full(len(x), 50.0)])


def test_a_visit_ends_beyond_the_margin():
    path = at(110, 102, 99, 102, 104, 106, 104, 102, 99)
    visiting = find_visiting(LEFT, path, 5.0)
    assert visiting.tolist() == [False, False, True, True, True, False, False, False, True]
    assert find_visiting(LEFT, path, 0.0).tolist() == LEFT.contains(path).tolist()
    # Without boxes there is no body length, and so no margin.
    assert find_visiting(LEFT, path, np.nan).tolist() == LEFT.contains(path).tolist()


def test_missing_frames_are_no_visit_and_do_not_decide():
    path = at(99, np.nan, 102, np.nan, 99)
    assert find_visiting(LEFT, path, 5.0).tolist() == [True, False, True, False, True]
    path = at(np.nan, 102, 99)
    assert find_visiting(LEFT, path, 5.0).tolist() == [False, False, True]
    assert find_visiting(LEFT, np.zeros((0, 2)), 5.0).tolist() == []


def test_the_margin_of_a_circle():
    circle = Region("hole", circle=(50, 50, 20))
    assert find_visiting(circle, at(50, 72, 76, 72), 5.0).tolist() == [True, True, False, False]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_border_has_its_share_of_the_area(share):
    side = 100 * (1 - np.sqrt(1 - share)) / 2
    assert compute_border_width(LEFT, share) == pytest.approx(side)
    circle = Region("round", circle=(50, 50, 20))
    expected = 20 * (1 - np.sqrt(1 - share))
    assert compute_border_width(circle, share) == pytest.approx(expected, rel=1e-3)
    # An L: the share of evenly spread points that are within the border.
    corner = Region("L", ((0, 0), (90, 0), (90, 30), (40, 30), (40, 80), (0, 80)))
    points = np.random.default_rng(0).uniform(0, 90, (20_000, 2))
    points = points[corner.contains(points)]
    width = compute_border_width(corner, share)
    found = np.mean(corner.compute_wall_distance(points) <= width)
    assert found == pytest.approx(share, abs=0.02)


def test_hidden_frames_are_between_frames_inside():
    inside = np.array([1, 0, 0, 1, 0, 0, 0], bool)
    missing = np.array([0, 1, 1, 0, 1, 0, 1], bool)
    assert find_hidden(inside, missing).tolist() == [False, True, True, False, False, False, False]
