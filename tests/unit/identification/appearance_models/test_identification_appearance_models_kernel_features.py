"""Kernel features approximate a Gaussian kernel of fur descriptors."""

import numpy as np

from murid.identification.appearance_models.kernel_features import (
    MAX_LANDMARKS,
    compute_kernel_features,
)


def test_inner_products_are_those_of_the_kernel():
    rng = np.random.default_rng(0)
    fur_descriptors = rng.normal(size=(60, 20)).astype(np.float32)
    points = compute_kernel_features(fur_descriptors, rng)
    patterns = fur_descriptors - fur_descriptors.mean(axis=0)
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True)
    np.testing.assert_allclose(
        points @ points.T, np.exp(2 * (patterns @ patterns.T - 1)), atol=2e-3
    )


def test_the_length_of_a_descriptor_does_not_matter():
    rng = np.random.default_rng(1)
    fur_descriptors = rng.normal(size=(50, 20)).astype(np.float32)
    fur_descriptors = np.concatenate([fur_descriptors, -fur_descriptors])  # Their mean stays 0.
    stronger = fur_descriptors * np.tile(rng.uniform(0.2, 5, 50), 2)[:, None].astype(np.float32)
    np.testing.assert_allclose(
        *(
            compute_kernel_features(p, np.random.default_rng(0))
            for p in (fur_descriptors, stronger)
        ),
        atol=1e-3,
    )


def test_two_clusters_are_separable_from_one_between_them():
    """As where front and rear of a body are sometimes confused."""
    rng = np.random.default_rng(2)
    way = np.array([1.0] + [0.0] * 9)
    clusters = np.concatenate(
        [way + rng.normal(0, 0.2, (40, 10)), -way + rng.normal(0, 0.2, (40, 10))]
    )
    middle = np.array([0.0, 1.0] + [0.0] * 8) + rng.normal(0, 0.2, (80, 10))
    fur_descriptors = np.concatenate([clusters, middle]).astype(np.float32)
    labels = np.repeat([1.0, -1.0], 80)
    points = compute_kernel_features(fur_descriptors, rng)
    in_training = np.arange(160) % 2 == 0
    weights = np.linalg.lstsq(points[in_training], labels[in_training], rcond=1e-2)[0]
    assert (np.sign(points[~in_training] @ weights) == labels[~in_training]).mean() > 0.95


def test_the_number_of_dimensions_is_bounded():
    fur_descriptors = (
        np.random.default_rng(3).normal(size=(MAX_LANDMARKS + 100, 12)).astype(np.float32)
    )
    assert (
        compute_kernel_features(fur_descriptors, np.random.default_rng(0)).shape[1] <= MAX_LANDMARKS
    )
    assert compute_kernel_features(fur_descriptors[:0], np.random.default_rng(0)).shape == (0, 1)
