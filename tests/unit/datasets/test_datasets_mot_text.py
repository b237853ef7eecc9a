import numpy as np
import pytest

from murid.core.types import DetectionTable, Tracks
from murid.datasets.mot_text import read_mot, read_mot_detections
from murid.errors import FormatError, StorageError
from murid.export.mot import write_mot
from murid.export.tracks_chunk import TracksChunk
from murid.metrics import LabelledBoxes


def make_chunks() -> list[TracksChunk]:
    """Two chunks of three frames: frame 1 is empty, one box is in no track, ids are unordered."""
    boxes = np.array([[10, 20, 30, 60], [1, 2, 3, 4], [0.5, 0, 1.25, 8]], np.float32)
    scores = np.array([0.9, 0.5, 0.25], np.float32)
    first = Tracks(
        DetectionTable(boxes, scores, None, np.array([0, 2, 2, 3])), np.array([7, -1, 3])
    )
    second = Tracks(
        DetectionTable(boxes, scores, None, np.array([0, 0, 3, 3])), np.array([7, 4, 3])
    )
    return [
        TracksChunk(0, np.array([0, 0.04, 0.08]), first),
        TracksChunk(3, np.array([0.12, 0.17, 0.2]), second),
    ]


def test_export_counts_frames_from_one(tmp_path):
    write_mot(tmp_path / "cage.txt", make_chunks())
    assert (tmp_path / "cage.txt").read_bytes().decode() == (
        "1,7,10.000,20.000,20.000,40.000,0.9000,-1,-1,-1\n"
        "3,3,0.500,0.000,0.750,8.000,0.2500,-1,-1,-1\n"
        "5,3,0.500,0.000,0.750,8.000,0.2500,-1,-1,-1\n"
        "5,4,1.000,2.000,2.000,2.000,0.5000,-1,-1,-1\n"
        "5,7,10.000,20.000,20.000,40.000,0.9000,-1,-1,-1\n"
    )


def test_written_data_is_read_back(tmp_path):
    write_mot(tmp_path / "cage.txt", make_chunks())
    read = read_mot(tmp_path / "cage.txt", n_frames=6)
    written = [LabelledBoxes.from_tracks(s.tracks, s.first_frame) for s in make_chunks()]
    order = [0, 1, 4, 3, 2]
    for column in ("frames", "ids", "boxes"):
        np.testing.assert_allclose(
            getattr(read, column),
            np.concatenate([getattr(w, column) for w in written])[order],
            atol=1e-3,
        )


def test_export_that_fails_leaves_nothing(tmp_path):
    def chunks():
        yield make_chunks()[0]
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match=r"cage.txt: file: .*No space left on device"):
        write_mot(tmp_path / "cage.txt", chunks())
    assert not list(tmp_path.iterdir())


def test_run_without_tracks_is_an_empty_file(tmp_path):
    write_mot(tmp_path / "cage.txt", [])
    assert (tmp_path / "cage.txt").read_bytes() == b""


def test_ground_truth_with_seven_to_ten_columns_and_flags(tmp_path):
    path = tmp_path / "gt.txt"
    path.write_bytes(
        b"\xef\xbb\xbf2,5,10,20,30.5,40,1\r\n1,5,1, 2,3,4,1,1\n\n"
        b"2,6,1,2,3,4,0,1,0.5\n2,9,1,2,3,0,1.0,1,-1,-1\n"
    )
    truth = read_mot(path)
    assert truth.frames.tolist() == [1, 0, 1]
    assert truth.ids.tolist() == [5, 5, 9]
    assert truth.boxes.tolist() == [[10, 20, 40.5, 60], [1, 2, 4, 6], [1, 2, 4, 2]]


