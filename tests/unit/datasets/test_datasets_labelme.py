"""LabelMe in the structure that its program writes."""

import json

import pytest

from murid.datasets.registry import read_dataset, recognise_data


def make_shape(points, shape_type="rectangle", label="mouse", group_id=None):
    return {
        "label": label,
        "points": points,
        "group_id": group_id,
        "description": "",
        "shape_type": shape_type,
        "flags": {},
        "mask": None,
    }


@pytest.fixture
def write_labels(tmp_path, write_images):
    def write(stem, *shapes):
        write_images(tmp_path / "set", f"{stem}.png")
        content = {
            "version": "5.5.0",
            "flags": {},
            "shapes": list(shapes),
            "imagePath": f"{stem}.png",
            "imageData": None,
            "imageHeight": 48,
            "imageWidth": 64,
        }
        (tmp_path / "set" / f"{stem}.json").write_text(json.dumps(content))
        return tmp_path / "set"

    return write


def read(path):
    (sequence,), problems = read_dataset([path])
    assert problems == []
    return sequence


@pytest.mark.parametrize(
    ("points", "shape_type", "expected"),
    [
        ([[30, 20], [10, 40]], "rectangle", [10, 20, 30, 40]),
        ([[10, 20], [30, 20], [30, 40], [10, 40]], "rectangle", [10, 20, 30, 40]),
        ([[10, 20], [30, 22.5], [20, 40]], "polygon", [10, 20, 30, 40]),
        ([[20, 30], [20, 40]], "circle", [10, 20, 30, 40]),
        ([[10, 20], [30, 40]], "mask", [10, 20, 30, 40]),
    ],
)
def test_shapes(write_labels, points, shape_type, expected):
    line = make_shape([[1, 1], [2, 2]], "linestrip", "tail")
    folder = write_labels("a", make_shape(points, shape_type), line)
    sequence = read(folder)
    assert (sequence.name, sequence.is_recording) == ("set", False)
    assert sequence.boxes.tolist() == [expected]
    assert sequence.class_names == ("mouse",)
    assert "left out 1 shape without a box" in sequence.notes[0]


def test_a_damaged_file_does_not_hide_the_others(write_labels):
    folder = write_labels("b", make_shape([[1, 1], [9, 9]]))
    (folder / "a.json").write_text("[1]")
    (sequence,), problems = read_dataset([folder])
    assert [(p.path.name, p.field) for p in problems] == [("a.json", "shapes")]
    assert len(sequence) == 1


def test_folders_of_images_are_sequences(tmp_path, write_labels):
    folder = write_labels("a", make_shape([[1, 1], [9, 9]]))
    folder.rename(tmp_path / "camera2")
    write_labels("b", make_shape([[1, 1], [9, 9]])).rename(tmp_path / "camera1")
    sequences, problems = read_dataset([tmp_path])
    assert problems == []
    assert [sequence.name for sequence in sequences] == ["camera1", "camera2"]


def test_images_without_labels_are_left_out(write_labels, write_images):
    folder = write_labels("a", make_shape([[1, 1], [9, 9]]))
    write_labels("b")
    write_images(folder, "c.png", "._a.png")
    (folder / "._a.json").write_bytes(b"\0\5")
    sequence = read(folder)
    assert sequence.frame_offsets.tolist() == [0, 1, 1]
    assert "1 image without a file of labels left out" in sequence.notes[0]


def test_groups_once_in_an_image_are_identities(write_labels):
    box, other = [[1, 1], [9, 9]], [[20, 20], [30, 30]]
    folder = write_labels("a", make_shape(box, group_id=1), make_shape(other, group_id=2))
    write_labels("b", make_shape(box, group_id=2), make_shape(other))
    sequence = read(folder)
    assert sequence.track_ids.tolist() == [1, 2, 2, -1]
    assert "group_id is read as the identity" in sequence.notes[0]


def test_groups_join_the_parts_of_an_animal(write_labels):
    box, other = [[1, 1], [9, 9]], [[20, 20], [30, 30]]
    folder = write_labels("a", make_shape(box, group_id=1), make_shape(other, group_id=1))
    write_labels("b", make_shape(box, group_id=1), make_shape(other))
    sequence = read(folder)
    assert sequence.frame_offsets.tolist() == [0, 1, 3]
    assert sorted(sequence.boxes.tolist()) == [[1, 1, 9, 9], [1, 1, 30, 30], [20, 20, 30, 30]]
    assert sequence.track_ids.tolist() == [-1, -1, -1]


def test_all_problems_are_reported(write_labels):
    folder = write_labels("a", make_shape([[1, 2, 3]]), make_shape([[1, 1], [9, 9]]))
    (folder / "b.json").write_text('{"shapes": 3}')
    (sequence,), problems = read_dataset([folder])
    assert [(p.path.name, p.location, p.field) for p in problems] == [
        ("b.json", "", "shapes"),
        ("a.json", "shapes[0]", "points"),
    ]
    assert sequence.complete.tolist() == [False]
    assert recognise_data(folder).name == "labelme"
    assert recognise_data(folder / "a.json").name == "labelme"
