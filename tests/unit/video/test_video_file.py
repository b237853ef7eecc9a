import struct
from fractions import Fraction
from itertools import islice

import av
import numpy as np
import pytest
from numbered_images import make_numbered_image

from murid.core import Frame
from murid.errors import SourceError
from murid.video import UnreadableFrame, open_source, sample_frames


def read(path, start=0):
    return list(open_source(path).iterate(start))


def bar_position(image):
    return int(image.astype(int).sum(axis=(0, 2)).argmax())


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("clip.mp4", "libx264", "yuv420p"),
        ("clip.mkv", "libx264", "yuv420p"),
        ("clip.mov", "libx264", "yuv444p"),
        ("clip.avi", "mjpeg", "yuvj420p"),
        ("gray.mkv", "ffv1", "gray"),
    ],
)
def test_frames_come_in_order_with_their_numbers(make_video, name, codec, pix_fmt):
    path = make_video(name, codec=codec, pix_fmt=pix_fmt)
    source = open_source(path)
    frames = list(source.iterate())
    assert [f.index for f in frames] == list(range(40))
    assert (source.info.width, source.info.height, source.info.n_frames) == (96, 64, 40)
    assert source.info.fps == pytest.approx(25, rel=0.01)
    assert source.truncated is None
    for frame in frames:
        assert abs(bar_position(frame.image) - bar_position(make_numbered_image(frame.index))) <= 8


def test_times_are_exact_under_a_variable_frame_rate(make_video):
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.integers(5, 90, 40))
    frames = read(make_video(times_ms=[int(t) for t in times]))
    np.testing.assert_allclose([f.time_s for f in frames], (times - times[0]) / 1000, atol=1e-4)


def test_the_rate_is_the_median_and_a_pause_is_none(make_video):
    times = [40 * k + (3000 if k > 20 else 0) for k in range(40)]
    source = open_source(make_video(times_ms=times))
    assert source.info.fps == pytest.approx(25)
    assert not source.info.fps_is_assumed
    assert source.compute_fingerprint()["fps"] == pytest.approx(39 / 4.56)


@pytest.mark.parametrize(
    ("name", "codec", "fps"),
    [("a.h264", "libx264", 50), ("a.m2v", "mpeg2video", 50), ("a.mjpeg", "mjpeg", 25)],
)
def test_raw_streams_have_no_times_and_at_most_a_nominal_rate(tmp_path, name, codec, fps):
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=50)
        stream.width, stream.height = 96, 64
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for k in range(10):
            image = av.VideoFrame.from_ndarray(make_numbered_image(k), format="rgb24")
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    source = open_source(path)
    assert source.info.fps_is_assumed
    assert source.info.fps == fps
    assert [frame.time_s for frame in source.iterate()] == [k / fps for k in range(10)]


@pytest.mark.parametrize("start", [1, 11, 12, 13, 25, 39, 40])
def test_reading_from_the_middle_equals_reading_all(make_video, start):
    path = make_video()
    whole, part = read(path), read(path, start)
    assert [f.index for f in part] == list(range(start, 40))
    for a, b in zip(whole[start:], part, strict=True):
        assert a.time_s == b.time_s
        np.testing.assert_array_equal(a.image, b.image)


def test_chosen_frames_are_those_of_the_whole_video(make_video):
    path = make_video(n_frames=100)
    whole = read(path)
    numbers = np.array([0, 3, 40, 41, 99])
    chosen = list(open_source(path).read(numbers))
    assert [frame.index for frame in chosen] == numbers.tolist()
    for frame in chosen:
        assert frame.time_s == whole[frame.index].time_s
        np.testing.assert_array_equal(frame.image, whole[frame.index].image)
    assert list(open_source(path).read(np.zeros(0, np.int64))) == []


def test_chosen_frames_are_reached_from_key_frames(make_video, monkeypatch):
    source = open_source(make_video(n_frames=120))
    decoded = []
    number_frames = source._number

    def count(index, images):
        for number, image in number_frames(index, images):
            decoded.append(number)
            yield number, image

    monkeypatch.setattr(source, "_number", count)
    assert [frame.index for frame in source.read(np.array([1, 2, 100]))] == [1, 2, 100]
    # From the last but one key frame: groups have 12 frames here.
    assert len(decoded) < 40
    assert 60 not in decoded


def damage_middle_packet(path):
    """Overwrite the biggest run of bytes in the middle of the payload."""
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 60] = bytes(60)
    path.write_bytes(data)


