"""Two animals before and after a moment at which they may have been exchanged."""

import numpy as np
import pytest

from murid.identification.appearance_model import AppearanceFeatures
from murid.identification.discriminants import TrackletFeatures
from murid.identification.swap_appearance import MAX_SWAP_LLR, SwapAppearance, fit_swap_appearance

N = 40
FIRST = np.zeros(N, int)  # the only space


def see(rng, animals, counts, patterns):
    """Views of animals ``(k,)``, each the mean of so many pieces."""
    noise = rng.normal(size=(len(animals), patterns.shape[1])) / np.sqrt(counts)
    return AppearanceFeatures(patterns[animals] + noise, np.full(len(animals), float(counts)))


@pytest.fixture
def swap_appearance():
    return SwapAppearance(
        np.zeros((1, 1, 4), np.float32), np.ones(1), np.full(1, 4.0), np.full(1, 4.0), 1.0
    )


def test_differences_that_point_the_same_way_speak_for_the_names(swap_appearance):
    rng, patterns = np.random.default_rng(0), np.array([[2.0, 0, 0, 0], [0, 2.0, 0, 0]])
    first, second = np.zeros(N, int), np.ones(N, int)
    before = see(rng, first, 20, patterns), see(rng, second, 20, patterns)
    after = see(rng, first, 20, patterns), see(rng, second, 20, patterns)
    kept = swap_appearance.compare_swapped(before, after, FIRST)
    assert kept.min() > 3
    np.testing.assert_allclose(
        swap_appearance.compare_swapped(before, after[::-1], FIRST), -kept, atol=1e-9
    )
    np.testing.assert_allclose(
        swap_appearance.compare_swapped(after, before, FIRST), kept, atol=1e-9
    )


def test_animals_that_do_not_differ_say_little(swap_appearance):
    rng, patterns = np.random.default_rng(1), np.zeros((1, 4))
    features = [see(rng, np.zeros(500, int), 10, patterns) for _ in range(4)]
    said = swap_appearance.compare_swapped(
        (features[0], features[1]), (features[2], features[3]), np.zeros(500, int)
    )
    assert np.mean(np.abs(said) > 3) < 0.02
    assert abs(said.mean()) < 0.2


def test_one_of_the_two_is_enough_on_one_side(swap_appearance):
    rng, patterns = np.random.default_rng(2), np.array([[3.0, 0, 0, 0], [0, 3.0, 0, 0]])
    first, second = np.zeros(N, int), np.ones(N, int)
    unknown = AppearanceFeatures(np.full((N, 4), np.nan), np.zeros(N))
    before = see(rng, first, 20, patterns), see(rng, second, 20, patterns)
    left = see(rng, first, 5, patterns)
    assert swap_appearance.compare_swapped(before, (left, unknown), FIRST).min() > 3
    assert swap_appearance.compare_swapped(before, (unknown, left), FIRST).max() < -3
    assert not swap_appearance.compare_swapped((before[0], unknown), (left, unknown), FIRST).any()


def test_means_of_few_pieces_do_not_look_further_away(swap_appearance):
    """An owner seen rarely has a longer mean by noise alone; that is no reason to prefer the other."""
    rng, patterns = np.random.default_rng(3), np.array([[1.5, 0, 0, 0], [0, 1.5, 0, 0]])
    n = 4000
    rare, often = see(rng, np.zeros(n, int), 4, patterns), see(rng, np.ones(n, int), 400, patterns)
    owners = np.arange(n) % 2
    said = swap_appearance.compare_owners(
        see(rng, owners, 10, patterns), rare, often, np.zeros(n, int)
    )
    right = (said > 0) == (owners == 0)
    assert abs(right[owners == 0].mean() - right[owners == 1].mean()) < 0.05
    assert np.abs(said).max() <= MAX_SWAP_LLR


def learn(groups, seed=5):
    """Contrast of two animals of eight tracklets each, that differ in the second of three features."""
    rng = np.random.default_rng(seed)
    tracklets = np.repeat(np.arange(16), 12)
    animals = tracklets % 2
    times_s = tracklets // 2 * 6.0 + np.tile(np.arange(12) * 0.5, 16)
    features = rng.normal(size=(len(tracklets), 3)) * [3.0, 1.0, 1.0]
    features[:, 1] += 2.0 * animals
    return fit_swap_appearance(
        TrackletFeatures(tracklets, times_s, features), np.full(3, 0.05), groups, 1.0, rng
    )


def test_a_group_of_two_animals_does_not_hide_their_difference():
    right = np.arange(16) % 2
    exchanged = np.where(
        np.arange(16) < 8, right, 1 - right
    )  # half way, both groups go on with the other animal
    for groups in (np.arange(16), right, exchanged):
        swap_appearance = learn(groups)
        means = swap_appearance.means[0].astype(float)
        before, after = (
            tuple(
                AppearanceFeatures(means[rows].mean(axis=0)[None], np.array([48.0]))
                for rows in (half, half + 1)
            )
            for half in (np.arange(0, 8, 2), np.arange(8, 16, 2))
        )
        assert swap_appearance.compare_swapped(before, after, np.zeros(1, int))[0] > 3


