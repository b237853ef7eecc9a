"""Every format says which corrections the identities follow from, and nothing where there are none.

Expected sources: those of frame 1 follow from a correction, and a person named animal 7 in frame 3.
"""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from example_recordings import CORRECTIONS, make_corrected, make_recording

from murid.export.corrections_file import get_corrections_path
from murid.export.registry import EXPORT_FORMATS

pytestmark = pytest.mark.filterwarnings("ignore:.*binary incompatibility")

PLAIN = {
    "n": 3,
    "authors": ["Ada", "Bén"],
    "first_utc": "2026-05-04T09:00:00+00:00",
    "last_utc": "2026-05-06T10:30:00+00:00",
}
# Frame and animal of the rows whose source is not the program.
SOURCES = {(1, 3): "correction", (1, 7): "correction", (3, 7): "person"}
# Formats without a place in the file itself.
WITH_FILE_BESIDE = [("mot", ".txt"), ("csv", ".csv"), ("via", ".csv"), ("deeplabcut", ".csv")]


def export(path, name, recording):
    EXPORT_FORMATS[name].export(path, recording)
    return path


def find_named(rows):
    """Return the rows of frame, animal and source that are not the program's."""
    return {(int(frame), int(i)): source for frame, i, source in rows if source != "program"}


def expect_matrix():
    """Sources by frame and animal (3, 7), -1 = missing."""
    sources = np.zeros((7, 2), int)
    sources[1] = 1
    sources[3, 1] = 2
    sources[2, 1] = -1
    sources[5] = -1
    return sources


@pytest.mark.parametrize(("name", "suffix"), WITH_FILE_BESIDE)
def test_a_file_beside_describes_corrections_and_goes_with_them(tmp_path, name, suffix):
    path = export(tmp_path / f"cage{suffix}", name, make_corrected())
    beside = tmp_path / f"cage{suffix}.corrections.json"
    assert get_corrections_path(path) == beside
    assert json.loads(beside.read_text(encoding="utf-8")) == PLAIN
    export(path, name, make_recording())
    assert not beside.exists()


@pytest.mark.parametrize("name", ["mot", "csv", "via", "parquet", "movement", "sleap", "coco"])
def test_without_corrections_sources_leave_no_trace(tmp_path, name):
    suffix = EXPORT_FORMATS[name].suffixes[0]
    corrected = make_corrected()
    # A run of this version has sources, one of an older version has none.
    path = tmp_path / f"cage{suffix}"
    with_sources = export(path, name, replace(corrected, corrections=None)).read_bytes()
    without = export(path, name, make_recording()).read_bytes()
    assert with_sources == without
    assert list(tmp_path.iterdir()) == [path]


def test_csv_has_a_last_column_of_sources(tmp_path):
    path = export(tmp_path / "cage.csv", "csv", replace(make_corrected(), identity_names={7: "A"}))
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert list(rows[0])[-2:] == ["name", "source"]
    found = find_named((row["frame"], row["track_id"], row["source"]) for row in rows)
    assert found == SOURCES


def test_parquet_has_a_column_and_metadata(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(export(tmp_path / "cage.parquet", "parquet", make_corrected()))
    columns = (table[name].to_pylist() for name in ("frame", "track_id", "source"))
    assert find_named(zip(*columns, strict=True)) == SOURCES
    assert json.loads(table.schema.metadata[b"murid"])["corrections"] == PLAIN


def test_movement_has_a_variable_and_an_attribute(tmp_path):
    xarray = pytest.importorskip("xarray")
    dataset = xarray.load_dataset(export(tmp_path / "cage.nc", "movement", make_corrected()))
    source = dataset["source"].transpose("time", ...)
    np.testing.assert_array_equal(source, expect_matrix())
    assert source.attrs["flag_values"].tolist() == [-1, 0, 1, 2]
    assert source.attrs["flag_meanings"] == "missing program correction person"
    assert json.loads(dataset.attrs["murid_corrections"]) == PLAIN


def test_nwb_has_a_series_and_notes(tmp_path):
    pynwb = pytest.importorskip("pynwb")
    pytest.importorskip("ndx_pose")
    given = {"subject": {}, "subjects": {}, "notes": "Lights were off."}
    recording = replace(make_corrected(), metadata=given)
    with pynwb.NWBHDF5IO(export(tmp_path / "cage.nwb", "nwb", recording), "r") as io:
        file = io.read()
        first, second = file.notes.split("\n")
        assert first == "Lights were off."
        assert "3 corrections by Ada, Bén, 2026-05-04 to 2026-05-06" in second
        assert json.loads(second[second.index("{") :]) == PLAIN
        boxes = [file.processing["behavior"][f"animal_{i}_box"] for i in (3, 7)]
        sources = np.stack([box["source"].data[:] for box in boxes], axis=1)
        np.testing.assert_array_equal(sources, expect_matrix())
    plain = export(tmp_path / "plain.nwb", "nwb", make_recording())
    with pynwb.NWBHDF5IO(plain, "r") as io:
        file = io.read()
        assert file.notes is None
        assert "source" not in file.processing["behavior"]["animal_3_box"].time_series


def test_sleap_has_sources_and_provenance(tmp_path):
    sleap_io = pytest.importorskip("sleap_io")
    path = export(tmp_path / "cage.slp", "sleap", make_corrected())
    labels = sleap_io.load_slp(str(path), open_videos=False)
    assert labels.provenance["murid_corrections"] == PLAIN
    words = {"murid, because of a correction": "correction", "person": "person"}
    found = {
        (frame.frame_idx, int(box.track.name.split("_")[1])): words[box.source]
        for frame in labels.labeled_frames
        for box in frame.bboxes
        if box.source in words
    }
    assert found == SOURCES


def test_deeplabcut_h5_has_an_attribute(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    path = export(tmp_path / "cage.h5", "deeplabcut", make_corrected())
    with pandas.HDFStore(str(path), "r") as store:
        stored = store.get_storer("df_with_missing").attrs.murid_corrections
    assert json.loads(stored) == PLAIN
    plain = export(tmp_path / "plain.h5", "deeplabcut", make_recording())
    assert pandas.read_hdf(path).equals(pandas.read_hdf(plain))
    assert list(tmp_path.glob("*.json")) == []


def test_idtracker_has_a_dataset_and_an_attribute(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(export(tmp_path / "cage.h5", "idtracker", make_corrected())) as file:
        np.testing.assert_array_equal(file["source"], expect_matrix())
        assert json.loads(file.attrs["murid_corrections"]) == PLAIN
    with h5py.File(export(tmp_path / "plain.h5", "idtracker", make_recording())) as file:
        assert "source" not in file
        assert "murid_corrections" not in file.attrs


def test_coco_has_it_in_the_video_and_in_annotations(tmp_path):
    path = export(tmp_path / "cage.json", "coco", make_corrected())
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["videos"][0]["corrections"] == PLAIN
    rows = ((a["image_id"] - 1, a["track_id"], a["source"]) for a in document["annotations"])
    assert find_named(rows) == SOURCES


def test_via_has_it_among_the_attributes(tmp_path):
    path = export(tmp_path / "cage.csv", "via", make_corrected())
    rows = []
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        attributes = json.loads(row["region_attributes"])
        frame = json.loads(row["file_attributes"])["frame"]
        rows.append((frame, attributes["track"], attributes["source"]))
    assert find_named(rows) == SOURCES


def test_the_record_is_the_one_of_the_recording():
    assert CORRECTIONS.to_plain() == PLAIN
