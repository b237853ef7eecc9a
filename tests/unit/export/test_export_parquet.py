import io
import json

import pyarrow.parquet as pq
import pytest
from example_recordings import make_recording

from murid.export.csv import export_csv
from murid.export.parquet import export_parquet

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