def test_damaged_frames_keep_their_number(make_video):
    path = make_video("damaged.avi", codec="mjpeg", pix_fmt="yuvj420p")
    data = path.read_bytes()
    starts = [i for i in range(len(data) - 3) if data[i : i + 3] == b"\xff\xd8\xff"]
    path.write_bytes(
        data[: starts[20]] + bytes(starts[21] - starts[20] - 8) + data[starts[21] - 8 :]
    )
    frames = read(path)
    assert [f.index for f in frames] == list(range(40))
    assert [f.index for f in frames if isinstance(f, UnreadableFrame)] == [20]
    assert abs(bar_position(frames[21].image) - bar_position(make_numbered_image(21))) <= 8


def test_bad_bytes_in_the_middle_lose_no_number(make_video):
    path = make_video(n_frames=120)
    damage_middle_packet(path)
    frames = read(path)
    assert [f.index for f in frames] == list(range(120))
    assert sum(isinstance(f, Frame) for f in frames) > 60


def test_avi_with_b_frames_keeps_its_order(make_video):
    frames = read(make_video("b.avi", n_frames=60))
    assert [f.index for f in frames] == list(range(60))
    for frame in frames:
        assert abs(bar_position(frame.image) - bar_position(make_numbered_image(frame.index))) <= 8


def test_truncated_matroska_says_so(make_video):
    path = make_video("cut.mkv", n_frames=200)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    source = open_source(path)
    assert source.truncated is not None
    assert 20 < len(list(source.iterate())) < 190


def test_file_name_with_a_colon_is_no_protocol(make_video):
    path = make_video("clip.mp4")
    assert open_source(path.rename(path.with_name("a:b.mp4"))).info.n_frames == 40


def test_truncated_file_is_read_as_far_as_it_goes_and_says_so(make_video):
    path = make_video(n_frames=200)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    source = open_source(path)
    frames = list(source.iterate())
    assert source.truncated is not None
    assert "200" in source.truncated
    assert 20 < sum(isinstance(f, Frame) for f in frames) < 190


def test_file_whose_index_is_cut_off_is_refused(make_video):
    path = make_video(n_frames=200, faststart=False)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match=r"clip\.mp4.*expected.*got an MP4 .* without its index"):
        open_source(path)


@pytest.mark.parametrize("content", [b"not a video at all, only words\n" * 50, b"", bytes(5000)])
def test_files_that_are_no_video_are_refused(tmp_path, content):
    path = tmp_path / "text.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"text\.mp4"):
        open_source(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "an empty file"),
        ("# Mäuse\n".encode() * 50, "a text file"),
        (bytes(5000), "a file of zeros"),
        (bytes(range(256)) * 20, "a file that is not a video"),
        (b"RIFF\x00\x00\x00\x00AVI LIST\x00", "a damaged or cut AVI file"),
        # FFmpeg would find the JPEG image in it.
        (b"PK\x03\x04\x14\x00\xff\xd8\xff", "a ZIP archive: unpack it first"),
    ],
)
def test_each_kind_of_wrong_file_has_its_own_sentence(tmp_path, content, sentence):
    path = tmp_path / "wrong.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        open_source(path)
    assert caught.value.got == sentence


def pack_frames(path, packed_path):
    """Copy an AVI and store the first frame of each pair of B-frames with the frame before it."""
    placeholder = b"\x00\x00\x01\xb6\x51\x20"
    with av.open(str(path)) as original, av.open(str(packed_path), "w") as container:
        stream = container.add_stream_from_template(original.streams.video[0])
        frames = [bytes(packet) for packet in original.demux(video=0) if packet.size]
        stored = frames[:1]
        for k in range(1, len(frames) - 2, 3):
            stored += [frames[k] + frames[k + 1], frames[k + 2], placeholder]
        for k, content in enumerate(stored):
            packet = av.Packet(content)
            packet.stream, packet.time_base = stream, stream.time_base
            packet.pts = packet.dts = k
            packet.is_keyframe = k == 0
            container.mux(packet)


@pytest.mark.parametrize("start", [0, 1, 2, 3, 17, 30])
def test_packets_that_hold_two_frames(make_video, start):
    # FFmpeg takes frames of less than 20 bytes for placeholders.
    options = {"bf": "2", "qmin": "1", "qmax": "1"}
    path = make_video("b.avi", n_frames=31, codec="mpeg4", gop=100, options=options)
    expected = read(path)
    assert len(expected) == 31
    packed_path = path.with_name("packed.avi")
    pack_frames(path, packed_path)
    assert open_source(packed_path).truncated is None
    frames = read(packed_path, start)
    assert [frame.index for frame in frames] == list(range(start, 31))
    for frame in frames:
        np.testing.assert_array_equal(frame.image, expected[frame.index].image)
        assert frame.time_s == pytest.approx(frame.index / 25)


