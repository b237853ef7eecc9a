"""Log-likelihood ratios of links, and of two animals that may have been swapped."""

from dataclasses import replace

import numpy as np
import pytest

from murid.identification.appearance_models.appearance_model import (
    MAX_LINK_LLR,
    MAX_SWAP_LLR,
    AppearanceFeatures,
    AppearanceModel,
    AppearanceSpaces,
)

N = 40
FIRST_FOLD = np.zeros(N, int)  # The only fold.
UNIT_NOISE = AppearanceSpaces(
    within=np.full((1, 4), 2.0),
    between=np.full((1, 4), 10.0),
    alike_shares=np.full(1, 0.1),
    noise_traces=np.full(1, 4.0),
    noise_square_traces=np.full(1, 4.0),
)


def average_segments(rng, animals, counts, patterns):
    """Mean features of animals ``(k,)``, each of so many segments."""
    noise = rng.normal(size=(len(animals), patterns.shape[1])) / np.sqrt(counts)
    return AppearanceFeatures(patterns[animals] + noise, np.full(len(animals), float(counts)))


@pytest.fixture
def model():
    return AppearanceModel(np.zeros((1, 1, 4), np.float32), np.ones(1), UNIT_NOISE, 1.0)


def test_equal_differences_before_and_after_speak_against_a_swap(model):
    rng, patterns = np.random.default_rng(0), np.array([[2.0, 0, 0, 0], [0, 2.0, 0, 0]])
    first, second = np.zeros(N, int), np.ones(N, int)
    before = average_segments(rng, first, 20, patterns), average_segments(rng, second, 20, patterns)
    after = average_segments(rng, first, 20, patterns), average_segments(rng, second, 20, patterns)
    kept = model.compare_swapped(before, after, FIRST_FOLD)
    assert kept.min() > 3
    np.testing.assert_allclose(
        model.compare_swapped(before, after[::-1], FIRST_FOLD), -kept, atol=1e-9
    )
    np.testing.assert_allclose(model.compare_swapped(after, before, FIRST_FOLD), kept, atol=1e-9)


def test_look_alikes_give_llrs_near_zero(model):
    rng, patterns = np.random.default_rng(1), np.zeros((1, 4))
    features = [average_segments(rng, np.zeros(500, int), 10, patterns) for _ in range(4)]
    llrs = model.compare_swapped(
        (features[0], features[1]), (features[2], features[3]), np.zeros(500, int)
    )
    assert np.mean(np.abs(llrs) > 3) < 0.02
    assert abs(llrs.mean()) < 0.2


def test_one_known_animal_is_enough_on_one_side(model):
    rng, patterns = np.random.default_rng(2), np.array([[3.0, 0, 0, 0], [0, 3.0, 0, 0]])
    first, second = np.zeros(N, int), np.ones(N, int)
    unknown = AppearanceFeatures(np.full((N, 4), np.nan), np.zeros(N))
    before = average_segments(rng, first, 20, patterns), average_segments(rng, second, 20, patterns)
    left = average_segments(rng, first, 5, patterns)
    assert model.compare_swapped(before, (left, unknown), FIRST_FOLD).min() > 3
    assert model.compare_swapped(before, (unknown, left), FIRST_FOLD).max() < -3
    assert not model.compare_swapped((before[0], unknown), (left, unknown), FIRST_FOLD).any()


def test_means_of_few_segments_are_not_further_away(model):
    """The mean of an animal seen rarely is longer by noise alone; this must not matter."""
    rng, patterns = np.random.default_rng(3), np.array([[1.5, 0, 0, 0], [0, 1.5, 0, 0]])
    n = 4000
    rare, often = (
        average_segments(rng, np.zeros(n, int), 4, patterns),
        average_segments(rng, np.ones(n, int), 400, patterns),
    )
    owners = np.arange(n) % 2
    llrs = model.compare_owners(
        average_segments(rng, owners, 10, patterns), rare, often, np.zeros(n, int)
    )
    right = (llrs > 0) == (owners == 0)
    assert abs(right[owners == 0].mean() - right[owners == 1].mean()) < 0.05
    assert np.abs(llrs).max() <= MAX_SWAP_LLR


@pytest.mark.parametrize("n_animals", [2, 5])
def test_likeness_counts_as_much_as_knowing_which_of_n_animals_it_is(n_animals):
    means = np.array([[[0.0], [0.0], [100.0], [np.nan]]], np.float32)
    one = np.ones(1)
    spaces = AppearanceSpaces(one[None], np.full((1, 1), 1e8), np.full(1, 1e-6), one, one)
    model = AppearanceModel(means, np.array([1.0, 1, 1, 0]), spaces, 1.0, n_animals=n_animals)
    llrs = model.compute_link_llrs(np.zeros(3, int), np.arange(1, 4), np.zeros(3, int))
    assert llrs[0] == pytest.approx(np.log(n_animals), abs=0.01)
    assert -MAX_LINK_LLR <= llrs[1] < -1
    assert llrs[2] == 0


def test_likeness_of_animals_of_few_coats_is_weak_evidence():
    def link(alike_share):
        means = np.zeros((1, 2, 4), np.float32)
        spaces = replace(UNIT_NOISE, alike_shares=np.full(1, alike_share))
        model = AppearanceModel(means, np.full(2, 20.0), spaces, 1.0, n_animals=4)
        return model.compute_link_llrs(np.zeros(1, int), np.ones(1, int), np.zeros(1, int))[0]

    assert link(0.01) > 1
    assert 0 < link(0.9) < 0.2


def test_uninformative_appearance_gives_llrs_of_zero():
    uninformative = AppearanceModel.uninformative(3)
    features = uninformative.get_features(np.array([0, 1]), np.zeros(2, int))
    assert not uninformative.compare_swapped(
        (features, features), (features, features), np.zeros(2, int)
    ).any()
    links = np.array([0]), np.array([1])
    assert not uninformative.compute_link_llrs(*links, np.zeros(1, int)).any()
