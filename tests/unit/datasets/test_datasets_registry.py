import json
import shutil
import sys

import pytest

from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import DATA_FORMATS, find_data_format, read_dataset, recognise_data
from murid.errors import ConfigError, FormatError, MissingExtraError


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a.slp", "sleap"),
        ("a.json", "coco"),
        ("a.yaml", "yolo"),
        ("a.txt", "mot"),
        ("pig_1_gt.txt", "animaltrack"),
        ("a.csv", "deeplabcut"),
        ("a.h5", "deeplabcut"),
        ("a.docx", None),
    ],
)
def test_files_are_recognised_by_suffix(tmp_path, file, name):
    (tmp_path / file).touch()
    known = recognise_data(tmp_path / file)
    assert (known and known.name) == name
    assert recognise_data(tmp_path / "none" / file) is None


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("project.slp", "sleap"),
        ("annotations/train.json", "coco"),
        ("data.yaml", "yolo"),
        ("gt/gt.txt", "mot"),
        ("train/cage/gt/gt.txt", "mot"),
        ("gt_all/pig_1_gt.txt", "animaltrack"),
        ("labeled-data/day1/CollectedData_A.h5", "deeplabcut"),
        ("img1/1.png", None),
    ],
)
def test_directories_are_recognised_by_layout(tmp_path, file, name):
    path = tmp_path / "set" / file
    path.parent.mkdir(parents=True)
    path.touch()
    known = recognise_data(tmp_path / "set")
    assert (known and known.name) == name


def test_writable_formats():
    for name, known in DATA_FORMATS.items():
        if known.writer:
            assert find_data_format(name) is known
    for name in ("sleap", "excel"):
        with pytest.raises(
            ConfigError, match=f"format: expected yolo or mot or coco, got '{name}'"
        ):
            find_data_format(name)


def test_paths_without_labelled_data(tmp_path):
    with pytest.raises(
        FormatError, match=r"none: format: expected labelled data \(.*coco\), got nothing there"
    ):
        read_dataset([tmp_path / "none"])
    with pytest.raises(FormatError, match="got something else"):
        read_dataset([tmp_path])


def test_sequence_names_are_unique(tmp_path, write_images):
    for part in ("a", "b"):
        write_images(tmp_path / part / "cage" / "img1", "1.png")
        (tmp_path / part / "cage" / "gt").mkdir()
        (tmp_path / part / "cage" / "gt" / "gt.txt").write_text("1,1,0,0,5,5,1\n")
    sequences, problems = read_dataset([tmp_path / "a", tmp_path / "b"])
    assert problems == []
    assert [s.name for s in sequences] == ["cage", "cage-2"]


def test_data_without_labels_are_a_problem(tmp_path, write_images):
    write_images(tmp_path / "cage" / "img1", "1.png")
    (tmp_path / "cage" / "gt").mkdir()
    (tmp_path / "cage" / "gt" / "gt.txt").touch()
    (tmp_path / "cage" / "seqinfo.ini").write_text("[Sequence]\nseqLength=1\n")
    (sequence,), problems = read_dataset([tmp_path / "cage"])
    assert sequence.n_frames == 1
    assert [str(p) for p in problems] == [
        f"{tmp_path / 'cage'}: data set: expected at least one labelled animal, got none"
    ]


@pytest.mark.parametrize(
    ("file", "module"), [("a.slp", "sleap_io"), ("data.yaml", "yaml"), ("a.h5", "pandas")]
)
def test_libraries_that_are_missing(tmp_path, monkeypatch, file, module):
    (tmp_path / file).touch()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'murid\[data\]'"):
        read_dataset([tmp_path / file])


