import json
from dataclasses import replace

import numpy as np
import pytest

from murid.datasets import coco_writer
from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import read_dataset
from murid.errors import FormatError

CATEGORIES = [{"id": 1, "name": "mouse", "keypoints": ["nose", "hip", "tail_tip"]}]


def write_coco(directory, images, annotations, **changes):
    content = {"images": images, "annotations": annotations, "categories": CATEGORIES} | changes
    directory.mkdir(exist_ok=True)
    (directory / "labels.json").write_text(json.dumps(content))
    return directory / "labels.json"


def make_annotation(image_id, bbox, **changes):
    return {"id": 1, "image_id": image_id, "category_id": 1, "bbox": bbox} | changes


def explain(problems):
    return [(p.location, p.field, p.expected, p.got) for p in problems]


def test_images_without_video_are_independent(tmp_path, write_images):
    write_images(tmp_path / "images", "a.png")
    write_images(tmp_path / "images", "b.png", size=(30, 20))
    images = [
        {"id": 5, "file_name": "a.png", "width": 64, "height": 48},
        {"id": 9, "file_name": "b.png"},
    ]
    path = write_coco(
        tmp_path, images, [make_annotation(9, [1, 2, 3, 4]), make_annotation(9, [5, 5, 2, 2])]
    )
    for place in (path, tmp_path):
        (sequence,), problems = read_dataset([place])
        assert problems == []
        assert (sequence.name, sequence.is_recording) == ("labels", False)
        assert sequence.frame_offsets.tolist() == [0, 0, 2]
        assert sequence.boxes.tolist() == [[1, 2, 4, 6], [5, 5, 7, 7]]
        assert sequence.track_ids.tolist() == [-1, -1]
        assert sequence.sizes.tolist() == [[64, 48], [30, 20]]


@pytest.mark.parametrize(
    ("frame_key", "id_key"), [("frame_id", "instance_id"), ("frame_index", "track_id")]
)
def test_videos_are_recordings(tmp_path, write_images, frame_key, id_key):
    names = [f"cage/{k}.png" for k in range(3)]
    write_images(tmp_path / "annotations" / "cage", "0.png", "1.png", "2.png")
    images = [{"id": k, "file_name": names[k], "video_id": 4, frame_key: 10 + k} for k in (2, 0, 1)]
    annotations = [
        make_annotation(0, [1, 1, 5, 5], **{id_key: 7}),
        make_annotation(2, [1, 1, 5, 5], **{id_key: 8}),
    ]
    videos = [{"id": 4, "name": "cage one", "fps": 25}]
    write_coco(tmp_path / "annotations", images, annotations, videos=videos)
    (sequence,), problems = read_dataset([tmp_path])
    assert problems == []
    assert (sequence.name, sequence.is_recording, sequence.fps) == ("cage-one", True, 25)
    assert sequence.frames.tolist() == [10, 11, 12]
    assert sequence.track_ids.tolist() == [7, 8]
    assert [path.name for path in sequence.image_paths] == ["0.png", "1.png", "2.png"]


def read_image(tmp_path, write_images, annotations, **changes):
    """Annotations of one image of 64x48, id 1."""
    write_images(tmp_path, "a.png")
    images = [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}]
    (sequence,), problems = read_dataset([write_coco(tmp_path, images, annotations, **changes)])
    assert problems == []
    return sequence


CVAT = {"occluded": False}


@pytest.mark.parametrize(
    ("flag", "changes", "is_animal"),
    [
        (1, {}, False),
        (True, {}, False),
        ("1", {}, False),
        (0, {}, True),
        ("0", {}, True),
        (1, {"attributes": CVAT}, True),
        (1, {"track_id": 4}, True),
        (1, {"attributes": CVAT | {"is_crowd": True}}, False),
    ],
)
def test_crowds_leave_their_image_incomplete(tmp_path, write_images, flag, changes, is_animal):
    flagged = make_annotation(1, [1, 1, 9, 9], iscrowd=flag, **changes)
    annotations = [make_annotation(1, [1, 1, 5, 5], iscrowd=0), flagged]
    sequence = read_image(tmp_path, write_images, annotations)
    assert len(sequence) == 1 + is_animal
    assert sequence.complete.tolist() == [is_animal]
    if not is_animal:
        assert "left out 1 annotation with iscrowd" in sequence.notes[0]


