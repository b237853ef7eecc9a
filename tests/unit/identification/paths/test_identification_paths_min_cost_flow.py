"""Min-cost flow, compared with an integer programme."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from murid.identification.paths.min_cost_flow import find_paths


def _solve(tracklet_llrs, predecessors, successors, link_llrs, n_paths):
    """Return the highest sum, by HiGHS: a variable for each tracklet, start, end and link."""
    n, n_links = len(tracklet_llrs), len(predecessors)
    k = np.arange(n)
    rows = np.concatenate([k, k, n + k, n + k, successors, n + predecessors, np.full(n, 2 * n)])
    columns = np.concatenate(
        [k, n + k, k, 2 * n + k, 3 * n + np.arange(n_links), 3 * n + np.arange(n_links), n + k]
    )
    values = np.concatenate(
        [np.ones(n), -np.ones(n), np.ones(n), -np.ones(n), -np.ones(2 * n_links), np.ones(n)]
    )
    matrix = csr_array((values, (rows, columns)), shape=(2 * n + 1, 3 * n + n_links))
    high = np.append(np.zeros(2 * n), n_paths)
    costs = np.concatenate([-tracklet_llrs, np.zeros(2 * n), -link_llrs])
    limits = LinearConstraint(matrix, np.zeros(2 * n + 1), high)
    return -milp(
        costs, constraints=[limits], bounds=Bounds(0, 1), integrality=np.ones(len(costs))
    ).fun


def _add_up(paths, tracklet_llrs, predecessors, successors, link_llrs):
    links = {
        (h, t): g
        for h, t, g in zip(
            predecessors.tolist(), successors.tolist(), link_llrs.tolist(), strict=True
        )
    }
    total = tracklet_llrs[paths >= 0].sum()
    for number in range(paths.max(initial=-1) + 1):
        on = np.flatnonzero(paths == number).tolist()
        total += sum(links[pair] for pair in pairwise(on))
    return total


@pytest.mark.parametrize("seed", range(12))
def test_the_sum_is_that_of_an_integer_programme(seed):
    rng = np.random.default_rng(seed)
    n, n_paths = int(rng.integers(2, 25)), int(rng.integers(1, 5))
    tracklet_llrs = rng.normal(0.5, 2, n)
    predecessors, successors = np.triu_indices(n, 1)
    some = rng.random(len(predecessors)) < 0.4
    predecessors, successors = predecessors[some], successors[some]
    link_llrs = rng.normal(0, 2, len(predecessors))
    paths = find_paths(tracklet_llrs, predecessors, successors, link_llrs, n_paths)
    assert paths.max() < n_paths
    expected = _solve(tracklet_llrs, predecessors, successors, link_llrs, n_paths)
    assert _add_up(paths, tracklet_llrs, predecessors, successors, link_llrs) == pytest.approx(
        expected
    )


def test_clutter_is_on_no_path():
    none = np.zeros(0, np.int64)
    np.testing.assert_array_equal(
        find_paths(np.array([-1.0, 2.0, -0.5]), none, none, np.zeros(0), 3), [-1, 0, -1]
    )
    assert len(find_paths(np.zeros(0), none, none, np.zeros(0), 3)) == 0
