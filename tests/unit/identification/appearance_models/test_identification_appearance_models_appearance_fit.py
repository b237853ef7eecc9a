"""Appearance models that are fitted to animals of unlike coats, look-alikes and unequal fur."""

from dataclasses import replace

import numpy as np
import pytest

from murid.core import Detections, DetectionTable
from murid.identification import link_tracklets
from murid.identification.appearance_models.appearance_fit import fit_appearance_model
from murid.identification.appearance_models.appearance_model import AppearanceFeatures
from murid.identification.appearance_models.tracklet_features import (
    FurDescriptors,
    TrackletFeatures,
)

FPS, SIDE, N_FRAMES, CROSSING = 25.0, 40.0, 1000, 520


def make_detections(seed):
    """Two animals that meet and part again; they stand still at times, so motion is ambiguous."""
    rng = np.random.default_rng(seed)
    sideways = np.cumsum(np.cumsum(rng.normal(0, 0.02, (N_FRAMES, 2)), axis=0) * 0.1, axis=0)
    apart = 30 + np.minimum(120.0, 2.0 * np.abs(np.arange(N_FRAMES) - CROSSING))
    frames = []
    for t in range(N_FRAMES):
        x = 300 + apart[t] * np.array([-0.5, 0.5])
        y = 200 + np.clip(sideways[t], -20, 20)
        centres = np.stack([x, y], axis=1)
        boxes = np.concatenate([centres - SIDE / 2, centres + SIDE / 2], axis=1)
        boxes = boxes[: 0 if abs(t - CROSSING) < 12 else 2].astype(np.float32)
        frames.append(Detections(boxes, np.full(len(boxes), 0.9, np.float32)))
    return DetectionTable.from_frames(frames)


def make_fur_descriptors(table, swapped, contrast, seed=0):
    """Noise with the pattern of the animal; if swapped, they change sides when they meet."""
    rng = np.random.default_rng(seed)
    patterns = rng.normal(size=(2, 60))
    frames = table.frame_numbers
    owners = (np.arange(len(frames)) - table.frame_offsets[frames]) ^ (
        (frames > CROSSING) & swapped
    )
    values = rng.normal(0, 3, (len(frames), 60)) + contrast * patterns[owners]
    return FurDescriptors(np.arange(len(frames)), values.astype(np.float16))


@pytest.mark.parametrize("swapped", [False, True])
def test_fur_descriptors_decide_whether_animals_changed_sides(swapped):
    table = make_detections(1)
    found = link_tracklets(table, 2, FPS, fur_descriptors=make_fur_descriptors(table, swapped, 1.0))
    (selection,) = found.appearance_selections
    assert selection.used
    assert selection.after > selection.before + 0.2
    first, last = (
        found.identity_ids[(found.frames == t) & (found.boxes[:, 0] < 270)]
        for t in (10, N_FRAMES - 10)
    )
    assert (first == last) == (not swapped)


def test_descriptors_of_noise_are_not_used_and_change_nothing():
    table = make_detections(1)
    without = link_tracklets(table, 2, FPS)
    found = link_tracklets(table, 2, FPS, fur_descriptors=make_fur_descriptors(table, True, 0.0))
    assert not any(selection.used for selection in found.appearance_selections)
    np.testing.assert_array_equal(found.identity_ids, without.identity_ids)
    assert without.appearance_selections == ()


def test_too_few_descriptors_are_not_tested():
    table = make_detections(1)
    fur_descriptors = make_fur_descriptors(table, True, 1.0)
    found = link_tracklets(
        table,
        2,
        FPS,
        fur_descriptors=FurDescriptors(fur_descriptors.rows[:4], fur_descriptors.values[:4]),
    )
    assert found.appearance_selections == ()


