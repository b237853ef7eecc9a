"""Pascal VOC in the structure that LabelImg, Roboflow and CVAT write."""

import pytest

from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import read_dataset, recognise_data

OBJECT = (
    "<object><name>mouse</name><pose>Unspecified</pose><truncated>0</truncated>"
    "<difficult>0</difficult>{more}<bndbox><xmin>{0}</xmin><ymin>{1}</ymin>"
    "<xmax>{2}</xmax><ymax>{3}</ymax></bndbox></object>"
)


def write_annotation(path, image, *boxes, more=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    objects = "".join(OBJECT.format(*each, more=more) for each in boxes)
    path.write_text(
        f"<annotation><folder></folder><filename>{image}</filename><path>/x/{image}</path>"
        "<source><database>Unknown</database></source>"
        "<size><width>64</width><height>48</height><depth>3</depth></size>"
        f"<segmented>0</segmented>{objects}</annotation>"
    )


def read(path, **options):
    sequences, problems = read_dataset([path], ReadOptions(**options))
    assert problems == []
    return sequences


@pytest.mark.parametrize(
    ("annotations", "images"),
    [("Annotations", "JPEGImages"), ("Annotations", "images"), ("", ""), ("Annotations", "")],
)
def test_places_of_annotations_and_images(tmp_path, write_images, annotations, images):
    root = tmp_path / "set"
    write_images(root / images, "a.png", "b.png", "c.png", "._a.png")
    write_annotation(root / annotations / "a.xml", "a.png", (1, 2, 11, 22), (20.5, 8, 40, 30.25))
    write_annotation(root / annotations / "b.xml", "b.png")
    (root / annotations / "._a.xml").write_bytes(b"\0\5")
    (sequence,) = read(root)
    assert (sequence.name, sequence.is_recording) == ("set", False)
    assert [image.name for image in sequence.image_paths] == ["a.png", "b.png"]
    assert sequence.frame_offsets.tolist() == [0, 2, 2]
    assert sequence.boxes.tolist() == [[1, 2, 11, 22], [20.5, 8, 40, 30.25]]
    assert sequence.class_names == ("mouse",)
    assert "1 image without a file of labels left out" in sequence.notes[0]


def test_folders_of_images_as_cvat_keeps_them(tmp_path, write_images):
    root = tmp_path / "set"
    for camera in ("camera1", "camera2"):
        write_images(root / "JPEGImages" / camera, "a.png")
        write_annotation(root / "Annotations" / camera / "a.xml", f"{camera}/a.png", (1, 2, 11, 22))
    sequences = read(root)
    assert [sequence.name for sequence in sequences] == ["camera1", "camera2"]
    assert sequences[1].image_paths == (root / "JPEGImages" / "camera2" / "a.png",)


def test_parts_of_roboflow(tmp_path, write_images):
    for part in ("train", "valid"):
        write_images(tmp_path / part, "a.png")
        write_annotation(tmp_path / part / "a.xml", "a.png", (1, 2, 11, 22))
    assert [sequence.name for sequence in read(tmp_path)] == ["train", "valid"]
    assert [sequence.name for sequence in read(tmp_path, split="val")] == ["valid"]


def test_track_ids_of_cvat(tmp_path, write_images):
    write_images(tmp_path, "a.png")
    more = (
        "<attributes><attribute><name>track_id</name><value>3</value></attribute>"
        "<attribute><name>keyframe</name><value>True</value></attribute></attributes>"
    )
    write_annotation(tmp_path / "a.xml", "a.png", (1, 2, 11, 22), more=more)
    assert read(tmp_path / "a.xml")[0].track_ids.tolist() == [3]


def test_all_problems_are_reported_by_file(tmp_path, write_images):
    write_images(tmp_path, "a.png", "b.png")
    write_annotation(tmp_path / "a.xml", "a.png", (1, 2, "x", 22), (1, 2, 11, 22))
    (tmp_path / "b.xml").write_text("<annotation><object>")
    write_annotation(tmp_path / "c.xml", "c.png", (1, 2, 11, 22))
    (sequence,), problems = read_dataset([tmp_path])
    assert [(p.path.name, p.location, p.field) for p in problems] == [
        ("b.xml", "line 1", "column 21"),
        ("a.xml", "object 1", "xmax"),
        ("c.xml", "object 1", "image"),
    ]
    assert (len(sequence), sequence.complete.tolist()) == (1, [False])
    assert recognise_data(tmp_path).name == "voc"
