from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
from av.stream import Disposition

from murid.video import open_source
from murid.video.stream_choice import rank_streams

NONE = Disposition(0)
DEFAULT = Disposition.default
COVER = Disposition.attached_pic


def make_stream(width, height, disposition=NONE):
    context = SimpleNamespace(width=width, height=height)
    return SimpleNamespace(codec_context=context, disposition=disposition)


@pytest.mark.parametrize(
    ("streams", "best"),
    [
        ([make_stream(160, 120), make_stream(640, 480)], 1),
        ([make_stream(640, 480), make_stream(160, 120)], 0),
        ([make_stream(640, 480), make_stream(640, 480)], 0),
        ([make_stream(640, 480), make_stream(160, 120, DEFAULT)], 1),
        ([make_stream(160, 120, DEFAULT), make_stream(4000, 3000)], 1),
        ([make_stream(3000, 3000, COVER | DEFAULT), make_stream(64, 64)], 1),
        ([make_stream(3000, 3000, COVER)], 0),
        ([SimpleNamespace(codec_context=None, disposition=NONE), make_stream(64, 64)], 1),
    ],
)
def test_the_default_stream_then_the_largest_and_covers_last(streams, best):
    assert rank_streams(streams)[0] is streams[best]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
@pytest.mark.parametrize("is_empty", [False, True])
def test_a_small_copy_before_the_recording(tmp_path, name, is_empty):
    """The recording has 30 grey frames of 96x64; if it is empty, the copy is what there is."""
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mpeg4", rate=25) for _ in range(2)]
        for stream, (width, height) in zip(streams, [(48, 32), (96, 64)], strict=True):
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.time_base = stream.codec_context.time_base = Fraction(1, 25)
        # Without this, MP4 marks the first stream as the default.
        streams[1].disposition = DEFAULT
        for k in range(30):
            for stream in streams[: 1 if is_empty else 2]:
                level = 30 if stream is streams[0] else 200
                image = np.full((stream.height, stream.width, 3), level, np.uint8)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts = k
                container.mux(stream.encode(frame))
        for stream in streams[: 1 if is_empty else 2]:
            container.mux(stream.encode(None))
    source = open_source(path)
    assert source.info.stream == (0 if is_empty else 1)
    frames = list(source.iterate())
    assert len(frames) == 30
    for frame in [*frames, *source.iterate(20), *source.sample(4)]:
        assert frame.image.shape == ((32, 48, 3) if is_empty else (64, 96, 3))
        assert abs(frame.image.mean() - (30 if is_empty else 200)) < 5
