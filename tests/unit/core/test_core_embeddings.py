import numpy as np

from murid.core.embeddings import compute_cosine_distances, normalize, update_running_mean


def test_rows_are_normalized_and_zero_rows_stay():
    rows = normalize(np.array([[3, 4], [0, 0]], np.float32))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0]])
    assert rows.dtype == np.float32
    np.testing.assert_allclose(normalize(np.array([[3, 4]])), [[0.6, 0.8]])


def test_cosine_distances_lie_between_0_and_2():
    unit = normalize(np.random.default_rng(0).normal(size=(20, 7)).astype(np.float32))
    distances = compute_cosine_distances(unit, unit)
    assert (distances >= 0).all()
    np.testing.assert_allclose(np.diag(distances), 0, atol=1e-6)
    np.testing.assert_allclose(np.diag(compute_cosine_distances(unit, -unit)), 2, atol=1e-6)


def test_running_mean_has_unit_length_and_follows_the_momentum():
    mean, seen = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    moved = update_running_mean(mean, seen)
    np.testing.assert_allclose(moved, normalize(np.array([[0.9, 0.1]])))
    np.testing.assert_allclose(update_running_mean(mean, seen, momentum=0.0), seen)
