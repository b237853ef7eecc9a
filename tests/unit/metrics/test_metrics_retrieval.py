import numpy as np
import pytest

from murid.metrics import Retrieval, retrieve


def make_rows(*angles: float) -> np.ndarray:
    return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


def test_rank_one_of_known_vectors():
    rows = make_rows(0, 0.1, 1.0, 1.5, 3.0)
    assert retrieve(rows, np.array([4, 4, 7, 8, 9])).compute_rank(1) == 1
    assert retrieve(rows, np.array([4, 4, 7, 8, 7])).compute_rank(1) == pytest.approx(2 / 4)
    assert retrieve(rows, np.arange(5)).compute_rank(1) is None


def test_ranking_computed_by_hand():
    """Animals a b a b a at growing angles: from the first, the others come as b a b a."""
    found = retrieve(make_rows(0, 0.2, 0.5, 0.9, 1.4), np.array([0, 1, 0, 1, 0]))
    assert found.ranks.tolist() == [1, 2, 2, 2, 1]
    assert found.average_precisions[0] == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert found.compute_rank(5) == 1
    assert found.compute_mean_average_precision() == pytest.approx(
        np.mean(found.average_precisions)
    )


def test_gallery_excludes_frames_near_in_time():
    rows, animals = make_rows(0, 0.01, 0.6, 0.03), np.array([0, 0, 0, 1])
    frames = np.array([0, 1, 50, 50])
    assert retrieve(rows, animals, frames, 1).compute_rank(1) == 1
    assert retrieve(rows, animals, frames, 10).compute_rank(1) == pytest.approx(1 / 3)
    assert len(retrieve(rows, animals, frames, 100)) == 0


def test_batches_of_queries_equal_one_batch():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(700, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    animals = rng.integers(0, 5, 700)
    found = retrieve(rows, animals)
    likeness = rows @ rows.T - 9 * np.eye(700)
    assert found.compute_rank(1) == pytest.approx((animals[likeness.argmax(1)] == animals).mean())
    twice = Retrieval.concatenate([found, found])
    assert (len(twice), twice.compute_rank(5)) == (1400, found.compute_rank(5))
