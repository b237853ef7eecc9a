from types import SimpleNamespace

import cv2
import numpy as np

from murid.cli.video_facts import collect_video_facts, describe_video
from murid.video import open_source
from murid.video.info import VideoInfo


def describe(times_s=(0.0, 0.1, 0.2), truncated=None, **changes) -> str:
    fields = {"path": "cage.mp4", "width": 64, "height": 48, "fps": 10.0, "codec": "h264"}
    info = VideoInfo(**{**fields, "n_frames": len(times_s), **changes})
    source = SimpleNamespace(info=info, times_s=np.array(times_s), truncated=truncated)
    return "\n".join(describe_video(collect_video_facts(source)))


def test_a_plain_video_takes_four_lines():
    assert describe().splitlines() == [
        "cage.mp4: h264, 8 bits, stream 0",
        "size     64x48 pixels",
        "rate     10 frames/s",
        "length   3 frames, 0.3 s",
    ]


def test_what_is_unusual_is_said():
    text = describe(
        rotation_deg=90, is_mirrored=True, pixel_aspect=1.0667, fps_is_assumed=True, bit_depth=12
    )
    assert "12 bits" in text
    assert "rotated by 90 degrees counter-clockwise, mirrored" in text
    assert "pixels are 1.067 times as wide as high" in text
    assert "assumed" in text


def test_missing_frames_and_missing_ends_are_said():
    text = describe(times_s=(0.0, 0.1, 0.3, 5.0), truncated="it breaks off")
    assert "length   4 frames, 5.1 s" in text
    assert "frames are missing in 2 intervals between frames; the longest is 4.7 s" in text
    assert "truncated: it breaks off" in text


def test_a_single_frame():
    assert "length   1 frame, 0.1 s" in describe(times_s=(0.0,))


def test_images_that_are_missing_in_a_folder_are_said(tmp_path):
    for number in (0, 1, 2, 4, 6, 7):
        cv2.imwrite(str(tmp_path / f"f{number:03}.png"), np.full((48, 64), number, np.uint8))
    facts = collect_video_facts(open_source(tmp_path))
    assert facts["missing_images"] == [3, 5]
    line = "note     2 images are missing by the numbers in the names: frames 3, 5"
    assert line in list(describe_video(facts))
