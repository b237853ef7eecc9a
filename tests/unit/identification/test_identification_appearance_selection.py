"""Animals that differ by a faint pattern alone, and those that do not differ."""

import numpy as np
import pytest

from murid.core import Detections, DetectionTable
from murid.identification import link_tracklets
from murid.identification.appearance_selection import cross_validate_fur
from murid.identification.discriminants import TrackletFeatures
from murid.identification.tracklet_features import FurDescriptors

FPS, SIDE, N_FRAMES, MEET = 25.0, 40.0, 1000, 520


def film(seed):
    """Two animals that meet half way and part the way they came; each stands still at times, so that motion errs."""
    rng = np.random.default_rng(seed)
    transitions = np.cumsum(np.cumsum(rng.normal(0, 0.02, (N_FRAMES, 2)), axis=0) * 0.1, axis=0)
    apart = 30 + np.minimum(120.0, 2.0 * np.abs(np.arange(N_FRAMES) - MEET))
    frames = []
    for t in range(N_FRAMES):
        x = 300 + apart[t] * np.array([-0.5, 0.5])
        y = 200 + np.clip(transitions[t], -20, 20)
        places = np.stack([x, y], axis=1)
        boxes = np.concatenate([places - SIDE / 2, places + SIDE / 2], axis=1)
        boxes = boxes[: 0 if abs(t - MEET) < 12 else 2].astype(np.float32)
        frames.append(Detections(boxes, np.full(len(boxes), 0.9, np.float32)))
    return DetectionTable.from_frames(frames)


def take_prints(table, exchanged, swap_appearance, seed=0):
    """Prints of noise with the animal's pattern; after they met, either may be the one on the left."""
    rng = np.random.default_rng(seed)
    patterns = rng.normal(size=(2, 60))
    frames = table.frame_numbers
    owners = (np.arange(len(frames)) - table.frame_offsets[frames]) ^ ((frames > MEET) & exchanged)
    values = rng.normal(0, 3, (len(frames), 60)) + swap_appearance * patterns[owners]
    return FurDescriptors(np.arange(len(frames)), values.astype(np.float16))


@pytest.mark.parametrize("exchanged", [False, True])
def test_the_pattern_tells_who_came_out_of_a_meeting(exchanged):
    table = film(1)
    found = link_tracklets(table, 2, FPS, fur_descriptors=take_prints(table, exchanged, 1.0))
    (adaptation,) = found.appearance_selections
    assert adaptation.used
    assert adaptation.after > adaptation.before + 0.2
    first, last = (
        found.identity_ids[(found.frames == t) & (found.boxes[:, 0] < 270)]
        for t in (10, N_FRAMES - 10)
    )
    assert (first == last) == (not exchanged)


def test_noise_is_dropped_and_changes_nothing():
    table = film(1)
    without = link_tracklets(table, 2, FPS)
    found = link_tracklets(table, 2, FPS, fur_descriptors=take_prints(table, True, 0.0))
    assert not any(adaptation.used for adaptation in found.appearance_selections)
    np.testing.assert_array_equal(found.identity_ids, without.identity_ids)
    assert without.appearance_selections == ()


def test_too_few_prints_say_nothing():
    table = film(1)
    fur_descriptors = take_prints(table, True, 1.0)
    found = link_tracklets(
        table,
        2,
        FPS,
        fur_descriptors=FurDescriptors(fur_descriptors.rows[:4], fur_descriptors.values[:4]),
    )
    assert found.appearance_selections == ()


def see_mixed(seed, n_pieces=80):
    """Pieces of four animals, two black and two white: coats tell these apart, and faint patterns each two."""
    rng = np.random.default_rng(seed)
    animals = np.repeat(np.arange(4), n_pieces)
    times_s = np.tile(np.arange(n_pieces) * 0.5, 4)
    coats = np.where(animals < 2, -5.0, 5.0)[:, None] * np.ones(8) + rng.normal(
        0, 1, (len(animals), 8)
    )
    fur_descriptors = 0.7 * rng.normal(size=(4, 40))[animals] + rng.normal(0, 1, (len(animals), 40))
    everyone = np.arange(len(animals))
    return TrackletFeatures(
        animals, times_s, coats.astype(np.float32), everyone, fur_descriptors.astype(np.float32)
    )


def test_prints_tell_animals_of_one_coat_where_coats_differ():
    adaptation, calibration_weight = cross_validate_fur(
        see_mixed(2), np.arange(4), 4, np.random.default_rng(0)
    )
    assert adaptation.used
    assert calibration_weight > 0.1
    assert adaptation.after > adaptation.before + 0.05
