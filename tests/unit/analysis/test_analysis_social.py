"""What animals do with each other, on scenes that can be worked out by hand."""

import numpy as np
import pytest

from murid.analysis.social import (
    compute_association,
    compute_distance_matrix,
    compute_distances,
    find_following,
    find_group_sizes,
)

TIME_S = np.arange(20) / 10


def walk(start: tuple[float, float], step: tuple[float, float]) -> np.ndarray:
    return np.array(start, float) + np.arange(20)[:, None] * np.array(step)


def test_distances():
    a, b = walk((0, 0), (1, 0)), walk((3, 4), (1, 0))
    b[5] = np.nan
    np.testing.assert_allclose(np.delete(compute_distances(a, b), 5), 5)
    position = np.stack([a, b, np.full(a.shape, np.nan)], axis=2)
    matrix = compute_distance_matrix(position, np.ones(20))
    np.testing.assert_allclose(matrix, [[0, 5, np.nan], [5, 0, np.nan], [np.nan] * 3])


def test_mean_distances_are_weighted_by_time():
    a, b = np.zeros((2, 2)), np.array([[3.0, 0], [9, 0]])
    matrix = compute_distance_matrix(np.stack([a, b], axis=2), np.array([1.0, 3.0]))
    assert matrix[0, 1] == (3 + 3 * 9) / 4


@pytest.mark.parametrize(
    ("follower", "leader", "follows"),
    [
        (walk((0, 0), (1, 0)), walk((5, 0), (1, 0)), True),
        (walk((5, 0), (1, 0)), walk((0, 0), (1, 0)), False),  # it leads
        (walk((0, 0), (1, 0)), walk((50, 0), (1, 0)), False),  # too far
        (walk((0, 0), (1, 0)), walk((5, 0), (0, 0)), False),  # the other rests
        (walk((0, 0), (1, 0)), walk((5, 0), (0, 1)), False),  # the other goes elsewhere
        (walk((0, 0), (1, 0)), walk((0, 5), (1, 0)), False),  # side by side
        (walk((0, 0), (1, 0)), np.full((20, 2), np.nan), False),
    ],
)
def test_following(follower, leader, follows):
    found = find_following(follower, leader, TIME_S, max_distance=10, min_speed=5, max_angle_deg=45)
    assert found[:5].tolist() == [follows] * 5


def test_a_chain_of_neighbours_is_one_group():
    x = np.array([0.0, 9, 18, 50, 9])
    position = np.stack([x, np.zeros(5)])[None].repeat(2, axis=0)
    eligible = np.array([[True, True, True, True, False], [True, False, True, True, False]])
    sizes = find_group_sizes(position, eligible, max_distance=10)
    assert sizes.tolist() == [[3, 3, 3, 1, 0], [1, 0, 1, 1, 0]]


def test_association_counts_time_in_which_both_are_known():
    together, known = np.array([1, 1, 0, 0, 1], bool), np.array([1, 1, 1, 1, 0], bool)
    assert compute_association(together, known, np.array([1, 2, 3, 4, 5.0])) == pytest.approx(0.3)
    assert np.isnan(compute_association(together, np.zeros(5, bool), np.ones(5)))