def test_a_stretch_is_judged_by_what_was_learnt_from_the_others():
    """With more features than sights, a stretch would look like what it was joined to if it were learnt from."""
    rng = np.random.default_rng(0)
    tracklets = np.repeat(np.arange(24), 12)
    times_s = tracklets // 2 * 6.0 + np.tile(np.arange(12) * 0.5, 24)
    features = rng.normal(size=(len(tracklets), 400)).astype(
        np.float32
    )  # no two animals differ in anything
    groups = np.arange(24) % 2
    swap_appearance = fit_swap_appearance(
        TrackletFeatures(tracklets, times_s, features), np.full(400, 0.05), groups, 1.0, rng
    )
    spaces = swap_appearance.find_folds(np.arange(12) * 6.0 + 3)
    one, other = (swap_appearance.get_features(np.arange(side, 24, 2), spaces) for side in (0, 1))
    rest = [
        AppearanceFeatures(
            np.stack([np.delete(v.means, k, 0).mean(0) for k in range(12)]), np.full(12, 120.0)
        )
        for v in (one, other)
    ]
    said = swap_appearance.compare_swapped((one, other), tuple(rest), spaces)
    assert abs(said.mean()) < 1.5
    assert said.max() < 4


def test_the_same_sight_again_is_no_other_one():
    rng = np.random.default_rng(3)
    tracklets = np.repeat(np.arange(16), 12)
    times_s = tracklets // 2 * 6.0 + np.tile(np.arange(12) * 0.5, 16)
    features = rng.normal(size=(len(tracklets), 3))
    features[tracklets == 6] = features[tracklets == 6][:1] + rng.normal(0, 0.05, (12, 3))
    features[:, 1] += 3.0 * (tracklets % 2)
    swap_appearance = fit_swap_appearance(
        TrackletFeatures(tracklets, times_s, features),
        np.full(3, 0.05),
        np.arange(16) % 2,
        1.0,
        rng,
    )
    assert swap_appearance.counts[6] < 2
    assert np.median(swap_appearance.counts) > 6


def test_a_short_recording_is_learnt_from_as_a_whole():
    rng = np.random.default_rng(4)
    tracklets = np.repeat(np.arange(4), 24)
    times_s = tracklets // 2 * 4.0 + np.tile(np.arange(24) / 6, 4)
    features = rng.normal(size=(len(tracklets), 3)) + [[0, 4.0 * (k % 2), 0] for k in tracklets]
    swap_appearance = fit_swap_appearance(
        TrackletFeatures(tracklets, times_s, features), np.full(3, 0.05), np.arange(4), 1.0, rng
    )
    before, after = (
        (swap_appearance.get_features(np.array([k]), np.zeros(1, int)) for k in pair)
        for pair in ((0, 1), (2, 3))
    )
    assert swap_appearance.compare_swapped(tuple(before), tuple(after), np.zeros(1, int))[0] > 2


def test_looks_that_are_not_trusted_say_nothing():
    no_progress = SwapAppearance.uninformative(3)
    features = no_progress.get_features(np.array([0, 1]), np.zeros(2, int))
    assert not no_progress.compare_swapped(
        (features, features), (features, features), np.zeros(2, int)
    ).any()


def test_two_of_one_coat_are_not_told_by_where_they_lie():
    """They differ by the light where each lies, for as long as one likes, but less than coats do."""
    rng = np.random.default_rng(8)
    patterns = np.repeat([[0.0, 0, 0], [12.0, 0, 0], [0, 12.0, 0]], 2, axis=0)
    tracklets = np.repeat(np.arange(24), 40)
    animals, times_s = tracklets % 6, np.tile(np.arange(40) / 2.0, 24) + 20 * (tracklets // 6)
    features = patterns[animals] + rng.normal(size=(len(animals), 3))
    ridge, groups = np.full(3, 0.05), np.arange(24)
    light = np.array([[1.5, 0, 0], [-1.5, 0, 0]])

    def compare(first, second, coats_only):
        fitted = fit_swap_appearance(
            TrackletFeatures(tracklets, times_s, features),
            ridge,
            groups,
            1.0,
            np.random.default_rng(0),
            coats_only,
        )
        axes = np.linalg.lstsq(
            np.stack([features[tracklets == k].mean(axis=0) for k in range(24)]),
            fitted.means[0],
            rcond=None,
        )[0]
        seen = [
            AppearanceFeatures((patterns[[k]] + at) @ axes, np.full(1, 60.0))
            for k, at in zip((first, second), light, strict=True)
        ]
        return fitted.compare_swapped(
            (seen[0], seen[1]), (seen[0], seen[1]), np.zeros(1, np.int64)
        )[0]

    assert compare(0, 1, coats_only=False) > 10
    assert 0 <= compare(0, 1, coats_only=True) < 2
    assert compare(0, 2, coats_only=True) > 6
