import pytest

from murid.datasets.ground_truth import read_ground_truth_boxes
from murid.errors import FormatError


def test_ground_truth_is_read_by_suffix(tmp_path):
    (tmp_path / "gt.txt").write_text("1,1,0,0,5,5,1\n")
    assert read_ground_truth_boxes(tmp_path / "gt.txt", n_frames=1).ids.tolist() == [1]
    with pytest.raises(FormatError, match="from 1 to 0"):
        read_ground_truth_boxes(tmp_path / "gt.txt", n_frames=0)
    with pytest.raises(
        FormatError, match=r"gt.csv: suffix: expected .txt, a format of ground truth, got '.csv'"
    ):
        read_ground_truth_boxes(tmp_path / "gt.csv")
