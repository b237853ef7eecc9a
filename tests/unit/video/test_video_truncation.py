from fractions import Fraction

import av
import numpy as np
import pytest
from numbered_images import make_numbered_image

from murid.video import open_source

# Names, and options of the muxer.
FORMATS = {
    "a.mp4": {"movflags": "faststart"},
    "fragments.mp4": {"movflags": "frag_keyframe+empty_moov"},
    "a.mkv": {},
    "a.webm": {},
    "a.avi": {},
    "a.wmv": {},
    "a.flv": {},
}
CODECS = {"a.webm": "libvpx", "a.avi": "mpeg4", "a.wmv": "wmv2"}


def make_recording(path, options, codec, times_s):
    """Write pictures at the given times, and six seconds of sound."""
    with av.open(str(path), "w", options=options) as container:
        video = container.add_stream(codec, rate=25)
        video.width, video.height, video.pix_fmt, video.gop_size = 96, 64, "yuv420p", 10
        unit = Fraction(1, 25)
        video.time_base = video.codec_context.time_base = unit
        audio_codec = {"libvpx": "libopus", "wmv2": "wmav2", "mpeg4": "mp2"}.get(codec, "aac")
        rate = 48000 if codec == "libvpx" else 44100
        audio = container.add_stream(audio_codec, rate=rate)
        audio.layout = "stereo"
        audio.bit_rate = 96000
        resampler = av.AudioResampler(format=audio.format, layout="stereo", rate=rate)
        packets = []
        for k, time_s in enumerate(times_s):
            frame = av.VideoFrame.from_ndarray(make_numbered_image(k), format="rgb24")
            frame.time_base = unit
            frame.pts = round(time_s / unit)
            packets += video.encode(frame)
        packets += video.encode(None)
        noise = np.random.default_rng(0).integers(-3000, 3000, (1, 2 * 6 * rate)).astype(np.int16)
        sound = av.AudioFrame.from_ndarray(noise, format="s16", layout="stereo")
        sound.rate, sound.pts, sound.time_base = rate, 0, Fraction(1, rate)
        for part in resampler.resample(sound):
            packets += audio.encode(part)
        packets += audio.encode(None)
        container.mux(sorted(packets, key=lambda packet: packet.dts * packet.time_base))


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("kind", ["longer sound", "late start", "pause", "pause before the end"])
def test_nothing_is_missing(tmp_path, name, kind):
    times_s = np.arange(50) / 25
    if kind == "late start":
        times_s += 3
    elif kind.startswith("pause"):
        times_s[49 if "end" in kind else 20 :] += 3
    path = tmp_path / name
    make_recording(path, FORMATS[name], CODECS.get(name, "libx264"), times_s)
    source = open_source(path)
    assert source.info.n_frames == 50
    assert source.truncated is None


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_cut_file_is_found(tmp_path, name):
    path = tmp_path / name
    make_recording(path, FORMATS[name], CODECS.get(name, "libx264"), np.arange(100) / 25)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    source = open_source(path)
    assert source.truncated is not None
    assert str(source.info.n_frames) in source.truncated
    assert source.info.n_frames < 100


def test_pictures_that_an_edit_list_leaves_out_are_not_missing(make_video):
    path = make_video(n_frames=50, faststart=False)
    content = bytearray(path.read_bytes())
    # The edit list has one entry of 12 bytes: duration, start, rate. Start one second later.
    start = content.index(b"elst") + 16
    begin = int.from_bytes(content[start : start + 4], "big")
    content[start : start + 4] = (begin + 1000 * 16).to_bytes(4, "big")
    path.write_bytes(content)
    source = open_source(path)
    assert source.info.n_frames < 50
    assert source.truncated is None


def test_a_matroska_file_without_an_end_announces_nothing(make_video):
    path = make_video("live.mkv", n_frames=50)
    content = bytearray(path.read_bytes())
    start = content.index(bytes.fromhex("18538067")) + 4
    assert content[start] == 1
    content[start : start + 8] = b"\x01" + b"\xff" * 7
    path.write_bytes(content[:-100])
    assert open_source(path).truncated is None


def test_the_padding_of_an_avi_may_be_missing(make_video):
    path = make_video("odd.avi", n_frames=20, codec="mpeg4")
    content = bytearray(path.read_bytes())
    size = int.from_bytes(content[4:8], "little")
    assert size + 8 == len(content)
    content[4:8] = (size + 1).to_bytes(4, "little")
    path.write_bytes(content + b"\0")  # an odd size, and no byte of padding
    assert open_source(path).truncated is None
    content[4:8] = (size + 100).to_bytes(4, "little")
    path.write_bytes(content)
    assert open_source(path).truncated is not None
