import dataclasses

import numpy as np
import pytest
from labelled_sequences import make_sequence

from murid.training.labelled_images import (
    LabelledImages,
    build_labelled_images,
    hold_out,
    list_class_names,
)


def test_images_and_boxes_are_fitted_into_the_square(tmp_path):
    labelled = build_labelled_images(
        [make_sequence(tmp_path / "in")], tmp_path / "out", 160, "track"
    )
    assert len(labelled) == 8
    still = labelled[2]
    assert still.image.shape == (160, 160, 3)
    np.testing.assert_allclose(
        still.boxes[0], [16, 60, 96, 100]
    )  # scaled by 2, with a border of 20 pixels above
    inside = still.image[62:98, 18:94]
    assert inside.min() > 220
    assert still.image[5, 5, 0] == 114
    assert [len(s.boxes) for s in labelled[:3]] == [2, 2, 2]


@pytest.mark.parametrize(
    ("source", "first", "second", "n"),
    [("track", [5, -1], [5, -1], 1), ("box", [5, 6], [7, 8], 16), ("none", [-1, -1], [-1, -1], 0)],
)
def test_identities_by_source(tmp_path, source, first, second, n):
    labelled = build_labelled_images(
        [make_sequence(tmp_path / "in")], tmp_path / "out", 96, source, first_identity=5
    )
    assert labelled[0].identities.tolist() == first
    assert labelled[1].identities.tolist() == second
    assert labelled.n_identities == n


def test_tracks_of_different_sequences_have_different_identities(tmp_path):
    pair = [make_sequence(tmp_path / "in", name=name) for name in ("a", "b")]
    labelled = build_labelled_images(pair, tmp_path / "out", 96, "track")
    assert (labelled[0].identities[0], labelled[8].identities[0]) == (0, 1)


def test_recordings_have_a_background_and_independent_images_have_none(tmp_path):
    recording = build_labelled_images(
        [make_sequence(tmp_path / "in", 20)], tmp_path / "a", 160, "none"
    )
    assert recording[0].background is not None
    assert recording[0].background.shape == (160, 160, 3)
    independent = build_labelled_images(
        [make_sequence(tmp_path / "in", 20, is_recording=False)], tmp_path / "b", 160, "none"
    )
    assert independent[0].background is None
    few = build_labelled_images([make_sequence(tmp_path / "in", 4)], tmp_path / "c", 160, "none")
    assert few[0].background is None


def test_frames_with_unlabelled_animals_are_left_out(tmp_path):
    sequence = make_sequence(tmp_path / "in")
    part = dataclasses.replace(sequence, complete=np.arange(8) % 2 == 0)
    assert len(build_labelled_images([part], tmp_path / "out", 96, "none")) == 4


def test_files_are_reused_unless_the_labels_changed(tmp_path):
    sequence = make_sequence(tmp_path / "in")
    build_labelled_images([sequence], tmp_path / "out", 96, "track")
    made = (tmp_path / "out" / "00000000.png").stat().st_mtime_ns
    assert len(build_labelled_images([sequence], tmp_path / "out", 96, "track")) == 8
    assert (tmp_path / "out" / "00000000.png").stat().st_mtime_ns == made
    changed = dataclasses.replace(sequence, boxes=sequence.boxes + np.float32(1))
    again = build_labelled_images([changed], tmp_path / "out", 96, "track")
    assert again[0].boxes[0, 0] > LabelledImages(tmp_path / "out")[0].boxes[0, 0] - 1
    assert (tmp_path / "out" / "00000000.png").stat().st_mtime_ns > made


def test_recordings_with_tracks_are_numbered_and_timed(tmp_path):
    sequences = [make_sequence(tmp_path / "in", name=name) for name in "ab"]
    sequences[1] = dataclasses.replace(sequences[1], fps=2.0)
    labelled = build_labelled_images(sequences, tmp_path / "out", 96, "track")
    assert [still.recording for still in labelled[::4]] == [0, 0, 1, 1]
    assert labelled[3].time_s == pytest.approx(3 / 30)
    assert labelled[11].time_s == pytest.approx(3 / 2)
    for source in ("box", "none"):
        others = build_labelled_images(sequences, tmp_path / source, 96, source)
        assert {still.recording for still in others} == {None}


def test_independent_images_are_far_apart_in_time(tmp_path):
    sequence = make_sequence(tmp_path / "in", 3, is_recording=False)
    labelled = build_labelled_images([sequence], tmp_path / "out", 96, "track")
    assert np.diff([still.time_s for still in labelled]).min() >= 60


def test_validation_prefers_tracks_where_there_are_any(tmp_path):
    tracked = make_sequence(tmp_path / "in", 3, name="tracked")
    single = make_sequence(tmp_path / "in", 3, name="single")
    single = dataclasses.replace(single, track_ids=np.full(6, -1, np.int64))
    labelled = build_labelled_images(
        [tracked, single], tmp_path / "out", 96, "box", prefer_tracks=True
    )
    assert [still.identities.tolist() for still in labelled] == [
        [0, -1],
        [0, -1],
        [0, -1],
        [1, 2],
        [3, 4],
        [5, 6],
    ]
    assert [still.recording for still in labelled] == 3 * [0] + 3 * [None]


def test_classes_have_one_number_in_all_sequences(tmp_path):
    first = make_sequence(tmp_path / "in", 2, name="first")
    classes = np.array([1, 2, 1, 2], np.int64)
    first = dataclasses.replace(first, class_ids=classes, class_names=("cage", "rat", "mouse"))
    second = make_sequence(tmp_path / "in", 2, name="second")
    assert list_class_names([first, second]) == ["rat", "mouse"]
    labelled = build_labelled_images([first, second], tmp_path / "out", 96, "none")
    assert [still.class_ids.tolist() for still in labelled] == [[0, 1], [0, 1], [1, 1], [1, 1]]


class TestHoldOut:
    def test_whole_sequences_if_there_are_three_or_more(self, tmp_path):
        sequences = [make_sequence(tmp_path, 3, name) for name in "abcde"]
        kept, out = hold_out(sequences, 0.4, seed=0)
        assert sorted(s.name for s in (*kept, *out)) == list("abcde")
        assert len(out) == 2
        assert [s.name for s in hold_out(sequences, 0.4, seed=0)[1]] == [s.name for s in out]

    def test_the_end_of_each_sequence_otherwise(self, tmp_path):
        sequence = make_sequence(tmp_path, 10)
        (kept,), (out,) = hold_out([sequence], 0.2, seed=0)
        assert (kept.n_frames, out.n_frames) == (8, 2)
        assert out.frames.tolist() == [8, 9]
        np.testing.assert_array_equal(out[0].boxes, sequence[8].boxes)
        assert out.image_paths == sequence.image_paths[8:]

    def test_a_share_of_zero(self, tmp_path):
        assert hold_out([make_sequence(tmp_path, 3)], 0.0, seed=0)[1] == []


def test_subsampled_images_are_spread_evenly(tmp_path):
    labelled = build_labelled_images(
        [make_sequence(tmp_path / "in", 20)], tmp_path / "out", 96, "none"
    )
    subsampled = labelled.subsample(5)
    assert len(subsampled) == 5
    assert len(labelled) == 20
    np.testing.assert_array_equal(subsampled[4].image, labelled[19].image)
    assert len(labelled.subsample(100)) == 20
