from dataclasses import replace

import pytest

from murid.datasets.mot import write
from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import read_dataset

ROWS = "1,1,0,0,5,6,1,1,1\n1,2,10,10,5,5,1,2,0.5\n3,1,0,0,5,5,1,1,-1\n"


@pytest.fixture
def cage(tmp_path, write_images):
    """Directory of a sequence of four images."""
    root = tmp_path / "cage"
    write_images(root / "img1", *(f"{k:06d}.png" for k in range(1, 5)))
    (root / "gt").mkdir()
    (root / "gt" / "gt.txt").write_text(ROWS)
    (root / "seqinfo.ini").write_text("[Sequence]\nname=x\nimDir=img1\nframeRate=47\nseqLength=4\n")
    return root


def explain(problems):
    return [f"{p.path.name}: {p.location} {p.field}: {p.expected}; {p.got}" for p in problems]


def test_every_frame_of_a_sequence_is_labelled(cage):
    for path in (cage, cage.parent, cage / "gt" / "gt.txt"):
        (sequence,), problems = read_dataset([path])
        assert problems == []
        assert (sequence.name, sequence.is_recording, sequence.fps) == ("cage", True, 47)
        assert sequence.frames.tolist() == [0, 1, 2, 3]
        assert sequence.frame_offsets.tolist() == [0, 2, 2, 3, 3]
        assert [path.name for path in sequence.image_paths][::3] == ["000001.png", "000004.png"]
        assert sequence.boxes[0].tolist() == [0, 0, 5, 6]
        assert sequence.track_ids.tolist() == [1, 2, 1]
        assert [sequence.class_names[k] for k in sequence.class_ids] == [
            "animal",
            "class 2",
            "animal",
        ]
        assert str(sequence.visibility.tolist()) == "[1.0, 0.5, nan]"


def test_images_after_the_last_row_require_a_length(cage):
    (cage / "seqinfo.ini").unlink()
    (sequence,), problems = read_dataset([cage])
    expected = (
        "000004.png:  frame: a row for the image, or seqLength=4 in seqinfo.ini; none after frame 3"
    )
    assert explain(problems) == [expected]
    assert sequence.n_frames == 3

    # However many images there are, they are one problem.
    (cage / "gt" / "gt.txt").write_text("1,1,0,0,5,5,1\n2,1,0,0,5,5,1\n")
    _, problems = read_dataset([cage])
    assert explain(problems) == [
        "000004.png:  frame: a row for the image, or seqLength=4 in seqinfo.ini; "
        "none after frame 2, in 2 images up to this one"
    ]


def test_a_missing_number_without_rows_is_no_frame(cage):
    (cage / "img1" / "000002.png").unlink()
    (sequence,), problems = read_dataset([cage])
    assert problems == []
    assert sequence.frames.tolist() == [0, 2, 3]
    assert [path.name for path in sequence.image_paths] == [
        "000001.png",
        "000003.png",
        "000004.png",
    ]


def test_a_missing_image_with_rows_is_a_problem(cage):
    (cage / "img1" / "000003.png").unlink()
    _, problems = read_dataset([cage])
    assert len(problems) == 1


def test_seqinfo_may_begin_with_a_mark(cage):
    (cage / "seqinfo.ini").write_bytes(b"\xef\xbb\xbf[Sequence]\r\nseqLength=4\r\n")
    (sequence,), problems = read_dataset([cage])
    assert problems == []
    assert sequence.n_frames == 4


def test_rows_with_a_flag_of_0_leave_their_frame_incomplete(cage):
    (cage / "gt" / "gt.txt").write_text(ROWS + "2,9,1,1,5,5,0,1,1\n")
    (sequence,), problems = read_dataset([cage])
    assert problems == []
    assert len(sequence) == 3
    assert sequence.complete.tolist() == [True, False, True, True]


def test_all_damaged_rows_are_reported_by_line(cage):
    (cage / "gt" / "gt.txt").write_text(
        ROWS + "x,1,0,0,5,5,1\n2,-2,0,0,5,5,1\n2,1,0,0,5\n6,1,0,0,5,5,1\n3,1,1,1,4,4,1\n"
    )
    (sequence,), problems = read_dataset([cage])
    assert explain(problems) == [
        "gt.txt: line 4 frame: a number; 'x'",
        "gt.txt: line 5 id: a whole number from -1; -2",
        "gt.txt: line 6 columns: 7 to 10, between commas; 5",
        "gt.txt: line 7 frame: one with an image; frame 5 from 0",
        "gt.txt: line 8 id: each id once in a frame; 1 again",
    ]
    assert len(sequence) == 3
    # Frames that lost a label are incomplete: rows 5 and 6 are of frame 2, row 8 is of frame 3.
    assert sequence.complete.tolist() == [True, False, False, True]