def make_two_coats(seed, n_segments=80):
    """Segments of two black and two white animals; faint patterns differ within each coat."""
    rng = np.random.default_rng(seed)
    animals = np.repeat(np.arange(4), n_segments)
    times_s = np.tile(np.arange(n_segments) * 0.5, 4)
    coats = np.where(animals < 2, -5.0, 5.0)[:, None] * np.ones(8) + rng.normal(
        0, 1, (len(animals), 8)
    )
    fur_descriptors = 0.7 * rng.normal(size=(4, 40))[animals] + rng.normal(0, 1, (len(animals), 40))
    rows = np.arange(len(animals))
    return TrackletFeatures(
        animals, times_s, coats.astype(np.float32), rows, fur_descriptors.astype(np.float32)
    )


def test_fur_tells_animals_of_one_coat_apart_where_there_are_two_coats():
    model, selection = fit_appearance_model(
        make_two_coats(2), np.arange(4), 4, np.random.default_rng(0)
    )
    assert selection.used
    assert model.calibration_weight > 0.5
    assert not model.coats_only
    assert selection.after > selection.before + 0.05


def test_fur_of_noise_is_not_used_where_the_light_differs():
    """With noise beside them, features of one coat would be trusted to tell animals apart."""
    coats = make_two_coats(4)
    rng = np.random.default_rng(4)
    features = rng.normal(0, 1, coats.features.shape)
    features[:, 0] += 0.6 * coats.tracklets
    shuffled = rng.permutation(coats.fur_features)
    recording = replace(coats, features=features, fur_features=shuffled)
    model, selection = fit_appearance_model(recording, np.arange(4), 4, rng)
    assert not selection.used
    assert model.coats_only


def test_size_alone_has_fewer_axes_than_four_animals_need():
    # A detector without embeddings leaves the size of the box beside the fur.
    coats = make_two_coats(2)
    size_alone = TrackletFeatures(
        coats.tracklets, coats.times_s, coats.features[:, :1], coats.fur_rows, coats.fur_features
    )
    _, selection = fit_appearance_model(size_alone, np.arange(4), 4, np.random.default_rng(0))
    assert 0 <= selection.before <= selection.after <= 1


def fit_two_animals(groups, seed=5):
    """Fit two animals of eight tracklets each, which differ in the second of three features."""
    rng = np.random.default_rng(seed)
    tracklets = np.repeat(np.arange(16), 12)
    animals = tracklets % 2
    times_s = tracklets // 2 * 6.0 + np.tile(np.arange(12) * 0.5, 16)
    features = rng.normal(size=(len(tracklets), 3)) * [3.0, 1.0, 1.0]
    features[:, 1] += 2.0 * animals
    return fit_appearance_model(TrackletFeatures(tracklets, times_s, features), groups, 2, rng)[0]


def test_a_group_of_two_animals_does_not_hide_their_difference():
    right = np.arange(16) % 2
    swapped = np.where(np.arange(16) < 8, right, 1 - right)  # Both groups change animals half way.
    for groups in (np.arange(16), right, swapped):
        # The last grouping contradicts itself, so its own calibration weight is low.
        model = replace(fit_two_animals(groups), calibration_weight=1.0, coats_only=False)
        means = model.means[0].astype(float)
        before, after = (
            tuple(
                AppearanceFeatures(means[rows].mean(axis=0)[None], np.array([48.0]))
                for rows in (half, half + 1)
            )
            for half in (np.arange(0, 8, 2), np.arange(8, 16, 2))
        )
        assert model.compare_swapped(before, after, np.zeros(1, int))[0] > 3


def test_a_fold_is_compared_in_a_space_that_was_fitted_on_the_others():
    """With more features than segments, a space fits the groups that it was fitted on."""
    rng = np.random.default_rng(0)
    tracklets = np.repeat(np.arange(24), 12)
    times_s = tracklets // 2 * 6.0 + np.tile(np.arange(12) * 0.5, 24)
    features = rng.normal(size=(len(tracklets), 400)).astype(np.float32)  # No two animals differ.
    groups = np.arange(24) % 2
    model, _ = fit_appearance_model(TrackletFeatures(tracklets, times_s, features), groups, 2, rng)
    model = replace(model, calibration_weight=1.0, coats_only=False)
    spaces = model.find_folds(np.arange(12) * 6.0 + 3)
    one, other = (model.get_features(np.arange(side, 24, 2), spaces) for side in (0, 1))
    rest = [
        AppearanceFeatures(
            np.stack([np.delete(v.means, k, 0).mean(0) for k in range(12)]), np.full(12, 120.0)
        )
        for v in (one, other)
    ]
    llrs = model.compare_swapped((one, other), tuple(rest), spaces)
    assert abs(llrs.mean()) < 1.5
    assert llrs.max() < 4


