import numpy as np
import pandas as pd
import pytest
from example_recordings import make_pose_recording, make_recording

from murid.core.types import DetectionTable, Tracks
from murid.errors import ArrayError
from murid.export.csv import export_csv
from murid.export.tracks_chunk import TracksChunk


@pytest.fixture
def chunk():
    boxes = np.array([[10, 20, 30, 60], [1, 2, 3, 4], [0.5, 0, 1.25, 8]], np.float32)
    table = DetectionTable(boxes, np.array([0.9, 0.5, 0.25], np.float32), None, np.array([0, 0, 3]))
    return TracksChunk(1000, np.array([33.3, 33.366667]), Tracks(table, np.array([7, -1, 3])))


def export(path, chunks):
    export_csv(path, make_recording(read_chunks=lambda: chunks))


def test_columns_and_units(tmp_path, chunk):
    export(tmp_path / "cage.csv", [chunk])
    assert (tmp_path / "cage.csv").read_bytes().decode().splitlines() == [
        "frame,time_s,track_id,x,y,width,height,score,identity_probability,interpolated,merged",
        "1001,33.366667,3,0.875,4.000,0.750,8.000,0.2500,,0,0",
        "1001,33.366667,7,20.000,40.000,20.000,40.000,0.9000,,0,0",
    ]


def test_pandas_reads_it(tmp_path, chunk):
    export(tmp_path / "cage.csv", [chunk, chunk])
    table = pd.read_csv(tmp_path / "cage.csv")
    assert len(table) == 4
    assert table.dtypes["track_id"] == np.int64
    assert table["time_s"].iloc[0] == pytest.approx(33.366667)


def test_run_without_tracks_is_a_header(tmp_path):
    export(tmp_path / "cage.csv", [])
    assert pd.read_csv(tmp_path / "cage.csv").empty


def test_times_have_to_fit_the_tracks(chunk):
    with pytest.raises(
        ArrayError, match=r"TracksChunk.times_s: expected shape \(2,\), got shape \(3,\)"
    ):
        TracksChunk(0, np.arange(3.0), chunk.tracks)


def test_keypoints_follow_the_other_columns(tmp_path):
    export_csv(tmp_path / "cage.csv", make_pose_recording(identity_names={3: "Ann", 7: "Bob"}))
    table = pd.read_csv(tmp_path / "cage.csv")
    assert list(table)[11:] == [
        *("nose_x", "nose_y", "nose_confidence"),
        *("centre_x", "centre_y", "centre_confidence"),
        *("tail_base_x", "tail_base_y", "tail_base_confidence"),
        *("body_heading_deg", "name"),
    ]
    own = table.set_index(["frame", "track_id"])
    first = own.loc[0, 7]
    assert first[["nose_x", "nose_y", "nose_confidence"]].tolist() == [100, 41.05, 0.9]
    assert first[["tail_base_x", "tail_base_confidence"]].tolist() == [70, 0.7]
    assert (first["body_heading_deg"], first["name"]) == (0, "Bob")
    assert own.loc[1, 7][list(table)[11:21]].isna().all()
    # Without its tail base, an animal has a nose but no heading.
    assert own.loc[3, 7][["tail_base_x", "body_heading_deg"]].isna().all()
    assert own.loc[3, 7]["nose_confidence"] == 0.9
    assert own.loc[4, 3]["nose_confidence"] == 0
