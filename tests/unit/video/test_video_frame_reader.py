import av
import numpy as np
import pytest
from numbered_images import make_numbered_image

from murid.errors import SourceError
from murid.video import ClockOptions, UnreadableFrame, open_clocked, open_source
from murid.video.frame_reader import FrameReader

N_FRAMES = 70
ORDER = [0, 1, 2, 35, 34, 33, 69, 20, 21, 45, 5, 36]


def write_video(path, codec="libx264", **options):
    """Frames that show their number, with a key frame every 25 frames and B-frames between."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.gop_size = 25
        stream.options = {"bf": "3", "sc_threshold": "0", **options}
        for k in range(N_FRAMES):
            frame = av.VideoFrame.from_ndarray(make_numbered_image(k), format="rgb24")
            frame.pts = k
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("closed.mp4", "libx264", {}),
        ("open.mkv", "libx264", {"x264-params": "open-gop=1"}),
        ("pyramid.mp4", "libx264", {"x264-params": "b-pyramid=normal:bframes=5"}),
        ("intra-refresh.mp4", "libx264", {"x264-params": "intra-refresh=1"}),
        ("old.avi", "mpeg4", {}),
    ],
)
def test_frames_in_any_order_are_those_of_a_pass(tmp_path, name, codec, options) -> None:
    source = open_source(write_video(tmp_path / name, codec, **options))
    expected = list(source.iterate())
    reader = FrameReader(source)
    for number in ORDER:
        frame = reader.read(number)
        assert frame.index == number
        assert frame.time_s == expected[number].time_s
        assert np.array_equal(frame.image, expected[number].image)


def test_frames_of_a_selection_have_their_own_numbers(tmp_path) -> None:
    path = write_video(tmp_path / "clip.mp4")
    source = open_clocked(path, ClockOptions(start_s=0.4, every=3))
    expected = list(source.iterate())
    reader = FrameReader(source)
    for number in (0, 15, 14, 3, 19):
        frame = reader.read(number)
        assert (frame.index, frame.time_s) == (number, expected[number].time_s)
        assert np.array_equal(frame.image, expected[number].image)


def test_images_are_read_in_any_order(tmp_path, write_images) -> None:
    write_images(tmp_path / "images", *(f"f{k:02}.png" for k in range(12)))
    reader = FrameReader(open_source(tmp_path / "images"))
    assert [reader.read(k).index for k in (7, 2, 3, 11)] == [7, 2, 3, 11]


def test_a_frame_that_cannot_be_decoded_keeps_its_number(tmp_path, write_images) -> None:
    files = write_images(tmp_path / "images", *(f"f{k:02}.png" for k in range(6)))
    files[3].write_bytes(b"broken")
    reader = FrameReader(open_source(tmp_path / "images"))
    assert isinstance(reader.read(3), UnreadableFrame)
    assert reader.read(4).index == 4


@pytest.mark.parametrize("number", [N_FRAMES, N_FRAMES + 50, -1])
def test_a_frame_that_there_is_not_is_an_error(tmp_path, number: int) -> None:
    reader = FrameReader(open_source(write_video(tmp_path / "clip.mp4")))
    with pytest.raises(SourceError, match=f"expected .*below {N_FRAMES}, got {number}"):
        reader.read(number)
    assert reader.read(5).index == 5
