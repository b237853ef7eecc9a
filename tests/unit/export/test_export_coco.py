import json

import numpy as np
import pytest
from example_recordings import make_recording

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
