"""CVAT's XML in the structure of its documentation of the two formats."""

import pytest

from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import read_dataset, recognise_data

VIDEO_META = """<version>1.1</version>
<meta><task><id>4</id><name>cage task</name><size>{size}</size><mode>interpolation</mode>
<start_frame>{start}</start_frame><stop_frame>{stop}</stop_frame>
<frame_filter>{frame_filter}</frame_filter>
<labels><label><name>mouse</name><color>#ff</color><attributes></attributes></label></labels>
<original_size><width>64</width><height>48</height></original_size>
<source>cage.mp4</source></task><dumped>2026-01-01</dumped></meta>
"""


def write_video_task(path, tracks, *, size=5, start=0, stop=4, frame_filter=""):
    meta = VIDEO_META.format(size=size, start=start, stop=stop, frame_filter=frame_filter)
    content = f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>{meta}{tracks}</annotations>'
    path.write_text(content)
    return path


def box(frame, left, keyframe=1, outside=0):
    return (
        f'<box frame="{frame}" keyframe="{keyframe}" outside="{outside}" occluded="0" '
        f'xtl="{left}.00" ytl="10.00" xbr="{left + 10}.00" ybr="20.00" z_order="0"></box>'
    )


def track(number, *shapes):
    return f'<track id="{number}" label="mouse" source="manual">{"".join(shapes)}</track>'


def read(path, **options):
    (sequence,), problems = read_dataset([path], ReadOptions(margin=0, **options))
    assert problems == []
    return sequence


def get_lefts(sequence, track_id):
    """The left side of the box of an animal by frame."""
    rows = sequence.track_ids == track_id
    frames = sequence.frames[sequence.frame_numbers[rows]]
    return dict(zip(frames.tolist(), sequence.boxes[rows, 0].tolist(), strict=True))


def test_tracks_of_a_video(tmp_path, write_video):
    """CVAT writes a shape for every frame, and one outside where the animal leaves."""
    write_video(tmp_path / "cage.mp4")
    first = [box(0, 10), box(1, 12, keyframe=0), box(2, 14), box(3, 14, outside=1)]
    second = [box(k, 30 + k, keyframe=k % 2) for k in range(5)]
    path = write_video_task(tmp_path / "annotations.xml", track(0, *first) + track(1, *second))
    for place in (path, tmp_path):
        sequence = read(place)
        assert (sequence.name, sequence.is_recording) == ("cage", True)
        assert sequence.video == tmp_path / "cage.mp4"
        assert sequence.class_names == ("mouse",)
        assert sequence.frames.tolist() == [0, 1, 2, 3, 4]
        assert sequence.frame_offsets.tolist() == [0, 2, 4, 6, 7, 8]
        assert get_lefts(sequence, 0) == {0: 10, 1: 12, 2: 14}
        assert get_lefts(sequence, 1) == {k: 30 + k for k in range(5)}
        assert sequence.complete.all()
        assert sequence.notes == ()


def test_keyframes_are_interpolated(tmp_path):
    """The box moves evenly up to the frame where it is outside, and stays after the last one."""
    tracks = track(0, box(1, 10), box(3, 20), box(4, 20, outside=1)) + track(7, box(2, 40))
    sequence = read(write_video_task(tmp_path / "a.xml", tracks), require_images=False)
    assert get_lefts(sequence, 0) == {1: 10, 2: 15, 3: 20}
    assert get_lefts(sequence, 7) == {2: 40, 3: 40, 4: 40}
    assert sequence.frames.tolist() == [0, 1, 2, 3, 4]
    assert sequence.frame_offsets.tolist() == [0, 0, 1, 3, 5, 6]
    assert "cage: 3 boxes interpolated between keyframes" in sequence.notes[0]


def test_tasks_of_every_nth_frame(tmp_path):
    """Only frames of the task are labelled, with the numbers that they have in the video."""
    path = write_video_task(
        tmp_path / "a.xml",
        track(0, box(100, 10), box(160, 20)),
        size=4,
        start=100,
        stop=199,
        frame_filter="step=30",
    )
    sequence = read(path, require_images=False)
    assert sequence.frames.tolist() == [100, 130, 160, 190]
    assert get_lefts(sequence, 0) == {100: 10, 130: 15, 160: 20, 190: 20}


def test_tracks_on_images(tmp_path, write_images):
    write_images(tmp_path / "images", *(f"frame_00000{k}.png" for k in range(5)))
    path = write_video_task(tmp_path / "annotations.xml", track(0, box(0, 10)))
    assert [image.name for image in read(path).image_paths][3:] == [
        "frame_000003.png",
        "frame_000004.png",
    ]


