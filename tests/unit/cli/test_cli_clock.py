from murid.cli.clock import describe_clock

FACTS = {"source": "cage.h264", "fps": 30.0, "fps_is_assumed": False, "n_frames": 90}


def test_an_ordinary_video_needs_no_line():
    clock = {"kind": "video"}
    assert not list(describe_clock({**FACTS, "clock": clock, "frames": None, "gaps": None}))
    assert not list(describe_clock(FACTS))


def test_an_assumed_rate_is_said_with_the_way_out():
    (line,) = describe_clock({**FACTS, "fps_is_assumed": True})
    assert line == (
        "clock: no frame rate in cage.h264; 30 frames/s assumed, --fps gives the right one"
    )


def test_the_assumed_rate_is_that_of_the_recording_not_of_every_third_frame():
    frames = {"first": 0, "every": 3, "n_source_frames": 90}
    facts = {**FACTS, "fps": 10.0, "fps_is_assumed": True, "frames": frames, "n_frames": 30}
    assert "; 30 frames/s assumed" in next(describe_clock(facts))


def test_another_clock_a_selection_and_gaps():
    clock = {"kind": "timestamps", "file": "t.csv", "started_at": "2026-03-01T12:00:00"}
    gaps = {
        "n_gaps": 7,
        "n_missing": 12,
        "after_frames": [3, 9, 20, 31, 40, 50, 60],
        "missing_frames": [1, 6, 1, 1, 1, 1, 1],
    }
    frames = {"first": 10, "every": 2, "n_source_frames": 300}
    lines = list(describe_clock({**FACTS, "clock": clock, "frames": frames, "gaps": gaps}))
    assert lines == [
        "clock: times of t.csv, 30 frames/s in the median, from 2026-03-01T12:00:00",
        "frames: 90 from frame 10 on, one in 2",
        "dropped: 12 frames are missing, after frames 3 (1), 9 (6), 20 (1), 31 (1), 40 (1), …",
    ]


def test_one_missing_frame_is_singular():
    gaps = {"n_gaps": 1, "n_missing": 1, "after_frames": [3], "missing_frames": [1]}
    assert list(describe_clock({**FACTS, "gaps": gaps})) == [
        "dropped: 1 frame is missing, after frame 3 (1)"
    ]
