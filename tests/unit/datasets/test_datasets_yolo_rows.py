from pathlib import Path

import pytest

from murid.datasets.yolo_rows import Row, find_columns
from murid.errors import FormatError

BOX = "0 0.5 0.5 0.2 0.4"
XYXY = pytest.approx((0.4, 0.3, 0.6, 0.7))
TRIANGLE = "0 0.4 0.3 0.6 0.3 0.5 0.7"
CORNERS = "0 0.4 0.3 0.6 0.3 0.6 0.7 0.4 0.7"


def parse(*files, n_keypoint_values=0):
    """Rows of each file, of lines separated by ``/``."""
    rows = [
        [Row(Path(f"{k}.txt"), n, text.split()) for n, text in enumerate(file.split("/"), 1)]
        for k, file in enumerate(files)
    ]
    columns = find_columns(rows, n_keypoint_values)
    return [columns.parse(row) for file in rows for row in file]


@pytest.mark.parametrize(
    ("row", "n_keypoint_values", "track_id", "is_polygon"),
    [
        (BOX, 0, -1, False),
        # Predictions of ultralytics: `save_conf`, and with a tracker.
        (f"{BOX} 0.91", 0, -1, False),
        (f"{BOX} 1.0", 0, -1, False),
        (f"{BOX} 0.91 3", 0, 3, False),
        (f"{CORNERS} 0.91", 0, -1, True),
        (f"{CORNERS} 0.91 3", 0, 3, True),
        # Tracks of CVAT.
        (f"{BOX} 3", 0, 3, False),
        (f"{BOX} 3.0", 0, 3, False),
        # Segmentation, and oriented boxes.
        (TRIANGLE, 0, -1, True),
        (CORNERS, 0, -1, True),
        # Poses, with `kpt_shape` and without it.
        (f"{BOX} 0.5 0.5 2 0.4 0.1 0", 6, -1, False),
        (f"{BOX} 0.5 0.5 2 0.4 0.1 0", 0, -1, False),
        (f"{BOX} 0.5 0.5 0.4 0.1", 4, -1, False),
        (f"{BOX} 0.5 0.5 2 0.4 0.1 0 0.91", 6, -1, False),
        (f"{BOX} 0.5 0.5 2 0.4 0.1 0 7", 6, 7, False),
        (f"{BOX} 0.5 0.5 2 0.4 0.1 0 0.91 7", 6, 7, False),
    ],
)
def test_one_box_in_many_forms(row, n_keypoint_values, track_id, is_polygon):
    (parsed,) = parse(row, n_keypoint_values=n_keypoint_values)
    assert parsed.box == XYXY
    assert (parsed.class_id, parsed.track_id, parsed.is_polygon) == (0, track_id, is_polygon)


def test_whole_numbers_that_repeat_in_a_file_are_no_track_ids():
    assert [row.track_id for row in parse(f"{BOX} 1/{BOX} 1", f"{BOX} 0.5")] == [-1, -1, -1]
    assert [row.track_id for row in parse(f"{BOX} 1/{BOX} 2", f"{BOX} 1")] == [1, 2, 1]


def test_corners_at_the_edge_are_no_track_ids():
    """Roboflow writes the edges of the image as 0 and 1."""
    rows = parse("0 0.4 0 0.6 0.3 0.5 1", TRIANGLE)
    assert [row.is_polygon for row in rows] == [True, True]
    assert rows[0].box == (0.4, 0, 0.6, 1)


@pytest.mark.parametrize(
    ("files", "n_keypoint_values", "message"),
    [
        (["0 0.5 0.5 0.2"], 0, "line 1, columns: expected 5, between spaces, got 4"),
        ([BOX], 3, "line 1, columns: expected 8, between spaces, got 5"),
        ([f"{BOX} 2.5"], 0, "column 6: expected a score from 0 to 1, or a track id"),
        ([f"{BOX} 2/{BOX} 2"], 0, "column 6: expected a score from 0 to 1, or a track id"),
        ([f"{BOX} 0.5 1.7 2 0.5 0.5 1", TRIANGLE], 0, "kpt_shape has to be in data.yaml"),
        ([f"{BOX} x"], 0, "line 1, column 6"),
        (["0 0.5 0.5 0.2 y"], 0, "line 1, height: expected a number, got 'y'"),
    ],
)
def test_rows_without_a_meaning(files, n_keypoint_values, message):
    with pytest.raises(FormatError, match=message):
        parse(*files, n_keypoint_values=n_keypoint_values)