def make_deep_video(path, images, pix_fmt):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pix_fmt
        for image in images:
            wide = "rgb48le" if image.ndim == 3 else "gray16le"
            frame = av.VideoFrame.from_ndarray(image, format=wide)
            container.mux(stream.encode(frame.reformat(format=pix_fmt)))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("pix_fmt", ["gray16le", "rgb48le", "gbrp16le", "rgba64le"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_16_bits_are_scaled_by_the_bits_in_use(tmp_path, pix_fmt, bits):
    """Only the frames from the 25th on are bright."""
    grey = [make_numbered_image(k, width=97) // (2 if k < 25 else 1) for k in range(50)]
    if pix_fmt == "gray16le":
        grey = [image[..., 0] for image in grey]
    deep = [image.astype(np.uint16) << (bits - 8) for image in grey]
    path = tmp_path / "deep.mkv"
    make_deep_video(path, deep, pix_fmt)
    source = open_source(path)
    assert source.info.bit_depth == bits
    for frame in [*source.iterate(), *source.iterate(33), *source.sample(4)]:
        expected = grey[frame.index]
        expected = expected if expected.ndim == 3 else np.stack([expected] * 3, axis=2)
        # FFmpeg rounds values of 16 bits.
        np.testing.assert_allclose(frame.image, expected, atol=int(bits == 16))


@pytest.mark.parametrize(("pix_fmt", "bits"), [("gray10le", 10), ("gray12le", 12), ("gray", 8)])
def test_declared_bits(tmp_path, pix_fmt, bits):
    path = tmp_path / "deep.mkv"
    make_deep_video(path, [np.full((48, 64), 200 << 8, np.uint16)] * 3, pix_fmt)
    source = open_source(path)
    assert source.info.bit_depth == bits
    assert abs(next(source.iterate()).image.mean() - 200) <= 1


def test_pixels_that_are_not_square_are_read_as_stored(make_video):
    path = make_video(pixel_aspect=Fraction(16, 11), faststart=False)
    info = open_source(path).info
    assert (info.width, info.height) == (96, 64)
    assert info.pixel_aspect == pytest.approx(16 / 11)
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 44
    content[start : start + 20] = struct.pack(">5i", 0, 1 << 16, 0, -(1 << 16), 0)
    path.write_bytes(content)
    info = open_source(path).info
    assert (info.width, info.height, info.rotation_deg) == (64, 96, 270)
    assert info.pixel_aspect == pytest.approx(11 / 16)


def test_missing_file_and_video_without_frames_are_refused(tmp_path, make_video):
    with pytest.raises(SourceError, match="nothing there"):
        open_source(tmp_path / "none.mp4")
    with pytest.raises(SourceError, match=r"empty\.mkv"):
        open_source(make_video("empty.mkv", n_frames=0))


def test_samples_are_spread_evenly(make_video):
    source = open_source(make_video(n_frames=100))
    indices = [f.index for f in sample_frames(source, 10)]
    assert 8 <= len(indices) <= 10
    assert indices[0] == 0
    assert indices[-1] >= 90
    assert np.diff(indices).min() >= 5
    assert np.diff(indices).max() <= 20


def test_samples_of_a_long_video_are_key_frames(make_video):
    source = open_source(make_video(n_frames=100, gop=2))
    frames = list(sample_frames(source, 5))
    assert len(frames) == 5
    for frame in frames:
        assert abs(bar_position(frame.image) - bar_position(make_numbered_image(frame.index))) <= 8


def test_fingerprint_follows_the_content(make_video):
    a, b = make_video("a.mp4"), make_video("b.mp4", n_frames=41)
    assert open_source(a).compute_fingerprint() == open_source(a).compute_fingerprint()
    assert (
        open_source(a).compute_fingerprint()["sha256"]
        != open_source(b).compute_fingerprint()["sha256"]
    )


@pytest.mark.data
def test_real_clip_has_all_its_frames(data_dir):
    source = open_source(data_dir / "rodents/openfield-1mouse/video.mp4")
    assert source.info.n_frames == 2330
    assert [f.index for f in source.iterate(2300)] == list(range(2300, 2330))


@pytest.mark.data
def test_decoding_does_not_start_at_key_frames_that_need_earlier_frames(data_dir):
    """All key frames of this video but the first need earlier frames; seeking there shows green."""
    source = open_source(data_dir / "rodents" / "openfield-1mouse" / "video.mp4")
    whole = {
        frame.index: frame
        for frame in islice(source.iterate(), 700)
        if frame.index in (600, 650, 699)
    }
    for frame in islice(source.iterate(600), 100):
        if frame.index in whole:
            np.testing.assert_array_equal(frame.image, whole[frame.index].image)
    assert frame.index == 699
