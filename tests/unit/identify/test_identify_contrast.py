"""Two animals before and after a moment at which they may have been exchanged."""

import numpy as np
import pytest

from murid.identify.appearance import Pieces, Views
from murid.identify.contrast import MOST_ODDS, Contrast, fit_contrast

N = 40


def see(rng, animals, counts, patterns):
    """Views of animals ``(k,)``, each the mean of so many pieces."""
    noise = rng.normal(size=(len(animals), patterns.shape[1])) / np.sqrt(counts)
    return Views(patterns[animals] + noise, np.full(len(animals), float(counts)))


@pytest.fixture
def contrast():
    return Contrast(Views(np.zeros((1, 4)), np.ones(1)), 4.0, 4.0, 1.0)


def test_differences_that_point_the_same_way_speak_for_the_names(contrast):
    rng, patterns = np.random.default_rng(0), np.array([[2.0, 0, 0, 0], [0, 2.0, 0, 0]])
    first, second = np.zeros(N, int), np.ones(N, int)
    before = see(rng, first, 20, patterns), see(rng, second, 20, patterns)
    after = see(rng, first, 20, patterns), see(rng, second, 20, patterns)
    kept = contrast.compare_exchanged(before, after)
    assert kept.min() > 3
    np.testing.assert_allclose(contrast.compare_exchanged(before, after[::-1]), -kept, atol=1e-9)
    np.testing.assert_allclose(contrast.compare_exchanged(after, before), kept, atol=1e-9)


def test_animals_that_do_not_differ_say_little(contrast):
    rng, patterns = np.random.default_rng(1), np.zeros((1, 4))
    views = [see(rng, np.zeros(500, int), 10, patterns) for _ in range(4)]
    said = contrast.compare_exchanged((views[0], views[1]), (views[2], views[3]))
    assert np.mean(np.abs(said) > 3) < 0.02
    assert abs(said.mean()) < 0.2


def test_one_of_the_two_is_enough_on_one_side(contrast):
    rng, patterns = np.random.default_rng(2), np.array([[3.0, 0, 0, 0], [0, 3.0, 0, 0]])
    first, second = np.zeros(N, int), np.ones(N, int)
    unknown = Views(np.full((N, 4), np.nan), np.zeros(N))
    before = see(rng, first, 20, patterns), see(rng, second, 20, patterns)
    left = see(rng, first, 5, patterns)
    assert contrast.compare_exchanged(before, (left, unknown)).min() > 3
    assert contrast.compare_exchanged(before, (unknown, left)).max() < -3
    assert not contrast.compare_exchanged((before[0], unknown), (left, unknown)).any()


def test_means_of_few_pieces_do_not_look_further_away(contrast):
    """An owner seen rarely has a longer mean by noise alone; that is no reason to prefer the other."""
    rng, patterns = np.random.default_rng(3), np.array([[1.5, 0, 0, 0], [0, 1.5, 0, 0]])
    n = 4000
    rare, often = see(rng, np.zeros(n, int), 4, patterns), see(rng, np.ones(n, int), 400, patterns)
    owners = np.arange(n) % 2
    said = contrast.compare_owners(see(rng, owners, 10, patterns), rare, often)
    right = (said > 0) == (owners == 0)
    assert abs(right[owners == 0].mean() - right[owners == 1].mean()) < 0.05
    assert np.abs(said).max() <= MOST_ODDS


def learn(groups, seed=5):
    """Contrast of two animals of eight tracklets each, that differ in the second of three features."""
    rng = np.random.default_rng(seed)
    tracklets = np.repeat(np.arange(16), 12)
    animals = tracklets % 2
    times_s = tracklets // 2 * 6.0 + np.tile(np.arange(12) * 0.5, 16)
    features = rng.normal(size=(len(tracklets), 3)) * [3.0, 1.0, 1.0]
    features[:, 1] += 2.0 * animals
    return fit_contrast(Pieces(tracklets, times_s, features), np.full(3, 0.05), groups, 1.0, rng)


def test_a_group_of_two_animals_does_not_hide_their_difference():
    right = np.arange(16) % 2
    exchanged = np.where(np.arange(16) < 8, right, 1 - right)  # half way, both groups go on with the other animal
    for groups in (np.arange(16), right, exchanged):
        views = learn(groups).views
        before, after = (
            tuple(Views(views.means[rows].mean(axis=0)[None], np.array([48.0])) for rows in (half, half + 1))
            for half in (np.arange(0, 8, 2), np.arange(8, 16, 2))
        )
        assert learn(groups).compare_exchanged(before, after)[0] > 3


def test_looks_that_are_not_trusted_say_nothing():
    silent = Contrast.none(3)
    views = silent.views[np.array([0, 1])]
    assert not silent.compare_exchanged((views, views), (views, views)).any()