def test_mot_to_coco_to_yolo_to_mot(tmp_path, sequence):
    """Ids are lost on the way through YOLO, boxes are not, but for what reaches over the edge."""
    current = [sequence]
    for name in ("mot", "coco", "yolo", "mot"):
        out, known = tmp_path / f"{len(list(tmp_path.iterdir()))}-{name}", find_data_format(name)
        for s in current:
            for image, frame in zip(s.image_paths, s.frames.tolist(), strict=True):
                place = out / known.writer.get_image_path(s.name, frame, image.suffix)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(image, place)
        known.writer.write(out, current)
        current, problems = read_dataset([out])
        assert problems == []
    (read,) = current
    assert read.name == "cage"
    assert read.boxes[[0, 1, 3]] == pytest.approx(sequence.boxes[[0, 1, 3]], abs=2e-3)
    assert read.boxes[2] == pytest.approx([50, 30, 64, 44], abs=2e-3)
    assert read.class_ids.tolist() == sequence.class_ids.tolist()
    assert read.frame_offsets.tolist() == sequence.frame_offsets.tolist()
    assert read.track_ids.tolist() == [-1] * 4


def test_archives_are_named(tmp_path):
    shutil.make_archive(str(tmp_path / "labels"), "zip", tmp_path, ".")
    with pytest.raises(FormatError, match="a ZIP archive: unpack it first"):
        read_dataset([tmp_path / "labels.zip"])


def test_labels_in_another_format_are_not_left_out_in_silence(tmp_path, write_images):
    cage = tmp_path / "cage"
    write_images(cage / "img1", "1.png")
    (cage / "gt").mkdir()
    (cage / "gt" / "gt.txt").write_text("1,1,0,0,5,5,1\n")
    (cage / "settings.json").write_text('{"fps": 25}')
    (sequence,), _ = read_dataset([cage])
    assert sequence.notes == ()
    (cage / "labels.json").write_text('{"images": [], "annotations": [], "categories": []}')
    (sequence,), _ = read_dataset([cage])
    (note,) = sequence.notes
    assert note.startswith("cage: read as mot; its labels in coco are not read")


def test_a_split_that_a_format_has_not_is_noted(tmp_path, write_images):
    cage = tmp_path / "cage"
    write_images(cage / "img1", "1.png")
    (cage / "gt").mkdir()
    (cage / "gt" / "gt.txt").write_text("1,1,0,0,5,5,1\n")
    (sequence,), _ = read_dataset([cage], ReadOptions(split="train"))
    assert sequence.notes == ("cage: read completely, as mot has no split 'train'",)


def write_coco(path, names, n_labels):
    images = [
        {"id": k, "file_name": name, "width": 64, "height": 48} for k, name in enumerate(names)
    ]
    annotations = [
        {"id": k, "image_id": k, "category_id": 1, "bbox": [1, 2, 9, 9]} for k in range(n_labels)
    ]
    categories = [{"id": 1, "name": "mouse"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def test_images_without_labels_that_have_some_elsewhere_are_left_out(tmp_path, write_images):
    """They would count as images without animals."""
    names = ("a.png", "b.png")
    write_images(tmp_path / "images", *names)
    write_coco(tmp_path / "annotations" / "instances.json", names, 2)
    write_coco(tmp_path / "annotations" / "keypoints.json", names, 0)
    (sequence,), problems = read_dataset([tmp_path])
    assert problems == []
    assert sequence.name == "instances"
    assert "keypoints: left out, without labels" in sequence.notes[0]


def test_images_in_two_sequences_are_noted(tmp_path, write_images):
    write_images(tmp_path / "images", "a.png", "b.png")
    write_coco(tmp_path / "annotations" / "train.json", ("a.png", "b.png"), 2)
    write_coco(tmp_path / "annotations" / "val.json", ("b.png",), 1)
    (_, val), _ = read_dataset([tmp_path])
    assert val.notes == ("val: 1 image is in train too",)


def test_names_with_codes_of_web_addresses(tmp_path, write_images):
    write_images(tmp_path, "a b.png")
    write_coco(tmp_path / "labels.json", ("a%20b.png",), 1)
    (sequence,), _ = read_dataset([tmp_path])
    assert sequence.image_paths == (tmp_path / "a b.png",)