def test_class_names_are_read_from_seqinfo(cage):
    (cage / "seqinfo.ini").write_text("[Sequence]\nseqLength=4\nclassNames=mouse, rat\n")
    (cage / "gt" / "gt.txt").write_text(ROWS + "4,1,0,0,5,5,1,3,1\n")
    (sequence,), problems = read_dataset([cage])
    assert explain(problems) == ["gt.txt: line 4 class: 1 to 2; 3"]
    assert [sequence.class_names[k] for k in sequence.class_ids] == ["mouse", "rat", "mouse"]


def test_damaged_seqinfo_does_not_hide_the_other_sequences(cage, tmp_path, write_images):
    (cage / "seqinfo.ini").write_text("[Sequence]\nseqLength=many\n")
    write_images(tmp_path / "other" / "img1", "1.png")
    (tmp_path / "other" / "gt").mkdir()
    (tmp_path / "other" / "gt" / "gt.txt").write_text("1,1,0,0,5,5,1\n")
    sequences, problems = read_dataset([tmp_path])
    assert [s.name for s in sequences] == ["other"]
    assert [p.path.name for p in problems] == ["seqinfo.ini"]


def test_a_video_in_place_of_images(tmp_path, write_video):
    write_video(tmp_path / "cage.mp4")
    (tmp_path / "cage.txt").write_text(ROWS)
    (sequence,), problems = read_dataset([tmp_path / "cage.txt"])
    assert problems == []
    assert sequence.video == tmp_path / "cage.mp4"
    assert sequence.frames.tolist() == [0, 1, 2]


def test_written_data_is_read_back(tmp_path, sequence):
    write(tmp_path / "out", [sequence])
    (read,), problems = read_dataset([tmp_path / "out"], ReadOptions(require_images=False))
    assert problems == []
    assert read.boxes.tolist() == sequence.boxes.tolist()
    assert read.track_ids.tolist() == sequence.track_ids.tolist()
    assert read.class_names == sequence.class_names
    assert read.class_ids.tolist() == sequence.class_ids.tolist()
    assert str(read.visibility) == str(sequence.visibility)
    assert read.frame_offsets.tolist() == sequence.frame_offsets.tolist()
    assert (read.name, read.fps, read.sizes.tolist()) == ("cage", 25, sequence.sizes.tolist())


@pytest.mark.data
@pytest.mark.parametrize(
    ("place", "n_sequences", "n_frames", "n_boxes", "n_problems"),
    [
        ("animaltrack", 3, 849, 14752, 0),
        ("rodents/sleapmot-2mice-homecage", 1, 97, 194, 0),
        ("rodents/udmt-rat2mice-a", 1, 141, 423, 0),
    ],
)
def test_real_sequences(data_dir, place, n_sequences, n_frames, n_boxes, n_problems):
    sequences, problems = read_dataset([data_dir / place])
    assert len(sequences) == n_sequences
    assert sum(s.n_frames for s in sequences) == n_frames
    assert sum(map(len, sequences)) == n_boxes
    assert len(problems) == n_problems


@pytest.mark.data
def test_real_mot17_without_images(data_dir):
    """MOT17 has boxes of pedestrians outside the image; all other rows have flag 1 and class 1."""
    sequences, problems = read_dataset(
        [data_dir / "association" / "mot17"], ReadOptions(require_images=False)
    )
    assert len(sequences) == 7
    assert sum(s.n_frames for s in sequences) == 5316
    assert {(p.field, p.expected) for p in problems} == {("box", "a centre inside the image")}
    assert sum(map(len, sequences)) + len(problems) == 112297


def test_rows_of_single_frames_here_and_there(tmp_path, write_video):
    """As people label by hand: frames between them are not labelled, rather than empty."""
    write_video(tmp_path / "cage.mp4", 40)
    rows = "".join(f"{t + 1},1,1,1,20,20,1\n" for t in range(0, 40, 10))
    (tmp_path / "cage.txt").write_text(rows)
    (sequence,), problems = read_dataset([tmp_path / "cage.txt"])
    assert problems == []
    assert sequence.frames.tolist() == [0, 10, 20, 30]
    assert "cage: 4 labelled frames of 31" in sequence.notes[0]
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nseqLength=40\n")
    (sequence,), _ = read_dataset([tmp_path / "cage.txt"])
    assert sequence.n_frames == 40


def test_rows_with_flag_0_are_counted(cage):
    (cage / "gt" / "gt.txt").write_text(ROWS.replace(",5,1,2,0.5", ",5,0,2,0.5"))
    (sequence,), problems = read_dataset([cage])
    assert problems == []
    assert sequence.complete.tolist() == [False, True, True, True]
    assert "cage: 1 row with flag 0 left out" in sequence.notes[0]


def test_length_of_the_video_is_written(tmp_path, write_video, sequence):
    video = write_video(tmp_path / "cage.mp4", 9)
    write(tmp_path / "out", [replace(sequence, video=video, image_paths=())])
    assert "seqLength=9\n" in (tmp_path / "out" / "cage" / "seqinfo.ini").read_text()
