import json

import numpy as np
import pytest
from example_recordings import make_pose_recording, make_recording

from murid.core.boxes import from_xywh
from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import read_dataset
from murid.export.coco import export_coco
from murid.export.tracks_chunk import iterate_rows


def test_pycocotools_loads_it(tmp_path, capsys):
    coco = pytest.importorskip("pycocotools.coco")
    recording = make_recording()
    export_coco(tmp_path / "cage.json", recording)
    loaded = coco.COCO(str(tmp_path / "cage.json"))
    capsys.readouterr()
    assert sorted(loaded.getImgIds()) == list(range(1, 8))
    assert loaded.loadCats([1]) == [{"id": 1, "name": "animal"}]
    for rows in iterate_rows(recording):
        for frame in np.unique(rows.frames).tolist():
            animals = loaded.loadAnns(loaded.getAnnIds(imgIds=[frame + 1]))
            own = rows.frames == frame
            assert [animal["track_id"] for animal in animals] == rows.track_ids[own].tolist()
            boxes = from_xywh(np.array([animal["bbox"] for animal in animals]))
            np.testing.assert_allclose(boxes, rows.boxes[own], atol=1e-3)
            assert [animal["interpolated"] for animal in animals] == rows.interpolated[own].tolist()
            assert [animal["merged"] for animal in animals] == rows.merged[own].tolist()
            assert [animal["identity_probability"] for animal in animals] == pytest.approx(
                rows.identity_probabilities[own].tolist()
            )
            assert [animal["score"] for animal in animals] == pytest.approx(
                rows.scores[own].tolist()
            )
    assert loaded.getAnnIds(imgIds=[6]) == []
    assert [(track["id"], track["name"]) for track in loaded.dataset["tracks"]] == [
        (3, "animal_3"),
        (7, "animal_7"),
    ]


def test_murid_reads_it_as_labelled_data(tmp_path):
    export_coco(tmp_path / "cage.json", make_recording(identified=False))
    (sequence,), problems = read_dataset(
        [tmp_path / "cage.json"], ReadOptions(require_images=False)
    )
    assert not problems
    assert sequence.is_recording
    assert sequence.frames.tolist() == list(range(7))
    assert sorted(set(sequence.track_ids.tolist())) == [3, 7]


def test_file_is_json_without_numbers_that_json_does_not_have(tmp_path):
    export_coco(tmp_path / "cage.json", make_recording(identified=False))
    content = json.loads((tmp_path / "cage.json").read_text(), parse_constant=pytest.fail)
    assert "identity_probability" not in content["annotations"][0]
    assert len(content["annotations"]) == 11


def test_keypoints_are_those_that_pycocotools_reads(tmp_path, capsys):
    coco = pytest.importorskip("pycocotools.coco")
    recording = make_pose_recording()
    export_coco(tmp_path / "cage.json", recording)
    loaded = coco.COCO(str(tmp_path / "cage.json"))
    capsys.readouterr()
    category = loaded.loadCats([1])[0]
    assert category["keypoints"] == ["nose", "centre", "tail_base"]
    assert category["skeleton"] == [[3, 2], [2, 1]]
    n_annotations = 0
    for rows in iterate_rows(recording):
        for frame, track_id, own in zip(rows.frames, rows.track_ids, rows.keypoints, strict=True):
            animals = loaded.loadAnns(loaded.getAnnIds(imgIds=[int(frame) + 1]))
            (animal,) = (each for each in animals if each["track_id"] == track_id)
            x, y, visibility = np.reshape(animal["keypoints"], (3, 3)).T
            is_known = np.isfinite(own[:, 0])
            np.testing.assert_allclose(x, np.nan_to_num(own[:, 0]), atol=1e-3)
            np.testing.assert_allclose(y, np.nan_to_num(own[:, 1]), atol=1e-3)
            detected = 1 if (frame, track_id) == (4, 3) else 2
            assert visibility.tolist() == np.where(is_known, detected, 0).tolist()
            assert animal["num_keypoints"] == is_known.sum()
            np.testing.assert_allclose(animal["keypoint_scores"], np.nan_to_num(own[:, 2]))
            n_annotations += 1
    assert n_annotations == len(loaded.getAnnIds())
    content = json.loads((tmp_path / "cage.json").read_text(), parse_constant=pytest.fail)
    assert content["annotations"]


def test_without_keypoints_there_are_no_keys_of_them(tmp_path):
    export_coco(tmp_path / "cage.json", make_recording())
    assert "keypoint" not in (tmp_path / "cage.json").read_text()
