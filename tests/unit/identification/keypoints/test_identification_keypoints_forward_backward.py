"""The chain of two states, against sums over all sequences of states."""

from itertools import product

import numpy as np
import pytest

from murid.identification.keypoints.forward_backward import run_forward_backward


def sum_over_sequences(llrs, link_llrs):
    n = len(llrs)
    weights = np.zeros((n, 2))
    for states in product([1, -1], repeat=n):
        states = np.array(states)
        total = (states * llrs).sum() / 2 + (states[1:] * states[:-1] * link_llrs).sum() / 2
        for k, state in enumerate(states):
            weights[k, int(state < 0)] += np.exp(total)
    return np.log(weights[:, 0] / weights[:, 1])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [1, 2, 7])
def test_log_odds_are_those_of_all_sequences(seed, n):
    rng = np.random.default_rng(seed)
    llrs, link_llrs = rng.normal(0, 3, n), rng.normal(0, 3, n - 1)
    forward, both = run_forward_backward(llrs, link_llrs)
    np.testing.assert_allclose(both, sum_over_sequences(llrs, link_llrs), rtol=1e-6, atol=1e-9)
    for k in range(n):
        expected = sum_over_sequences(llrs[: k + 1], link_llrs[:k])[-1]
        assert forward[k] == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_strong_evidence_stays_finite():
    for both in run_forward_backward(np.full(1000, 50.0), np.full(999, 9.9)):
        assert np.isfinite(both).all()