SHAPES = [
    ('<box label="mouse" xtl="10" ytl="20" xbr="30" ybr="40" occluded="1"/>', [10, 20, 30, 40]),
    (
        '<box label="mouse" xtl="10" ytl="20" xbr="30" ybr="30" rotation="90.0"/>',
        [15, 15, 25, 35],
    ),
    ('<polygon label="mouse" points="10.0,20.0;30.0,22.0;20.0,40.0"/>', [10, 20, 30, 40]),
    ('<ellipse label="mouse" cx="20" cy="30" rx="10" ry="5"/>', [10, 25, 30, 35]),
    (
        '<mask label="mouse" rle="3, 5" left="10" top="20" width="4" height="2" z_order="0"/>',
        [10, 20, 14, 22],
    ),
    ('<points label="mouse" points="10.0,20.0;30.0,40.0"/>', [10, 20, 30, 40]),
    (
        '<skeleton label="mouse"><points label="nose" outside="0" points="10.0,20.0"/>'
        '<points label="hip" outside="0" points="30.0,40.0"/>'
        '<points label="ear" outside="1" points="0.0,0.0"/>'
        '<points label="tail tip" outside="0" points="60.0,40.0"/></skeleton>',
        [10, 20, 30, 40],
    ),
]


@pytest.mark.parametrize(("shape", "expected"), SHAPES)
def test_shapes_of_images(tmp_path, write_images, shape, expected):
    write_images(tmp_path / "images", "a.png", "b.png")
    path = tmp_path / "annotations.xml"
    path.write_text(
        "<annotations><version>1.1</version><meta><task><mode>annotation</mode></task></meta>"
        '<image id="0" name="a.png" width="64" height="48"></image>'
        f'<image id="1" name="b.png" width="64" height="48">{shape}'
        '<polyline label="tail" points="1,2;3,4"/><tag label="dark"/></image></annotations>'
    )
    sequence = read(tmp_path)
    assert (sequence.is_recording, sequence.n_frames) == (False, 2)
    assert sequence.frame_offsets.tolist() == [0, 0, 1]
    assert sequence.boxes[0].tolist() == pytest.approx(expected, abs=0.01)
    assert sequence.track_ids.tolist() == [-1]
    assert "left out 2 shapes without a box" in sequence.notes[0]


def test_attributes_with_the_identity(tmp_path, write_images):
    write_images(tmp_path, "a.png")
    path = tmp_path / "a.xml"
    boxes = "".join(
        f'<box label="mouse" xtl="{x}" ytl="1" xbr="{x + 9}" ybr="9">'
        f'<attribute name="animal_id">{name}</attribute></box>'
        for x, name in ((1, "white"), (11, "black"), (21, "4"))
    )
    path.write_text(f'<annotations><image id="0" name="a.png">{boxes}</image></annotations>')
    assert read(path).track_ids.tolist() == [5, 6, 4]


def test_a_video_of_another_name_is_found(tmp_path, write_video):
    write_video(tmp_path / "renamed.mp4")
    path = write_video_task(tmp_path / "annotations.xml", track(0, box(0, 10)), size=3, stop=2)
    sequence = read(path)
    assert sequence.video == tmp_path / "renamed.mp4"
    note = "cage: cage.mp4 is not there, so renamed.mp4 is taken for the video"
    assert note in sequence.notes


def test_images_of_a_video_are_its_frames(tmp_path, write_video):
    write_video(tmp_path / "cage.mp4", 40)
    path = tmp_path / "annotations.xml"
    meta = "<meta><task><source>cage.mp4</source></task></meta>"
    images = "".join(
        f'<image id="{k}" name="frame_{k:06d}" width="64" height="48">{SHAPES[0][0]}</image>'
        for k in (0, 30)
    )
    path.write_text(f"<annotations>{meta}{images}</annotations>")
    sequence = read(path)
    assert (sequence.is_recording, sequence.video) == (True, tmp_path / "cage.mp4")
    assert sequence.frames.tolist() == [0, 30]


def test_problems(tmp_path):
    bad = '<box label="mouse" xtl="x" ytl="1" xbr="9" ybr="9"/>'
    path = tmp_path / "a.xml"
    path.write_text(
        f'<annotations><image id="0" name="a.png">{bad}{SHAPES[0][0]}'
        '<points label="mouse" points="1,2"/></image></annotations>'
    )
    (sequence,), problems = read_dataset([path], ReadOptions(require_images=False))
    assert [(p.location, p.field) for p in problems] == [
        ("image a.png, box", "box"),
        ("image a.png, points", "points"),
    ]
    assert (len(sequence), sequence.complete.tolist()) == (1, [False])
    tasks = '<track id="0" task_id="1"></track><track id="1" task_id="2"></track>'
    path.write_text(f"<annotations>{tasks}</annotations>")
    _, (problem, _) = read_dataset([path])
    assert "export the tasks one by one" in problem.expected
    write_video_task(path, track(0, box(0, 1)), stop=10**9)
    _, (problem, _) = read_dataset([path])
    assert problem.field == "frames"
    path.write_text("<other/>")
    assert recognise_data(path) is None
