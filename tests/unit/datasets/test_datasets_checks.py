import math

import numpy as np
import pytest

from murid.datasets.checks import check_raw_labels
from murid.datasets.labels import Problem, raise_problems
from murid.datasets.raw_labels import Label, RawLabels, ReadOptions
from murid.errors import FormatError


def make_raw_labels(tmp_path, labels=(), frames=(0, 1, 2), **changes):
    path = tmp_path / "gt.txt"
    rows = [
        Label(frame, box, path, f"line {k}", *rest)
        for k, (frame, box, *rest) in enumerate(labels, 1)
    ]
    return RawLabels("cage", path, is_recording=True, frames=frames, labels=rows, **changes)


def explain(problems):
    return [(p.location, p.field, p.expected, p.got) for p in problems]


@pytest.fixture
def images(tmp_path, write_images):
    return dict(enumerate(write_images(tmp_path, "0.png", "1.png", "2.png")))


def test_valid_labels_become_a_sequence_in_frame_order(tmp_path, images):
    labels = [
        (2, (0, 0, 5, 5), 4, "rat", 0.5),
        (0, (1, 2, 3, 4), 4, "mouse"),
        (2, (9, 9, 12, 12), 1, "rat"),
    ]
    sequence, problems = check_raw_labels(
        make_raw_labels(tmp_path, labels, image_paths=images, incomplete={1}), ReadOptions()
    )
    assert problems == []
    assert sequence.frames.tolist() == [0, 1, 2]
    assert sequence.image_paths == tuple(images.values())
    assert sequence.sizes.tolist() == [[64, 48]] * 3
    assert sequence.frame_offsets.tolist() == [0, 1, 1, 3]
    assert sequence.track_ids.tolist() == [4, 4, 1]
    assert [sequence.class_names[k] for k in sequence.class_ids] == ["mouse", "rat", "rat"]
    assert sequence.complete.tolist() == [True, False, True]
    np.testing.assert_equal(sequence.visibility, [math.nan, 0.5, math.nan])
    assert sequence[2].boxes.tolist() == [[0, 0, 5, 5], [9, 9, 12, 12]]
    assert [len(frame) for frame in sequence] == [1, 0, 2]


def test_invalid_labels_are_all_reported_and_left_out(tmp_path, images):
    labels = [
        (0, (5, 5, 5, 9), 1),
        (0, (5, 5, 9, 9), 2),
        (0, (7, 7, 9, 9), 2),
        (1, (60, 40, 80, 60), 1),
        (1, (60, 40, 66, 50), 2, "cat"),
        (2, (-4, 0, 8, 8), 1),
        (2, (1, 1, 2, 2)),
        (2, (1, 1, 2, 2)),
    ]
    options = ReadOptions(classes=("animal", "mouse"))
    sequence, problems = check_raw_labels(
        make_raw_labels(tmp_path, labels, image_paths=images), options
    )
    assert explain(problems) == [
        ("line 1", "box", "a width and a height above 0", "0x4 at 5, 5 in 64x48"),
        ("line 3", "id", "each id once in a frame", "2 again"),
        ("line 4", "box", "a centre inside the image", "20x20 at 60, 40 in 64x48"),
        ("line 5", "class", "animal or mouse", "'cat'"),
    ]
    assert sequence.boxes.tolist() == [[5, 5, 9, 9], [-4, 0, 8, 8], [1, 1, 2, 2], [1, 1, 2, 2]]
    assert sequence.complete.tolist() == [False, False, True]


def test_frames_without_an_image(tmp_path, images):
    (tmp_path / "1.png").write_text("no image")
    images[3] = tmp_path / "gone.png"
    raw = make_raw_labels(
        tmp_path,
        [(2, (0, 0, 5, 5)), (4, (0, 0, 5, 5))],
        frames=(0, 1, 2, 3, 4, 5, 7),
        image_paths=images,
    )
    sequence, problems = check_raw_labels(raw, ReadOptions())
    assert explain(problems) == [
        ("line 2", "frame", "one with an image", "frame 4 from 0"),
        ("", "frame", "one with an image", "2 frames without, 5 to 7 from 0"),
        ("", "file", "an image", "something that cannot be opened as one"),
        ("", "image", "a file", f"no {tmp_path / 'gone.png'}"),
    ]
    assert problems[2].path == tmp_path / "1.png"
    assert sequence.frames.tolist() == [0, 2]
    assert len(sequence) == 1