def test_masks_of_cvat_are_animals(tmp_path, write_images):
    """CVAT sets ``iscrowd`` for every mask, and writes the masks as run lengths."""
    mask = {"size": [48, 64], "counts": [48 * 30 + 10, 10, 38, 10, 48 * 33 - 20]}
    boxes = ([30, 10, 2, 10], [1, 1, 5, 5])
    annotations = [make_annotation(1, b, iscrowd=1, segmentation=mask) for b in boxes]
    sequence = read_image(tmp_path, write_images, annotations)
    assert sequence.boxes.tolist() == [[30, 10, 32, 20], [1, 1, 6, 6]]
    assert sequence.complete.tolist() == [True]
    assert "2 annotations with iscrowd read as one animal each" in sequence.notes[0]


@pytest.mark.parametrize(
    "place",
    [
        {"attributes": CVAT | {"track_id": 7, "keyframe": True}},
        {"attributes": {"Track ID": "7"}},
        {"extra": {"instance_id": 7.0}},
        {"metadata": {"tracking_id": "7"}},
        {"track_id": "7"},
        {"track_id": 7.0},
        {"track_id": None, "attributes": {"track_id": 7}},
    ],
)
def test_identities_are_found(tmp_path, write_images, place):
    annotations = [make_annotation(1, [1, 1, 5, 5], **place), make_annotation(1, [9, 9, 5, 5])]
    sequence = read_image(tmp_path, write_images, annotations)
    assert sequence.track_ids.tolist() == [7, -1]


@pytest.mark.parametrize(
    ("names", "frames"),
    [
        (["frame_000000.png", "frame_000030.png"], [0, 30]),
        (["a/frame_000030.PNG", "a/frame_000060.PNG"], [30, 60]),
        (["frame_000001.png", "frame_000031.png"], [0, 30]),
        (["frame_000000.png", "b.png"], None),
    ],
)
def test_tracked_frames_of_cvat_are_a_recording(tmp_path, write_images, names, frames):
    write_images(tmp_path / "a", *(name.rpartition("/")[2] for name in names))
    write_images(tmp_path, *(name.rpartition("/")[2] for name in names))
    images = [{"id": k, "file_name": name} for k, name in enumerate(names)]
    tracked = {"attributes": CVAT | {"track_id": 0}}
    annotations = [make_annotation(k, [1, 1, 5, 5], **tracked) for k in range(2)]
    (sequence,), problems = read_dataset([write_coco(tmp_path, images, annotations)])
    assert problems == []
    assert sequence.is_recording == (frames is not None)
    assert sequence.frames.tolist() == (frames or [0, 1])


def test_names_of_animals_are_numbered(tmp_path, write_images):
    names = ("white", 3, "black", "", "3")
    annotations = [
        make_annotation(1, [1 + 9 * k, 1, 5, 5], track_id=name) for k, name in enumerate(names[:4])
    ]
    sequence = read_image(tmp_path, write_images, annotations)
    assert sequence.track_ids.tolist() == [4, 3, 5, -1]


def test_numbers_as_text_and_as_floats(tmp_path, write_images):
    """Tools that pass their tables through pandas write 1 as 1.0 or as text, here and there."""
    write_images(tmp_path, "a.png", "b.png")
    images = [
        {"id": "1", "file_name": "a.png", "video_id": 4.0, "frame_id": 10.0, "width": 64.0},
        {"id": 2.0, "file_name": "b.png", "video_id": "4", "frame_id": "20", "height": "48"},
    ]
    annotations = [
        make_annotation(1.0, ["1", 1, 5, 5], category_id="1", track_id="0"),
        make_annotation("2", [1, 1, 5, 5], category_id=1.0, track_id=0.0),
    ]
    videos = [{"id": 4, "name": "cage", "fps": "25"}]
    (sequence,), problems = read_dataset([write_coco(tmp_path, images, annotations, videos=videos)])
    assert problems == []
    assert (sequence.name, sequence.fps) == ("cage", 25)
    assert sequence.frames.tolist() == [10, 20]
    assert sequence.track_ids.tolist() == [0, 0]
    assert sequence.boxes.tolist() == [[1, 1, 6, 6], [1, 1, 6, 6]]


@pytest.mark.parametrize("bbox", [None, [], [0, 0, 0, 0], [0.0, 0.0, 0.0, 0.0]])
def test_keypoints_without_a_box(tmp_path, write_images, bbox):
    keypoints = [10, 10, 2, 30, 20, 2, 60, 40, 2]
    annotation = make_annotation(1, bbox, keypoints=keypoints, num_keypoints=3)
    sequence = read_image(tmp_path, write_images, [annotation])
    # The tip of the tail is no part of the body; the margin is a tenth of the longer side.
    assert sequence.boxes.tolist() == [[8, 8, 32, 22]]