def test_repeated_observations_count_less():
    rng = np.random.default_rng(3)
    tracklets = np.repeat(np.arange(16), 12)
    times_s = tracklets // 2 * 6.0 + np.tile(np.arange(12) * 0.5, 16)
    features = rng.normal(size=(len(tracklets), 3))
    features[tracklets == 6] = features[tracklets == 6][:1] + rng.normal(0, 0.05, (12, 3))
    features[:, 1] += 3.0 * (tracklets % 2)
    model, _ = fit_appearance_model(
        TrackletFeatures(tracklets, times_s, features), np.arange(16) % 2, 2, rng
    )
    assert model.counts[6] < 2
    assert np.median(model.counts) > 6


def test_a_short_recording_has_no_pairs_across_most_folds():
    rng = np.random.default_rng(4)
    tracklets = np.repeat(np.arange(2), 48)
    times_s = np.tile(np.arange(48) / 2, 2)
    features = rng.normal(size=(len(tracklets), 3)) + [[0, 4.0 * k, 0] for k in tracklets]
    recording = TrackletFeatures(tracklets, times_s, features)
    model, _ = fit_appearance_model(recording, np.arange(2), 2, rng)
    before, after = (
        tuple(model.get_features(np.array([k]), np.full(1, fold)) for k in (0, 1))
        for fold in (0, 4)
    )
    assert model.compare_swapped(before, before, np.zeros(1, int))[0] > 2
    assert model.compare_swapped(after, after, np.full(1, 4))[0] > 2


@pytest.mark.parametrize("n_segments", [0, 1, 6, 12])
def test_too_few_segments_are_uninformative(n_segments):
    rng = np.random.default_rng(4)
    tracklets = np.repeat(np.arange(2), n_segments)
    times_s = np.tile(np.arange(n_segments) / 2, 2)
    recording = TrackletFeatures(
        tracklets, times_s, rng.normal(size=(len(tracklets), 3)) + 9.0 * tracklets[:, None]
    )
    model, selection = fit_appearance_model(recording, np.arange(2), 2, rng)
    assert model.calibration_weight == 0
    assert selection is None


def test_two_animals_of_one_coat_are_not_told_apart_by_the_light():
    """They differ permanently by the light where they lie, but less than coats differ."""
    rng = np.random.default_rng(8)
    patterns = np.repeat([[0.0, 0, 0], [12.0, 0, 0], [0, 12.0, 0]], 2, axis=0)
    tracklets = np.repeat(np.arange(24), 40)
    animals, times_s = tracklets % 6, np.tile(np.arange(40) / 2.0, 24) + 20 * (tracklets // 6)
    features = patterns[animals] + rng.normal(size=(len(animals), 3))
    recording = TrackletFeatures(tracklets, times_s, features)
    fitted, _ = fit_appearance_model(recording, np.arange(24), 6, rng)
    light = np.array([[1.5, 0, 0], [-1.5, 0, 0]])

    def compare(first, second, coats_only):
        model = replace(fitted, coats_only=coats_only)
        axes = np.linalg.lstsq(
            np.stack([features[tracklets == k].mean(axis=0) for k in range(24)]),
            model.means[0],
            rcond=None,
        )[0]
        seen = [
            AppearanceFeatures((patterns[[k]] + at) @ axes, np.full(1, 60.0))
            for k, at in zip((first, second), light, strict=True)
        ]
        return model.compare_swapped((seen[0], seen[1]), (seen[0], seen[1]), np.zeros(1, np.int64))[
            0
        ]

    assert compare(0, 1, coats_only=False) > 10
    assert 0 <= compare(0, 1, coats_only=True) < 2
    assert compare(0, 2, coats_only=True) > 6
