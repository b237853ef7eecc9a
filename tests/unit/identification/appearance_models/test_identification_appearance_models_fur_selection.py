"""Animals that differ by a faint fur pattern alone, and those that do not differ."""

import numpy as np
import pytest

from murid.core import Detections, DetectionTable
from murid.identification import link_tracklets
from murid.identification.appearance_models.fur_selection import cross_validate_fur
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
    selection, calibration_weight = cross_validate_fur(
        make_two_coats(2), np.arange(4), 4, np.random.default_rng(0)
    )
    assert selection.used
    assert calibration_weight > 0.1
    assert selection.after > selection.before + 0.05


def test_size_alone_has_fewer_axes_than_four_animals_need():
    # A detector without embeddings leaves the size of the box beside the fur.
    coats = make_two_coats(2)
    size_alone = TrackletFeatures(
        coats.tracklets, coats.times_s, coats.features[:, :1], coats.fur_rows, coats.fur_features
    )
    selection, _ = cross_validate_fur(size_alone, np.arange(4), 4, np.random.default_rng(0))
    assert 0 <= selection.before <= selection.after <= 1