@pytest.mark.parametrize(
    ("changes", "field", "got"),
    [
        ({"keypoints": [1, 2, 0] * 3}, "bbox", "[]"),
        ({"keypoints": [1, 2, 2, 3]}, "keypoints", "[1, 2, 2, 3]"),
        ({"keypoints": [1, 2, 2, 3, 4, 2]}, "keypoints", "2"),
        ({"segmentation": [[1, 2, 3]]}, "bbox", "[]"),
        ({"segmentation": {"counts": "a"}}, "bbox", "[]"),
        ({"segmentation": {"size": [48, 64]}}, "bbox", "[]"),
    ],
)
def test_annotations_without_a_place_are_problems(tmp_path, write_images, changes, field, got):
    write_images(tmp_path, "a.png")
    annotations = [make_annotation(1, [1, 1, 5, 5]), make_annotation(1, [], **changes)]
    path = write_coco(tmp_path, [{"id": 1, "file_name": "a.png"}], annotations)
    (sequence,), problems = read_dataset([path])
    assert len(sequence) == 1
    assert [(p.location, p.field, p.got) for p in problems] == [("annotations[1]", field, got)]


@pytest.mark.parametrize("names", [None, 3, True, [1, None, {}]])
def test_names_of_keypoints_that_are_no_texts(tmp_path, write_images, names):
    annotation = make_annotation(1, [], keypoints=[10, 10, 2, 30, 20, 2, 60, 40, 0])
    categories = [{"id": 1, "name": "mouse", "keypoints": names}]
    sequence = read_image(tmp_path, write_images, [annotation], categories=categories)
    assert sequence.boxes.tolist() == [[8, 8, 32, 22]]


def test_missing_categories(tmp_path, write_images):
    annotations = [make_annotation(1, [1, 1, 5, 5], category_id=None)]
    sequence = read_image(tmp_path, write_images, annotations, categories=[{"id": 1}])
    assert sequence.class_names == ("class 1",)
    sequence = read_image(tmp_path, write_images, annotations, categories=[])
    assert sequence.class_names == ("animal",)


def test_data_sets_of_roboflow(tmp_path, write_images):
    """Each part is a folder of images with its own file of annotations."""
    for part in ("train", "valid"):
        write_images(tmp_path / part, "a.png", "._a.png")
        path = write_coco(
            tmp_path / part,
            [{"id": 0, "file_name": "a.png", "height": 48, "width": 64, "extra": {"name": "a"}}],
            [make_annotation(0, [1, 1, 5, 5], segmentation=[], iscrowd=0)],
        )
        path.rename(path.with_name("_annotations.coco.json"))
        (tmp_path / part / "._annotations.coco.json").write_bytes(b"\0\5\x16\7")
    sequences, problems = read_dataset([tmp_path])
    assert problems == []
    assert [s.name for s in sequences] == ["train", "valid"]
    assert [s.image_paths[0].parent.name for s in sequences] == ["train", "valid"]
    assert [s.name for s in read_dataset([tmp_path], ReadOptions(split="val"))[0]] == ["valid"]


def test_keypoints_and_masks_become_boxes(tmp_path, write_images):
    from pycocotools import mask

    write_images(tmp_path, "a.png")
    interpolated = np.zeros((48, 64), np.uint8)
    interpolated[10:20, 30:35] = 1
    packed = mask.encode(np.asfortranarray(interpolated))
    annotations = [
        make_annotation(1, None, keypoints=[10, 10, 2, 20, 15, 1, 60, 40, 2]),
        make_annotation(1, None, keypoints=[10, 10, 2, 20, 15, 0, 12, 14, 2], category_id=2),
        make_annotation(1, None, segmentation=[[1, 2, 8, 2, 8, 9], [4, 4, 9, 5, 5, 5]]),
        make_annotation(
            1, None, segmentation={"size": packed["size"], "counts": packed["counts"].decode()}
        ),
        make_annotation(1, None, segmentation={"size": [48, 64], "counts": [0, 10, 48 * 64 - 10]}),
    ]
    categories = [*CATEGORIES, {"id": 2, "name": "rat"}]
    images = [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}]
    path = write_coco(tmp_path, images, annotations, categories=categories)
    (sequence,), problems = read_dataset([path], ReadOptions(margin=0))
    assert problems == []
    expected = [[10, 10, 20, 15], [10, 10, 12, 14], [1, 2, 9, 9], [30, 10, 35, 20], [0, 0, 1, 10]]
    assert sequence.boxes.tolist() == expected


