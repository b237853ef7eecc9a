"""The places of images and labels, as programs write them."""

import pytest

from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import read_dataset, recognise_data

ROW = "0 0.5 0.5 0.2 0.4\n"


@pytest.fixture
def write_part(tmp_path, write_images):
    """Write images and their labels below a folder ``images``."""

    def write(images, *stems):
        write_images(tmp_path / images, *(f"{stem}.png" for stem in stems))
        labels = tmp_path / images.replace("images", "labels")
        labels.mkdir(parents=True, exist_ok=True)
        for stem in stems:
            (labels / f"{stem}.txt").write_text(ROW)

    return write


def read(path, **options):
    sequences, problems = read_dataset([path], ReadOptions(**options))
    assert problems == []
    return {s.name: [image.stem for image in s.image_paths] for s in sequences}


def test_roboflow_names_parts_that_it_has_not_written(tmp_path, write_part):
    """Its paths are relative to a folder beside ``data.yaml``, which is not there."""
    write_part("train/images", "a", "b")
    write_part("valid/images", "c")
    (tmp_path / "data.yaml").write_text(
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\n"
        "nc: 1\nnames: ['mouse']\n"
    )
    assert read(tmp_path) == {"train": ["a", "b"], "valid": ["c"]}
    assert read(tmp_path, split="val") == {"valid": ["c"]}
    assert read(tmp_path, split="valid") == {"valid": ["c"]}
    _, problems = read_dataset([tmp_path], ReadOptions(split="night"))
    assert (problems[0].field, problems[0].expected) == ("split", "a path of 'night'")
    (sequence, _), _ = read_dataset([tmp_path])
    assert "names test: ../test/images, which is not there" in sequence.notes[0]
    sequences, problems = read_dataset([tmp_path], ReadOptions(split="test"))
    assert sequences == []
    assert "../test/images: expected a folder of images" in str(problems[0])


def test_one_folder_for_two_parts_is_read_once(tmp_path, write_part):
    write_part("train/images", "a")
    (tmp_path / "data.yaml").write_text(
        "train: train/images\nval: ../train/images/\nnames: [mouse]\n"
    )
    assert read(tmp_path) == {"train": ["a"]}


@pytest.mark.parametrize(
    "place",
    [
        "/content/mice/train/images",
        "C:\\data\\mice\\train\\images",
        "./train/images",
        "train\\images",
    ],
)
def test_paths_of_another_machine(tmp_path, write_part, place):
    write_part("train/images", "a")
    write_part("valid/images", "b")
    (tmp_path / "data.yaml").write_text(
        f"path: /content/mice\ntrain: '{place}'\nvalid: valid/images\nnames: {{'0': mouse}}\n"
    )
    assert read(tmp_path) == {"train": ["a"], "valid": ["b"]}


@pytest.mark.parametrize(
    "prefix", ["./images/train/", "images/train/", "/home/me/set/images/train/", "images\\train\\"]
)
def test_lists_of_images(tmp_path, write_part, prefix):
    """Ultralytics and CVAT list the images of each part in a text file."""
    write_part("images/train", "a", "b", "c")
    (tmp_path / "train.txt").write_text(f"{prefix}a.png\n{prefix}c.png\n")
    (tmp_path / "val.txt").write_text(f"{prefix}b.png\n")
    (tmp_path / "data.yaml").write_text(
        "path: ./\ntrain: train.txt\nval: [val.txt]\nnames:\n  0: mouse\n"
    )
    assert read(tmp_path) == {"train": ["a", "c"], "val": ["b"]}


def test_listed_images_that_are_not_there(tmp_path, write_part):
    write_part("images/train", "a")
    (tmp_path / "train.txt").write_text("./images/train/a.png\n./images/train/z.png\n")
    (tmp_path / "data.yaml").write_text("train: train.txt\nnames: [mouse]\n")
    (sequence,), (problem,) = read_dataset([tmp_path])
    assert sequence.n_frames == 1
    assert (problem.path.name, problem.location, problem.got) == (
        "train.txt",
        "line 2",
        "./images/train/z.png",
    )


def test_darknet_as_cvat_writes_it(tmp_path, write_images):
    """``YOLO 1.1`` of CVAT: labels beside the images, and paths below a folder ``data``."""
    write_images(tmp_path / "obj_train_data", "frame_000000.png", "frame_000001.png")
    for k in range(2):
        (tmp_path / "obj_train_data" / f"frame_00000{k}.txt").write_text(ROW)
    (tmp_path / "train.txt").write_text(
        "".join(f"data/obj_train_data/frame_00000{k}.png\n" for k in range(2))
    )
    (tmp_path / "obj.names").write_text("mouse\n")
    (tmp_path / "obj.data").write_text(
        "classes = 1\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n"
    )
    assert read(tmp_path) == {"train": ["frame_000000", "frame_000001"]}
    assert read_dataset([tmp_path])[0][0].class_names == ("mouse",)


def test_folders_without_a_description(tmp_path, write_images, write_part):
    write_part("set/train/images", "a")
    write_part("set/val/images", "b")
    assert read(tmp_path / "set") == {"train": ["a"], "val": ["b"]}
    assert read(tmp_path / "set", split="val") == {"val": ["b"]}
    # LabelImg writes labels and `classes.txt` beside the images.
    write_images(tmp_path / "flat", "a.png")
    (tmp_path / "flat" / "a.txt").write_text(ROW)
    (tmp_path / "flat" / "classes.txt").write_text("rat\n")
    assert list(read(tmp_path / "flat").values()) == [["a"]]
    assert recognise_data(tmp_path) is None
