import dataclasses

import cv2
import numpy as np
import pytest

from murid.datasets.labels import LabelledSequence
from murid.training.labelled_images import LabelledImages, build_labelled_images, hold_out


def make_sequence(
    folder, n_frames: int = 8, name: str = "cage", is_recording: bool = True
) -> LabelledSequence:
    """A bright 40 x 20 pixel box that moves right in 80 x 60 pixels, and one without a track."""
    folder.mkdir(exist_ok=True)
    paths = []
    boxes = []
    for k in range(n_frames):
        image = np.full((60, 80, 3), 90, np.uint8)
        image[20:40, 4 * k : 4 * k + 40] = 230
        paths.append(folder / f"{name}-{k:02d}.png")
        cv2.imwrite(str(paths[-1]), image)
        boxes += [[4 * k, 20, 4 * k + 40, 40], [60, 50, 70, 60]]
    n = 2 * n_frames
    return LabelledSequence(
        name=name,
        is_recording=is_recording,
        frames=np.arange(n_frames, dtype=np.int64),
        video=None,
        image_paths=tuple(paths),
        sizes=np.tile(np.array([80, 60], np.int64), (n_frames, 1)),
        frame_offsets=np.arange(0, n + 1, 2, dtype=np.int64),
        boxes=np.array(boxes, np.float32),
        track_ids=np.tile(np.array([7, -1], np.int64), n_frames),
        class_ids=np.zeros(n, np.int64),
        class_names=("mouse",),
        visibility=np.ones(n, np.float32),
        complete=np.ones(n_frames, bool),
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
