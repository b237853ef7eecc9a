import pytest

from murid.datasets import yolo_writer
from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import read_dataset


@pytest.fixture
def dataset(tmp_path, write_images):
    """Two parts of two images each; one image has no animal."""
    for part in ("train", "val"):
        write_images(tmp_path / "images" / part, "a.png", "b.png", size=(100, 50))
        (tmp_path / "labels" / part).mkdir(parents=True)
        (tmp_path / "labels" / part / "a.txt").write_text("0 0.5 0.5 0.2 0.4\n1 0.1 0.2 0.1 0.2\n")
        (tmp_path / "labels" / part / "b.txt").write_text("")
    (tmp_path / "data.yaml").write_text(
        "train: images/train\nval: images/val\ntest:\nnames: [mouse, rat]\n"
    )
    return tmp_path


def explain(problems):
    return [f"{p.path.name}: {p.location} {p.field}: {p.expected}; {p.got}" for p in problems]


def test_parts_are_sequences_of_independent_images(dataset):
    for path in (dataset, dataset / "data.yaml"):
        sequences, problems = read_dataset([path])
        assert problems == []
        assert [(s.name, s.is_recording) for s in sequences] == [("train", False), ("val", False)]
        assert sequences[0].boxes.tolist() == [[40, 15, 60, 35], [5, 5, 15, 15]]
        assert sequences[0].frame_offsets.tolist() == [0, 2, 2]
        assert [sequences[0].class_names[k] for k in sequences[0].class_ids] == ["mouse", "rat"]
    assert [s.name for s in read_dataset([dataset], ReadOptions(split="val"))[0]] == ["val"]


def test_numbered_names_and_paths_of_other_machines(dataset):
    (dataset / "data.yaml").write_text(
        "path: /nowhere\ntrain: [../images/train]\nnames: {0: m, 1: r}\n"
    )
    (sequence,), problems = read_dataset([dataset])
    assert problems == []
    assert sequence.class_names == ("m", "r")


def test_without_a_yaml(dataset):
    (dataset / "data.yaml").unlink()
    sequences, problems = read_dataset([dataset])
    assert problems == []
    assert [s.name for s in sequences] == ["train", "val"]
    assert sequences[0].class_names == ("animal", "class 1")
    (dataset / "classes.txt").write_text("mouse\nrat\n")
    assert read_dataset([dataset])[0][0].class_names == ("mouse", "rat")


def test_keypoint_columns_are_ignored(dataset):
    (dataset / "data.yaml").write_text("train: images/train\nnames: [mouse]\nkpt_shape: [1, 3]\n")
    (dataset / "labels" / "train" / "a.txt").write_text(
        "0 0.5 0.5 0.2 0.4 0.5 0.5 2\n0 0.5 0.5 0.2 0.4\n"
    )
    (sequence,), problems = read_dataset([dataset])
    assert explain(problems) == ["a.txt: line 2 columns: 8, between spaces; 5"]
    assert sequence.boxes.tolist() == [[40, 15, 60, 35]]


def test_all_problems_are_reported_by_line(dataset):
    (dataset / "labels" / "train" / "a.txt").write_text(
        "0 0.5 0.5 0.2 0.4\n\n2 0.5 0.5 0.2 0.4\n0 0.5 0.5 0.2\n"
        "0 0.5 0.5 0.2 nan\n0 1.5 0.5 0.2 0.4\n0 0.5 0.5 0 0.4\n"
    )
    (dataset / "labels" / "train" / "b.txt").unlink()
    (dataset / "labels" / "train" / "c.txt").write_text("0 0.5 0.5 0.2 0.4\n")
    (sequence,), problems = read_dataset([dataset], ReadOptions(split="train"))
    assert explain(problems) == [
        "a.txt: line 3 class: one of 0, 1; 2",
        "a.txt: line 4 columns: 5, between spaces; 4",
        "a.txt: line 5 height: a number; 'nan'",
        "b.png:  labels: b.txt beside the other labels, empty if no animal is there; none",
        f"c.txt:  image: an image c in {dataset / 'images' / 'train'}; none",
        "a.txt: line 6 box: a centre inside the image; 20x20 at 140, 15 in 100x50",
        "a.txt: line 7 box: a width and a height above 0; 0x20 at 50, 15 in 100x50",
    ]
    assert len(sequence) == 1
    assert sequence.complete.tolist() == [False]


