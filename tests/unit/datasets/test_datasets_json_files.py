"""Files that murid does not read are named, and the error says what to do."""

import json

import pytest

from murid.datasets.json_files import describe_json, load_json, read_start
from murid.datasets.registry import read_dataset

BOX = {"x": 1, "y": 2, "width": 3, "height": 4, "rectanglelabels": ["mouse"]}
REGION = {"shape_attributes": {"name": "rect"}, "region_attributes": {}}


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (
            [{"id": 1, "image": "/a.png", "label": [BOX], "annotator": 1}],
            "Label Studio export (JSON-MIN)",
        ),
        ({"_via_settings": {}, "_via_img_metadata": {}}, "VGG Image Annotator"),
        (
            {"a.png12": {"filename": "a.png", "size": 12, "regions": [REGION]}},
            "VGG Image Annotator",
        ),
        ([{"image": "a.png", "annotations": [{"label": "m", "coordinates": {}}]}], "CreateML"),
        ([{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}], "COCO results"),
        ({"description": "", "objects": [], "size": {"width": 1}}, "Supervisely"),
        ({"item": {"name": "a"}, "annotations": [], "version": "2.0"}, "V7 Darwin"),
        ({"info": {}, "categories": {"label": {}}, "items": []}, "Datumaro"),
        (
            {"videos": [], "categories": [], "annotations": [{"video_id": 1, "bboxes": [None]}]},
            "YouTube-VIS",
        ),
    ],
)
def test_other_formats_are_named(tmp_path, content, name):
    (tmp_path / "a.json").write_text(json.dumps(content))
    sequences, (problem, _) = read_dataset([tmp_path / "a.json"])
    assert sequences == []
    assert problem.field == "format"
    assert problem.expected == "COCO"
    assert name in problem.got


@pytest.mark.parametrize(
    "content", [[], {}, 3, {"images": [], "annotations": [], "categories": []}, [1], [[1]]]
)
def test_what_is_not_known_is_not_named(content):
    assert describe_json(content) is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings_of_windows_are_read(tmp_path, encoding):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"shapes": ["é"]}, ensure_ascii=False), encoding=encoding)
    assert load_json(path) == {"shapes": ["é"]}
    assert '"shapes"' in read_start(path)