def test_ground_truth_with_no_row_to_score_is_empty(tmp_path):
    (tmp_path / "gt.txt").write_text("1,5,1,2,3,4,0\n")
    assert len(read_mot(tmp_path / "gt.txt")) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "file: expected rows of frame, .*, got no rows"),
        ("\n \n", "file: .* got no rows"),
        (
            "1,1,0,0,5,5,1\n1,2,0,0,5,5\n",
            "line 2, columns: expected 7 to 10, between commas, got 6",
        ),
        ("1,1,0,0,5,5,1,1,1,1,1\n", "line 1, columns: .*, got 11"),
        ("1 1 0 0 5 5 1\n", "line 1, columns: .*, got 1"),
        ("frame,id,left,top,width,height,flag\n", "line 1, frame: expected a number, got 'frame'"),
        ("1,1,0,0,5,5,1\n\n2,1,0,x,5,5,1\n", "line 3, top: expected a number, got 'x'"),
        ("1,1,0,0,nan,5,1\n", "line 1, width: expected a number, got 'nan'"),
        ("1,1,0,0,5,5,1,1,\n", "line 1, visibility: expected a number, got ''"),
        ("0,1,0,0,5,5,1\n", "line 1, frame: expected a frame number from 1, got 0"),
        ("1.5,1,0,0,5,5,1\n", "line 1, frame: expected a frame number from 1, got 1.5"),
        ("1,-1,0,0,5,5,1\n", "line 1, id: expected a whole number from 0, got -1"),
        ("1,1,0,0,5,-5,1\n", "line 1, height: expected a number from 0, got -5"),
        ("1,1,0,0,5,5,1\n2,1,0,0,5,5,1\n1,1,9,9,5,5,1\n", "line 3, id: .* got 1, as in line 1"),
    ],
)
def test_damaged_ground_truth_names_line_and_column(tmp_path, content, message):
    path = tmp_path / "gt.txt"
    path.write_text(content)
    with pytest.raises(FormatError, match=r"gt.txt: " + message):
        read_mot(path)


def test_ground_truth_of_a_longer_video(tmp_path):
    (tmp_path / "gt.txt").write_text("1,1,0,0,5,5,1\n7,1,0,0,5,5,1\n")
    with pytest.raises(
        FormatError,
        match=r"line 2, frame: expected a frame number from 1 to 6, the length .*, got 7",
    ):
        read_mot(tmp_path / "gt.txt", n_frames=6)


def test_missing_or_binary_ground_truth(tmp_path):
    with pytest.raises(
        FormatError, match=r"gt.txt: file: expected a readable text file, got nothing there"
    ):
        read_mot(tmp_path / "gt.txt")
    (tmp_path / "gt.txt").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(FormatError, match=r"gt.txt: file: expected a readable text file"):
        read_mot(tmp_path / "gt.txt")


def test_detections_are_sorted_by_frame(tmp_path):
    (tmp_path / "det.txt").write_text(
        "3,-1,1,2,10,20,0.5\n1,-1,5,5,5,5,1\n3,-1,0,0,4,4,0.25,-1,-1,-1\n"
    )
    table = read_mot_detections(tmp_path / "det.txt", 4)
    assert table.frame_offsets.tolist() == [0, 1, 1, 3, 3]
    assert table[2].boxes.tolist() == [[1, 2, 11, 22], [0, 0, 4, 4]]
    assert table[2].scores.tolist() == [0.5, 0.25]
    (tmp_path / "none.txt").write_text("")
    assert read_mot_detections(tmp_path / "none.txt", 2).frame_offsets.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("1,-1,0,0,5,5,1.5", "line 1, score: expected a number from 0 to 1, got 1.5"),
        ("0,-1,0,0,5,5,1", "line 1, frame"),
        ("5,-1,0,0,5,5,1", "1 to 4, the length of the video"),
        ("1,-1,0,0,-5,5,1", "line 1, width"),
        ("1,-2,0,0,5,5,1", "line 1, id"),
        ("1,-1,0,0,5", "line 1, columns"),
    ],
)
def test_bad_detections_are_named(tmp_path, row, field):
    (tmp_path / "det.txt").write_text(row + "\n")
    with pytest.raises(FormatError, match=field):
        read_mot_detections(tmp_path / "det.txt", 4)


@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_decimal_commas(tmp_path, delimiter, encoding):
    row = delimiter.join(["1", "2", "10,5", "20", '"30,25"', "40", "1"])
    (tmp_path / "gt.txt").write_text(row + "\n", encoding)
    assert read_mot(tmp_path / "gt.txt").boxes.tolist() == [[10.5, 20, 40.75, 60]]
