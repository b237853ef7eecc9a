"""Two animals before and after a moment at which they may have been swapped."""

import numpy as np
import pytest

from murid.identification.appearance_models.appearance_model import AppearanceFeatures
from murid.identification.appearance_models.swap_appearance import (
    MAX_SWAP_LLR,
    SwapAppearance,
)
from murid.identification.appearance_models.swap_appearance_fit import fit_swap_appearance
from murid.identification.appearance_models.tracklet_features import TrackletFeatures

N = 40
FIRST_FOLD = np.zeros(N, int)  # The only fold.


def average_segments(rng, animals, counts, patterns):
    """Mean features of animals ``(k,)``, each of so many segments."""
    noise = rng.normal(size=(len(animals), patterns.shape[1])) / np.sqrt(counts)
    return AppearanceFeatures(patterns[animals] + noise, np.full(len(animals), float(counts)))


@pytest.fixture
def swap_appearance():
    return SwapAppearance(
        np.zeros((1, 1, 4), np.float32), np.ones(1), np.full(1, 4.0), np.full(1, 4.0), 1.0
    )


def test_equal_differences_before_and_after_speak_against_a_swap(swap_appearance):
    rng, patterns = np.random.default_rng(0), np.array([[2.0, 0, 0, 0], [0, 2.0, 0, 0]])
    first, second = np.zeros(N, int), np.ones(N, int)
    before = average_segments(rng, first, 20, patterns), average_segments(rng, second, 20, patterns)
    after = average_segments(rng, first, 20, patterns), average_segments(rng, second, 20, patterns)
    kept = swap_appearance.compare_swapped(before, after, FIRST_FOLD)
    assert kept.min() > 3
    np.testing.assert_allclose(
        swap_appearance.compare_swapped(before, after[::-1], FIRST_FOLD), -kept, atol=1e-9
    )
    np.testing.assert_allclose(
        swap_appearance.compare_swapped(after, before, FIRST_FOLD), kept, atol=1e-9
    )


def test_look_alikes_give_llrs_near_zero(swap_appearance):
    rng, patterns = np.random.default_rng(1), np.zeros((1, 4))
    features = [average_segments(rng, np.zeros(500, int), 10, patterns) for _ in range(4)]
    llrs = swap_appearance.compare_swapped(
        (features[0], features[1]), (features[2], features[3]), np.zeros(500, int)
    )
    assert np.mean(np.abs(llrs) > 3) < 0.02
    assert abs(llrs.mean()) < 0.2


def test_one_known_animal_is_enough_on_one_side(swap_appearance):
    rng, patterns = np.random.default_rng(2), np.array([[3.0, 0, 0, 0], [0, 3.0, 0, 0]])
    first, second = np.zeros(N, int), np.ones(N, int)
    unknown = AppearanceFeatures(np.full((N, 4), np.nan), np.zeros(N))
    before = average_segments(rng, first, 20, patterns), average_segments(rng, second, 20, patterns)
    left = average_segments(rng, first, 5, patterns)
    assert swap_appearance.compare_swapped(before, (left, unknown), FIRST_FOLD).min() > 3
    assert swap_appearance.compare_swapped(before, (unknown, left), FIRST_FOLD).max() < -3
    assert not swap_appearance.compare_swapped(
        (before[0], unknown), (left, unknown), FIRST_FOLD
    ).any()


def test_means_of_few_segments_are_not_further_away(swap_appearance):
    """The mean of an animal seen rarely is longer by noise alone; this must not matter."""
    rng, patterns = np.random.default_rng(3), np.array([[1.5, 0, 0, 0], [0, 1.5, 0, 0]])
    n = 4000
    rare, often = (
        average_segments(rng, np.zeros(n, int), 4, patterns),
        average_segments(rng, np.ones(n, int), 400, patterns),
    )
    owners = np.arange(n) % 2
    llrs = swap_appearance.compare_owners(
        average_segments(rng, owners, 10, patterns), rare, often, np.zeros(n, int)
    )
    right = (llrs > 0) == (owners == 0)
    assert abs(right[owners == 0].mean() - right[owners == 1].mean()) < 0.05
    assert np.abs(llrs).max() <= MAX_SWAP_LLR


def fit_two_animals(groups, seed=5):
    """Fit two animals of eight tracklets each, which differ in the second of three features."""
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
    swapped = np.where(np.arange(16) < 8, right, 1 - right)  # Both groups change animals half way.
    for groups in (np.arange(16), right, swapped):
        swap_appearance = fit_two_animals(groups)
        means = swap_appearance.means[0].astype(float)
        before, after = (
            tuple(
                AppearanceFeatures(means[rows].mean(axis=0)[None], np.array([48.0]))
                for rows in (half, half + 1)
            )
            for half in (np.arange(0, 8, 2), np.arange(8, 16, 2))
        )
        assert swap_appearance.compare_swapped(before, after, np.zeros(1, int))[0] > 3


def test_a_fold_is_compared_in_a_space_that_was_fitted_on_the_others():
    """With more features than segments, a space fits the groups that it was fitted on."""
    rng = np.random.default_rng(0)
    tracklets = np.repeat(np.arange(24), 12)
    times_s = tracklets // 2 * 6.0 + np.tile(np.arange(12) * 0.5, 24)
    features = rng.normal(size=(len(tracklets), 400)).astype(np.float32)  # No two animals differ.
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
    llrs = swap_appearance.compare_swapped((one, other), tuple(rest), spaces)
    assert abs(llrs.mean()) < 1.5
    assert llrs.max() < 4


def test_repeated_observations_count_less():
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


def test_a_short_recording_is_fitted_as_a_whole():
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


def test_uninformative_appearance_gives_llrs_of_zero():
    uninformative = SwapAppearance.uninformative(3)
    features = uninformative.get_features(np.array([0, 1]), np.zeros(2, int))
    assert not uninformative.compare_swapped(
        (features, features), (features, features), np.zeros(2, int)
    ).any()


def test_two_animals_of_one_coat_are_not_told_apart_by_the_light():
    """They differ permanently by the light where they lie, but less than coats differ."""
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
