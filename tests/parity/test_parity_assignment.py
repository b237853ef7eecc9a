"""Assignment with a limit against the padded problem of lap's ``cost_limit``."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.optimize import linear_sum_assignment

from murid.tracking.assignment import assign

COSTS = st.one_of(st.floats(0, 2, width=32), st.just(np.inf), st.sampled_from([0.4, 0.5]))
MATRICES = arrays(
    np.float64, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=7), elements=COSTS
)


def _solve_padded(costs, limit):
    """Return the optimal pairs of ``[[C, limit/2], [limit/2, 0]]``; infinity is never chosen."""
    m, n = costs.shape
    padded = np.full((m + n, m + n), limit / 2)
    padded[:m, :n] = np.where(np.isinf(costs), 1e6, costs)
    padded[m:, n:] = 0
    rows, columns = linear_sum_assignment(padded)
    real = (rows < m) & (columns < n)
    return list(zip(rows[real], columns[real], strict=True))


@given(MATRICES, st.sampled_from([0.4, 0.5, 1.0]))
def test_same_optimum_as_padded(costs, limit):
    got = assign(costs, limit)
    reference = _solve_padded(costs, limit)
    m, n = costs.shape

    def total(pairs):
        return sum(costs[i, j] for i, j in pairs) + limit / 2 * (m + n - 2 * len(pairs))

    ours = total(list(zip(got.track_rows, got.detection_rows, strict=True)))
    np.testing.assert_allclose(ours, total(reference), atol=1e-5 * (m + n) + 1e-9)


def test_same_pairs_as_padded_without_ties():
    rng = np.random.default_rng(3)
    for _ in range(300):
        costs = rng.uniform(0, 1, rng.integers(1, 9, 2))
        costs[rng.random(costs.shape) < 0.3] = np.inf
        got = assign(costs, 0.4)
        assert sorted(zip(got.track_rows, got.detection_rows, strict=True)) == sorted(
            _solve_padded(costs, 0.4)
        )
