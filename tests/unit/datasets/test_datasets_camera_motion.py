import numpy as np
import pytest

from murid.datasets.camera_motion import read_camera_motion
from murid.errors import FormatError


def write(folder, text):
    path = folder / "gmc.txt"
    path.write_text(text)
    return path


def test_rows_by_frame_and_rest_where_there_is_none(tmp_path):
    path = write(tmp_path, "0\t1.0\t0\t0\t0\t1\t0\t\n2, 1, 0.1, 5, -0.1, 1, 6\n")
    motion = read_camera_motion(path, 4)
    assert motion.shape == (4, 2, 3)
    np.testing.assert_array_equal(motion[2], [[1, 0.1, 5], [-0.1, 1, 6]])
    np.testing.assert_array_equal(motion[[0, 1, 3]], np.tile(np.eye(2, 3), (3, 1, 1)))
    assert len(read_camera_motion(path)) == 3


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "rows of frame a b x c d y"),
        ("0 1 0 0 0 1", "line 1, columns"),
        ("0 1 0 0 0 1 0\n1 1 0 x 0 1 0", "line 2, x"),
        ("0 1 0 nan 0 1 0", "line 1, x"),
        ("-1 1 0 0 0 1 0", "line 1, frame"),
        ("9 1 0 0 0 1 0", "from 0 to 8, the end of the video"),
        ("0 1 0 0 0 1 0\n0 1 0 0 0 1 0", "line 2, frame"),
        ("0 0 0 5 0 0 5", "an invertible map"),
    ],
)
def test_bad_rows_are_named(tmp_path, text, field):
    with pytest.raises(FormatError, match=field):
        read_camera_motion(write(tmp_path, text), 9)


def test_no_file(tmp_path):
    with pytest.raises(FormatError, match="readable"):
        read_camera_motion(tmp_path / "none.txt")


@pytest.mark.parametrize(
    "row", ["1;1,5;0;5;0;1;6,25", "1 1,5 0 5 0 1 6,25", "1; 1,5; 0; 5; 0; 1; 6,25"]
)
def test_decimal_commas(tmp_path, row):
    motion = read_camera_motion(write(tmp_path, row + "\n"))
    assert motion[1].tolist() == [[1.5, 0, 5], [0, 1, 6.25]]
