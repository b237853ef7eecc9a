import dataclasses

import cv2
import numpy as np
import pytest

from murid.datasets.labels import LabelledSequence
from murid.training.labelled_images import Library, build_labelled_images, hold_out


def make_sequence(
    folder, n_frames: int = 8, name: str = "cage", is_recording: bool = True
) -> LabelledSequence:
    """A bright square that moves to the right on grey, 40 x 20 pixels in 80 x 60; a second one without a name."""
    folder.mkdir(exist_ok=True)
    pictures, boxes = [], []
    for k in range(n_frames):
        image = np.full((60, 80, 3), 90, np.uint8)
        image[20:40, 4 * k : 4 * k + 40] = 230
        pictures.append(folder / f"{name}-{k:02d}.png")
        cv2.imwrite(str(pictures[-1]), image)
        boxes += [[4 * k, 20, 4 * k + 40, 40], [60, 50, 70, 60]]
    n = 2 * n_frames
    return LabelledSequence(
        name=name,
        is_recording=is_recording,
        frames=np.arange(n_frames, dtype=np.int64),
        video=None,
        image_paths=tuple(pictures),
        sizes=np.tile(np.array([80, 60], np.int64), (n_frames, 1)),
        frame_offsets=np.arange(0, n + 1, 2, dtype=np.int64),
        boxes=np.array(boxes, np.float32),
        track_ids=np.tile(np.array([7, -1], np.int64), n_frames),
        class_ids=np.zeros(n, np.int64),
        class_names=("mouse",),
        visibility=np.ones(n, np.float32),
        complete=np.ones(n_frames, bool),
    )


def test_pictures_and_boxes_are_fitted_into_the_square(tmp_path):
    library = build_labelled_images(
        [make_sequence(tmp_path / "in")], tmp_path / "out", 160, "track"
    )
    assert len(library) == 8
    still = library[2]
    assert still.image.shape == (160, 160, 3)
    np.testing.assert_allclose(
        still.boxes[0], [16, 60, 96, 100]
    )  # twice as large, 20 pixels of border above
    inside = still.image[62:98, 18:94]
    assert inside.min() > 220
    assert still.image[5, 5, 0] == 114
    assert [len(s.boxes) for s in library[:3]] == [2, 2, 2]


@pytest.mark.parametrize(
    ("source", "first", "second", "n"),
    [("track", [5, -1], [5, -1], 1), ("box", [5, 6], [7, 8], 16), ("none", [-1, -1], [-1, -1], 0)],
)
def test_what_an_identity_is(tmp_path, source, first, second, n):
    library = build_labelled_images(
        [make_sequence(tmp_path / "in")], tmp_path / "out", 96, source, first_identity=5
    )
    assert library[0].identities.tolist() == first
    assert library[1].identities.tolist() == second
    assert library.n_identities == n


def test_tracks_of_two_sequences_are_different_animals(tmp_path):
    pair = [make_sequence(tmp_path / "in", name=name) for name in ("a", "b")]
    library = build_labelled_images(pair, tmp_path / "out", 96, "track")
    assert (library[0].identities[0], library[8].identities[0]) == (0, 1)


def test_a_recording_has_a_backdrop_and_loose_pictures_have_none(tmp_path):
    recording = build_labelled_images(
        [make_sequence(tmp_path / "in", 20)], tmp_path / "a", 160, "none"
    )
    assert recording[0].background is not None
    assert recording[0].background.shape == (160, 160, 3)
    loose = build_labelled_images(
        [make_sequence(tmp_path / "in", 20, is_recording=False)], tmp_path / "b", 160, "none"
    )
    assert loose[0].background is None
    few = build_labelled_images([make_sequence(tmp_path / "in", 4)], tmp_path / "c", 160, "none")
    assert few[0].background is None


def test_frames_with_unlabelled_animals_are_left_out(tmp_path):
    sequence = make_sequence(tmp_path / "in")
    part = dataclasses.replace(sequence, complete=np.arange(8) % 2 == 0)
    assert len(build_labelled_images([part], tmp_path / "out", 96, "none")) == 4


def test_what_is_there_is_used_again_and_what_has_changed_is_not(tmp_path):
    sequence = make_sequence(tmp_path / "in")
    build_labelled_images([sequence], tmp_path / "out", 96, "track")
    made = (tmp_path / "out" / "00000000.png").stat().st_mtime_ns
    assert len(build_labelled_images([sequence], tmp_path / "out", 96, "track")) == 8
    assert (tmp_path / "out" / "00000000.png").stat().st_mtime_ns == made
    changed = dataclasses.replace(sequence, boxes=sequence.boxes + np.float32(1))
    again = build_labelled_images([changed], tmp_path / "out", 96, "track")
    assert again[0].boxes[0, 0] > Library(tmp_path / "out")[0].boxes[0, 0] - 1
    assert (tmp_path / "out" / "00000000.png").stat().st_mtime_ns > made


class TestHoldOut:
    def test_whole_sequences_where_there_are_enough(self, tmp_path):
        sequences = [make_sequence(tmp_path, 3, name) for name in "abcde"]
        kept, out = hold_out(sequences, 0.4, seed=0)
        assert sorted(s.name for s in (*kept, *out)) == list("abcde")
        assert len(out) == 2
        assert [s.name for s in hold_out(sequences, 0.4, seed=0)[1]] == [s.name for s in out]

    def test_else_the_end_of_each(self, tmp_path):
        sequence = make_sequence(tmp_path, 10)
        (kept,), (out,) = hold_out([sequence], 0.2, seed=0)
        assert (kept.n_frames, out.n_frames) == (8, 2)
        assert out.frames.tolist() == [8, 9]
        np.testing.assert_array_equal(out[0].boxes, sequence[8].boxes)
        assert out.image_paths == sequence.image_paths[8:]

    def test_nothing(self, tmp_path):
        assert hold_out([make_sequence(tmp_path, 3)], 0.0, seed=0)[1] == []


def test_a_thinned_library_is_spread_over_all(tmp_path):
    library = build_labelled_images(
        [make_sequence(tmp_path / "in", 20)], tmp_path / "out", 96, "none"
    )
    thinned = library.thin(5)
    assert len(thinned) == 5
    assert len(library) == 20
    np.testing.assert_array_equal(thinned[4].image, library[19].image)
    assert len(library.thin(100)) == 20
