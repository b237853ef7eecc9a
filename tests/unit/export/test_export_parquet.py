import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from example_recordings import make_pose_recording, make_recording

from murid.export.csv import export_csv
from murid.export.parquet import export_parquet
from murid.export.tracks_chunk import iterate_rows

pandas = pytest.importorskip("pandas")


@pytest.mark.parametrize("identified", [True, False])
def test_parquet_is_the_table_of_csv(tmp_path, identified):
    recording = make_recording(identified=identified)
    export_parquet(tmp_path / "cage.parquet", recording)
    export_csv(tmp_path / "cage.csv", recording)
    table = pandas.read_parquet(tmp_path / "cage.parquet")
    tidy = pandas.read_csv(io.StringIO((tmp_path / "cage.csv").read_text()))
    assert list(table) == list(tidy)
    pandas.testing.assert_frame_equal(table, tidy, check_dtype=False, atol=1e-3)
    assert table["identity_probability"].isna().all() == (not identified)
    assert table["interpolated"].sum() == identified
    assert table["frame"][table["merged"]].tolist() == ([3, 3] if identified else [])


def test_metadata_describe_the_video(tmp_path):
    export_parquet(tmp_path / "cage.parquet", make_recording())
    facts = json.loads(pq.read_schema(tmp_path / "cage.parquet").metadata[b"murid"])
    assert facts == {
        "source": "/videos/cage 1.mp4",
        "width": 640,
        "height": 480,
        "fps": 25.0,
        "n_frames": 7,
    }


def test_keypoints_follow_the_other_columns(tmp_path):
    recording = make_pose_recording()
    export_parquet(tmp_path / "cage.parquet", recording)
    table = pq.read_table(tmp_path / "cage.parquet")
    assert table.column_names[11:14] == ["nose_x", "nose_y", "nose_confidence"]
    assert table.column_names[-1] == "body_heading_deg"
    keypoints = np.concatenate([rows.keypoints for rows in iterate_rows(recording)])
    stored = np.column_stack([table[name].to_numpy() for name in table.column_names[11:20]])
    np.testing.assert_array_equal(stored, keypoints.reshape(-1, 9))
    assert table["nose_x"].null_count == 1
    assert table["body_heading_deg"].null_count == 2
