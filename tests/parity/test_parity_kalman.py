"""The batched Kalman filter against a textbook filter of one object with FairMOT's constants."""

import numpy as np
import pytest

from murid.tracking import kalman

FAIRMOT = kalman.MotionModel.from_noise()


class OneObject:
    """Kalman filter of one box (x, y, a, h), matrices of the textbook."""

    F = np.eye(8) + np.eye(8, k=4)
    H = np.eye(4, 8)

    def __init__(self, z):
        h = z[3]
        std = [h / 10, h / 10, 1e-2, h / 10, h / 16, h / 16, 1e-5, h / 16]
        self.x, self.P = np.r_[z, np.zeros(4)], np.diag(np.square(std))

    def predict(self):
        h = self.x[3]
        std = [h / 20, h / 20, 1e-2, h / 20, h / 160, h / 160, 1e-5, h / 160]
        self.x = self.F @ self.x
        self.P = self.F @ self.P @ self.F.T + np.diag(np.square(std))

    def spread(self):
        h = self.x[3]
        return self.H @ self.P @ self.H.T + np.diag(np.square([h / 20, h / 20, 1e-1, h / 20]))

    def update(self, z):
        K = self.P @ self.H.T @ np.linalg.inv(self.spread())
        self.x = self.x + K @ (z - self.H @ self.x)
        self.P = (np.eye(8) - K @ self.H) @ self.P

    def distance(self, z, dims):
        d = (z - self.H @ self.x)[:dims]
        return d @ np.linalg.inv(self.spread()[:dims, :dims]) @ d


def _boxes(rng, n):
    return np.column_stack(
        [rng.uniform(0, 600, (n, 2)), rng.uniform(0.3, 3, n), rng.uniform(20, 150, n)]
    )


def test_batch_equals_one_by_one():
    rng = np.random.default_rng(1)
    first = _boxes(rng, 6)
    means, covariances = kalman.initiate(first, FAIRMOT)
    objects = [OneObject(z) for z in first]
    for _ in range(20):
        means, covariances = kalman.predict(means, covariances, FAIRMOT)
        measured = means[:, :4] + rng.normal(0, [5, 5, 0.2, 5], (6, 4))
        for o, z in zip(objects, measured, strict=True):
            o.predict()
            np.testing.assert_allclose(
                kalman.project(o.x[None], o.P[None])[1][0], o.spread(), rtol=1e-9
            )
            o.update(z)
        means, covariances = kalman.update(means, covariances, measured)
        np.testing.assert_allclose(means, [o.x for o in objects], rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(covariances, [o.P for o in objects], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("dims", [2, 4])
def test_gating_distances_equal_one_by_one(dims):
    rng = np.random.default_rng(2)
    first, measured = _boxes(rng, 5), _boxes(rng, 7)
    means, covariances = kalman.initiate(first, FAIRMOT)
    got = kalman.compute_gating_distances(means, covariances, measured, dims)
    wanted = [[OneObject(z).distance(m, dims) for m in measured] for z in first]
    np.testing.assert_allclose(got, wanted, rtol=1e-9)


def test_gates_are_chi_squared_quantiles():
    from scipy.stats import chi2

    for dims, gate in kalman.GATING_THRESHOLDS.items():
        assert gate == pytest.approx(chi2.ppf(0.95, dims), abs=1e-4)
