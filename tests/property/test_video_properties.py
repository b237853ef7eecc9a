"""Videos of any orientation, depth, size and layout: the frames that the program ffmpeg shows."""

import subprocess
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from imageio_ffmpeg import get_ffmpeg_exe

from murid.video import open_source

# The program, in the development dependencies; PyAV has only its libraries.
FFMPEG = get_ffmpeg_exe()

N_FRAMES = 5

# Codec, pixel format, file format, whether width and height must be even, and bits of a channel.
ENCODINGS = [
    ("libx264", "yuv420p", "mp4", True, 8),
    ("libx264", "yuv444p", "mp4", False, 8),
    ("libx264", "yuv420p10le", "mp4", True, 10),
    ("mpeg4", "yuv420p", "mp4", True, 8),
    ("libx264", "yuv420p", "mkv", True, 8),
    ("mpeg4", "yuv420p", "avi", True, 8),
    ("libx264", "yuv420p", "ts", True, 8),
    ("mpeg2video", "yuv420p", "mpg", True, 8),
    ("ffv1", "gray", "mov", False, 8),
    ("ffv1", "gray10le", "mov", False, 10),
    ("ffv1", "gray12le", "mov", False, 12),
    ("ffv1", "gray16le", "mov", False, 16),
    ("ffv1", "rgb48le", "mov", False, 16),
    ("ffv1", "gbrp", "mov", False, 8),
    ("png", "rgb24", "mov", False, 8),
    ("png", "gray16be", "mov", False, 16),
    ("png", "rgb48be", "mov", False, 16),
]

# What comes before the recording: size, number of frames, and disposition. The recording is the
# default stream or not.
OTHER_STREAMS = {
    "nothing": None,
    "thumbnail": ("16x16", 1, "0"),
    "default thumbnail": ("16x16", 1, "default"),
    "cover": ("200x160", 1, "attached_pic"),
    "small copy": ("32x24", N_FRAMES, "0"),
    "larger copy": ("128x96", N_FRAMES, "0"),
}

VIDEOS = st.fixed_dictionaries(
    {
        "encoding": st.sampled_from(ENCODINGS),
        "width": st.integers(20, 75),
        "height": st.integers(20, 75),
        "bits": st.sampled_from([8, 10, 12, 14, 16]),
        "rotation": st.sampled_from([0, 90, 180, 270]),
        "is_mirrored": st.booleans(),
        "other": st.sampled_from(list(OTHER_STREAMS)),
        "is_default": st.booleans(),
        "has_sound": st.booleans(),
        "seed": st.integers(0, 2**16),
    }
)


def run_ffmpeg(*arguments: str, content: bytes = b"") -> bytes:
    command = [FFMPEG, "-y", "-v", "error", *arguments]
    return subprocess.run(command, input=content, capture_output=True, check=True).stdout


def make_images(width: int, height: int, bits: int, seed: int) -> np.ndarray:
    """Return smooth images ``(n, h, w)`` uint16 that use some of 16 bits, up to the last one."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((N_FRAMES, 4, 4))
    rows = np.linspace(0, 2.99, height)
    columns = np.linspace(0, 2.99, width)
    images = coarse[:, rows.astype(int)][:, :, columns.astype(int)]
    images = images + 0.3 * (rows % 1)[:, None] + 0.2 * (columns % 1)
    images *= (2**bits - 1) / images.max()
    return images.astype(np.uint16)


def make_video(directory: Path, video: dict) -> Path:
    codec, pixel_format, suffix, must_be_even, depth = video["encoding"]
    width = video["width"] - video["width"] % 2 * must_be_even
    height = video["height"] - video["height"] % 2 * must_be_even
    images = make_images(width, height, video["bits"] if depth == 16 else 16, video["seed"])
    size = f"{width}x{height}"
    raw = directory / f"raw.{suffix}"
    options = ["-c:v", codec, "-pix_fmt", pixel_format, "-strict", "experimental"]
    source = ["-f", "rawvideo", "-pix_fmt", "gray16le", "-s", size, "-r", "25", "-i", "-"]
    run_ffmpeg(*source, *options, str(raw), content=images.tobytes())

    turn = ["-display_rotation", str(video["rotation"])]
    turn += ["-display_hflip"] * video["is_mirrored"]
    inputs = [*turn, "-i", str(raw)]
    maps = ["-map", "0:v"]
    codecs = ["-c:v", "copy"]
    place = 0
    other = OTHER_STREAMS[video["other"]]
    if other is not None:
        other_size, n_frames, disposition = other
        inputs += ["-f", "lavfi", "-i", f"testsrc2=s={other_size}:r=25"]
        maps = ["-map", "1:v", *maps]
        codecs = ["-c:v:0", "mjpeg", "-pix_fmt:v:0", "yuvj420p", "-frames:v:0", str(n_frames)]
        codecs += ["-c:v:1", "copy", "-disposition:v:0", disposition]
        place = 1
    codecs += [f"-disposition:v:{place}", "default" if video["is_default"] else "0"]
    if video["has_sound"]:
        inputs += ["-f", "lavfi", "-i", "sine=d=1"]
        maps += ["-map", f"{1 + (other is not None)}:a"]
        codecs += ["-c:a", "mp2" if suffix in ("avi", "mpg") else "aac"]
    path = directory / f"video.{suffix}"
    run_ffmpeg(*inputs, *maps, *codecs, "-strict", "experimental", str(path))
    return path


def read_with_ffmpeg(path: Path, pixel_format: str, dtype: str, shape: tuple) -> np.ndarray:
    output = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", pixel_format, "-"]
    content = run_ffmpeg("-i", str(path), *output)
    return np.frombuffer(content, dtype).reshape(-1, *shape)


@settings(max_examples=50, deadline=None)
@given(video=VIDEOS, start=st.integers(0, N_FRAMES - 1))
def test_frames_are_those_that_ffmpeg_shows(tmp_path_factory, video, start):
    path = make_video(tmp_path_factory.mktemp("video"), video)
    source = open_source(path)
    info = source.info
    shape = (info.height, info.width, 3)
    is_recording = info.codec != "mjpeg"
    if is_recording and video["encoding"][-1] == 16:
        assert info.bit_depth == video["bits"]
        deep = read_with_ffmpeg(path, "rgb48le", "<u2", shape)
        expected = deep >> (info.bit_depth - 8)
    else:
        assert info.bit_depth == (video["encoding"][-1] if is_recording else 8)
        expected = read_with_ffmpeg(path, "rgb24", "u1", shape)
    frames = list(source.iterate())
    assert len(frames) == info.n_frames == len(expected)
    assert source.truncated is None
    for frame in frames:
        difference = np.abs(frame.image.astype(int) - expected[frame.index])
        assert difference.max() <= 1
    for frame in source.iterate(start):
        np.testing.assert_array_equal(frame.image, frames[frame.index].image)
