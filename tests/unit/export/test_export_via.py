import csv
import json

from example_recordings import make_recording

from murid.export.via import export_via


def test_regions_of_a_frame_are_counted_and_carry_what_is_known(tmp_path):
    export_via(tmp_path / "cage.csv", make_recording())
    with (tmp_path / "cage.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    counts = [(row["filename"], row["region_count"], row["region_id"]) for row in rows]
    assert counts[:4] == [
        ("cage-1_0000000.jpg", "2", "0"),
        ("cage-1_0000000.jpg", "2", "1"),
        ("cage-1_0000001.jpg", "2", "0"),
        ("cage-1_0000001.jpg", "2", "1"),
    ]
    assert counts[4] == ("cage-1_0000002.jpg", "1", "0")
    interpolated = next(
        json.loads(row["region_attributes"]) for row in rows if "0000004" in row["filename"]
    )
    assert interpolated == {
        "track": "3",
        "confidence": "0.0000",
        "identity_probability": "0.9900",
        "interpolated": "1",
        "merged": "0",
    }
    shape = json.loads(rows[0]["region_shape_attributes"])
    assert shape == {"name": "rect", "x": 30.0, "y": 20.0, "width": 30.0, "height": 40.1}
