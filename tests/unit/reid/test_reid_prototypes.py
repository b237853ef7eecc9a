"""Prototypes of identities from samples of their appearance."""

import numpy as np
import pytest
from reid_animals import N_COLOUR_FEATURES, sample_prototypes

from murid.reid.prototypes import (
    MAX_PROTOTYPES,
    MIN_SAMPLES,
    AppearanceSamples,
    compute_prototypes,
)


def test_an_identity_with_too_few_samples_has_no_prototypes():
    few = sample_prototypes([0, 1], n=MIN_SAMPLES - 1)
    assert few.identity_ids.tolist() == []


@pytest.mark.parametrize("n", [MIN_SAMPLES, MIN_SAMPLES + 2])
def test_an_identity_with_just_enough_samples_has_one_prototype(n):
    enough = sample_prototypes([0, 1], n=n)
    assert enough.identity_ids.tolist() == [1, 2]
    assert len(enough.prototypes) == 2


def test_an_identity_has_a_bounded_number_of_prototypes_with_weights_of_sum_one():
    identity_prototypes = sample_prototypes([0, 1], n=300)
    assert identity_prototypes.identity_ids.tolist() == [1, 2]
    prototypes = identity_prototypes.prototypes
    assert np.bincount(prototypes.owners).tolist() == [MAX_PROTOTYPES] * 2
    sums = np.bincount(prototypes.owners, prototypes.weights)
    np.testing.assert_allclose(sums, 1, rtol=1e-6)


def test_a_few_samples_of_another_animal_do_not_change_the_mean():
    shown = np.array([0] * 95 + [5] * 5 + [1] * 100)
    colours = np.zeros((200, N_COLOUR_FEATURES), np.float32)
    samples = AppearanceSamples(
        np.repeat([1, 2], 100), np.eye(16, dtype=np.float32)[shown], colours
    )
    means = compute_prototypes(samples).average()
    np.testing.assert_allclose(means.embeddings, np.eye(16)[:2], atol=1e-6)


def test_selected_and_concatenated_prototypes_are_the_same():
    prototypes = sample_prototypes([0, 1], n=40).prototypes
    halves = [prototypes.select(slice(0, 3)), prototypes.select(slice(3, None))]
    again = type(prototypes).concatenate(halves)
    for name in ("owners", "weights", "embeddings", "colour_features"):
        np.testing.assert_array_equal(getattr(again, name), getattr(prototypes, name))