def test_frames_after_the_end_of_a_video(tmp_path, write_video):
    raw = make_raw_labels(
        tmp_path,
        [(4, (0, 0, 5, 5)), (5, (0, 0, 5, 5))],
        frames=(4, 5),
        video=write_video(tmp_path / "a.mp4"),
    )
    sequence, problems = check_raw_labels(raw, ReadOptions())
    assert explain(problems) == [
        ("line 2", "frame", "a frame of a.mp4, which has 5", "frame 5 from 0")
    ]
    assert sequence.frames.tolist() == [4]
    assert sequence.sizes.tolist() == [[64, 48]]
    assert sequence.fps == 25


def test_file_that_is_not_a_video(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    sequence, problems = check_raw_labels(
        make_raw_labels(tmp_path, video=tmp_path / "a.mp4"), ReadOptions()
    )
    assert sequence is None
    assert explain(problems) == [("", "file", "a video that can be opened", "none")]


def test_missing_images_are_a_problem_if_required(tmp_path):
    labels = [(0, (500, 500, 510, 510))]
    sequence, problems = check_raw_labels(make_raw_labels(tmp_path, labels), ReadOptions())
    assert sequence is None
    assert explain(problems) == [
        ("", "images", "a video or images of the labelled frames", "none found")
    ]
    sequence, problems = check_raw_labels(
        make_raw_labels(tmp_path, labels), ReadOptions(require_images=False)
    )
    assert problems == []
    assert sequence.sizes.tolist() == [[0, 0]] * 3
    assert sequence.image_paths == ()


def test_mixed_sizes_matter_within_a_recording(tmp_path, images, write_images):
    write_images(tmp_path, "1.png", size=(32, 32))
    raw = make_raw_labels(tmp_path, [(1, (0, 0, 5, 5))], image_paths=images)
    sequence, problems = check_raw_labels(raw, ReadOptions())
    assert explain(problems) == [("line 1", "size", "64x48, as most of the recording", "32x32")]
    assert sequence.frames.tolist() == [0, 2]
    raw.is_recording = False
    sequence, problems = check_raw_labels(raw, ReadOptions())
    assert problems == []
    assert sequence.sizes.tolist() == [[64, 48], [32, 32], [64, 48]]


def test_images_of_another_size_than_declared(tmp_path, images):
    raw = make_raw_labels(tmp_path, image_paths=images, declared_sizes={0: (64, 48), 2: (128, 96)})
    sequence, problems = check_raw_labels(raw, ReadOptions())
    assert explain(problems) == [("", "size", "128x96, as the labels say", "64x48")]
    assert problems[0].path == tmp_path / "2.png"
    assert sequence.frames.tolist() == [0, 1]


def test_problems_become_one_error(tmp_path):
    first = Problem(tmp_path / "gt.txt", "line 3", "box", "a box", "none")
    assert Problem.from_error(first.to_error()) == first
    with pytest.raises(FormatError, match=r"gt.txt: line 3, box: expected a box, got none$"):
        raise_problems([first])
    with pytest.raises(
        FormatError,
        match=r"got 2 problems:\n  .*gt.txt: line 3, box.*\n  .*b.txt: file: expected x",
    ):
        raise_problems([first, Problem(tmp_path / "b.txt", "", "file", "x", "y")])


def test_fractions_of_the_image_are_no_pixels(tmp_path, images):
    labels = [(0, (0.1, 0.2, 0.3, 0.5)), (1, (0, 0, 1, 1))]
    sequence, problems = check_raw_labels(
        make_raw_labels(tmp_path, labels, image_paths=images), ReadOptions()
    )
    got = "0.2x0.3 at 0.1, 0.2 in 64x48, and none beyond 1"
    assert explain(problems) == [("line 1", "box", "pixels, not fractions of the image", got)]
    assert len(sequence) == 0
    assert sequence.complete.tolist() == [False, False, True]


@pytest.mark.parametrize(("labelled", "n_notes"), [((0,), 1), ((0, 2), 0)])
def test_many_frames_without_labels_are_noted(tmp_path, images, labelled, n_notes):
    labels = [(frame, (0, 0, 5, 5)) for frame in labelled]
    raw = make_raw_labels(tmp_path, labels, image_paths=images)
    sequence, problems = check_raw_labels(raw, ReadOptions())
    assert problems == []
    note = "cage: 2 of 3 frames have no labels, and count as without animals"
    assert sequence.notes == (note,) * n_notes