def test_few_images_without_labels_have_no_animals(dataset, write_images):
    """As ultralytics reads them; hidden files are neither images nor labels."""
    write_images(dataset / "images" / "train", "c.png", "._a.png", size=(100, 50))
    (dataset / "labels" / "train" / "._a.txt").write_bytes(b"\0\5")
    (sequence,), problems = read_dataset([dataset], ReadOptions(split="train"))
    assert problems == []
    assert sequence.frame_offsets.tolist() == [0, 2, 2, 2]
    assert sequence.complete.tolist() == [True, True, True]
    assert "1 image without a label file, such as c.png, read as without animals" in str(
        sequence.notes
    )


def test_polygons_become_boxes(dataset):
    (dataset / "labels" / "train" / "a.txt").write_text("0 0.4 0.3 0.6 0.3 0.6 0.7 0.5 0.6\n")
    (sequence,), problems = read_dataset([dataset], ReadOptions(split="train"))
    assert problems == []
    assert sequence.boxes.tolist() == [[40, 15, 60, 35]]
    assert "train: 1 polygon" in sequence.notes[0]


def test_images_with_track_ids_are_frames(tmp_path, write_images):
    names = [f"frame_{k:06d}" for k in (0, 30, 60)]
    write_images(tmp_path / "images", *(f"{name}.png" for name in names))
    (tmp_path / "labels").mkdir()
    for name in names:
        rows = "0 0.2 0.5 0.2 0.4 4\n0 0.8 0.5 0.2 0.4 9\n"
        (tmp_path / "labels" / f"{name}.txt").write_text(rows)
    (sequence,), problems = read_dataset([tmp_path])
    assert problems == []
    assert sequence.is_recording
    assert sequence.frames.tolist() == [0, 30, 60]
    assert sequence.track_ids.tolist() == [4, 9] * 3
    assert "the last column is read as track ids" in sequence.notes[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("names: {a: 1}\n", "data.yaml: names: expected the names of the classes"),
        ("names: [a]\nkpt_shape: 3\n", "data.yaml: kpt_shape: expected two numbers"),
        ("names: [a\n", "data.yaml: file: expected a readable data.yaml"),
        ("train: images/train\n", "data.yaml: names: expected the names of the classes, got None"),
        (
            "train: images/none\nnames: [a]\n",
            "data.yaml: images/none: expected a folder of images",
        ),
    ],
)
def test_damaged_yaml(dataset, content, message):
    (dataset / "data.yaml").write_text(content)
    sequences, problems = read_dataset([dataset])
    assert sequences == []
    assert message in str(problems[0])


def test_written_data_is_read_back_without_ids(tmp_path, sequence, write_images):
    out = tmp_path / "out"
    for frame in range(4):
        place = out / yolo_writer.get_image_path("cage", frame, ".png")
        write_images(place.parent, place.name)
    yolo_writer.write(out, [sequence])
    (read,), problems = read_dataset([out])
    assert problems == []
    assert read.name == "cage"
    assert read.frame_offsets.tolist() == sequence.frame_offsets.tolist()
    assert read.class_names == ("mouse", "rat")
    assert read.class_ids.tolist() == sequence.class_ids.tolist()
    assert read.track_ids.tolist() == [-1] * 4
    assert read.boxes[:2] == pytest.approx(sequence.boxes[:2], abs=1e-4)
    assert read.boxes[2].tolist() == pytest.approx([50, 30, 64, 44], abs=1e-4)