def test_all_problems_are_reported_by_entry(tmp_path, write_images):
    write_images(tmp_path, "a.png")
    images = [
        {"id": 1, "file_name": "a.png"},
        {"id": 1, "file_name": "b.png"},
        {"id": 2, "file_name": "gone.png"},
    ]
    annotations = [
        make_annotation(1, [1, 1, 5, 5]),
        make_annotation(77, [1, 1, 5, 5]),
        make_annotation(1, [1, 1, 5, 5], category_id=9),
        make_annotation(1, [1, 1, "x", 5]),
        make_annotation(1, [1, 1, 0, 5]),
        make_annotation(1, [1, 1, 5, 5], track_id=-2),
        make_annotation(2, [1, 1, 5, 5]),
        make_annotation(1, None),
    ]
    (sequence,), problems = read_dataset([write_coco(tmp_path, [*images, {"id": 3}], annotations)])
    assert explain(problems) == [
        ("images[1]", "id", "each id once", "1"),
        ("images[3]", "file_name", "the name of an image", "None"),
        ("annotations[1]", "image_id", "the id of one of the images", "77"),
        ("annotations[2]", "category_id", "the id of one of the categories", "9"),
        ("annotations[3]", "bbox", "four numbers: left, top, width, height", "[1, 1, 'x', 5]"),
        ("annotations[5]", "track_id", "a whole number from 0", "-2"),
        ("annotations[7]", "bbox", "four numbers: left, top, width, height", "None"),
        ("annotations[6]", "image", "a file", f"no {tmp_path / 'gone.png'}"),
        ("annotations[4]", "box", "a width and a height above 0", "0x5 at 1, 1 in 64x48"),
    ]
    assert len(sequence) == 1
    assert sequence.complete.tolist() == [False]


def test_frames_come_once_in_a_video(tmp_path, write_images):
    write_images(tmp_path, "a.png", "b.png", "c.png")
    names = zip("abc", (0, 0, -1), strict=True)
    images = [
        {"id": k, "file_name": f"{n}.png", "video_id": 1, "frame_id": f}
        for k, (n, f) in enumerate(names)
    ]
    _, problems = read_dataset([write_coco(tmp_path, images, [make_annotation(0, [1, 1, 5, 5])])])
    expected = "a whole number from 0, each once in a video"
    assert explain(problems) == [
        ("images[1]", "frame_id", expected, "0"),
        ("images[2]", "frame_id", expected, "-1"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{\n 1}", "line 2, column 2: expected JSON"),
        ("[]", "images: expected a list of objects"),
        (
            '{"images": [], "annotations": {}}',
            "annotations: expected a list of objects, as COCO has it, got dict",
        ),
    ],
)
def test_files_that_are_not_coco(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content)
    sequences, problems = read_dataset([tmp_path / "a.json"])
    assert sequences == []
    assert message in str(problems[0])
    assert [p.field for p in problems[1:]] == ["data set"]


def test_split_is_a_part_of_the_file_name(tmp_path, write_images):
    write_images(tmp_path / "train", "a.png")
    path = write_coco(
        tmp_path / "annotations",
        [{"id": 1, "file_name": "a.png"}],
        [make_annotation(1, [1, 1, 5, 5])],
    )
    path.rename(path.with_name("instances_train.json"))
    (sequence,), problems = read_dataset([tmp_path], ReadOptions(split="train"))
    assert problems == []
    assert sequence.image_paths == (tmp_path / "train" / "a.png",)
    with pytest.raises(FormatError, match="split: expected a file with 'val' in its name"):
        read_dataset([tmp_path], ReadOptions(split="val"))


def test_written_data_is_read_back_by_murid_and_pycocotools(tmp_path, sequence, capsys):
    from pycocotools.coco import COCO

    still = replace(sequence, name="stills", is_recording=False, class_names=("rat", "hamster"))
    coco_writer.write(tmp_path, [sequence, still])
    known = COCO(str(tmp_path / coco_writer.FILE_NAME))
    assert [category["name"] for category in known.loadCats(known.getCatIds())] == [
        "mouse",
        "rat",
        "hamster",
    ]
    assert len(known.getAnnIds()) == 8
    sequences, problems = read_dataset([tmp_path], ReadOptions(require_images=False))
    assert problems == []
    assert [(s.name, s.is_recording, s.fps) for s in sequences] == [
        ("cage", True, 25),
        ("annotations", False, None),
    ]
    for read in sequences:
        assert read.boxes.tolist() == sequence.boxes.tolist()
        assert read.track_ids.tolist() == sequence.track_ids.tolist()
        assert str(read.visibility) == str(sequence.visibility)
        assert read.complete.tolist() == sequence.complete.tolist()
        assert read.sizes.tolist() == sequence.sizes.tolist()
    assert [sequences[1].class_names[k] for k in sequences[1].class_ids] == [
        "rat",
        "hamster",
        "rat",
        "rat",
    ]


def test_sizes_have_to_be_known(tmp_path, sequence):
    with pytest.raises(
        FormatError, match="cage: size: expected images, or their size in the labels, got neither"
    ):
        coco_writer.write(tmp_path, [replace(sequence, sizes=np.zeros((4, 2), np.int64))])
