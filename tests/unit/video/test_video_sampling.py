"""Sampled frames are spread over the video, cheap to decode, lazy and reproducible."""

from itertools import count

import cv2
import numpy as np
import pytest
from numbered_images import make_numbered_image

from murid.errors import SourceError
from murid.video import decode, open_source, sample_frames
from murid.video.sampling import plan_sampling, spread_evenly

# Packets that the decoder takes before it returns the first frame, with B-frames and two passes.
MAX_DELAY = 12


@pytest.fixture
def decoded(monkeypatch):
    """Presentation times of the packets that were passed to the decoder."""
    given = []
    read_packets = decode.read_packets

    def read_and_note(container, stream):
        for packet in read_packets(container, stream):
            given.append(packet.pts)
            yield packet

    monkeypatch.setattr(decode, "read_packets", read_and_note)
    return given


def sample(source, n_frames):
    return [frame.index for frame in source.sample(n_frames)]


def test_short_videos_are_decoded_once_and_sampled_evenly(make_video, decoded):
    source = open_source(make_video(n_frames=100))
    decoded.clear()
    assert sample(source, 10) == list(range(0, 100, 11))
    assert len(decoded) <= 101


def test_key_frames_are_sampled_where_there_are_many(make_video, decoded):
    source = open_source(make_video(n_frames=1000, gop=5))
    decoded.clear()
    indices = sample(source, 20)
    assert len(indices) == 20
    assert all(index % 5 == 0 for index in indices)
    assert np.abs(np.diff(indices) - 52).max() <= 5
    assert len(decoded) <= 20 * MAX_DELAY


def test_frames_after_each_key_frame_are_sampled_where_there_are_few(make_video, decoded):
    source = open_source(make_video(n_frames=1200, gop=150))
    decoded.clear()
    indices = np.array(sample(source, 24))
    assert 22 <= len(indices) <= 24
    assert (np.bincount(indices // 150, minlength=8) >= 2).all()
    assert np.diff(indices).min() >= 10
    assert len(decoded) <= 400 + 8 * MAX_DELAY


def test_the_start_of_a_video_with_one_key_frame_is_sampled(make_video, decoded):
    source = open_source(make_video(n_frames=1000, gop=1000))
    decoded.clear()
    indices = sample(source, 20)
    assert len(indices) == 20
    assert indices[0] == 0
    assert np.diff(indices).max() - np.diff(indices).min() <= 2
    assert 380 <= indices[-1] + 20 <= 440
    assert len(decoded) <= 400 + MAX_DELAY


@pytest.mark.parametrize("gop", [5, 150, 1000])
def test_samples_are_frames_of_the_video_and_the_same_each_time(make_video, gop):
    source = open_source(make_video(n_frames=600, gop=gop))
    first, second = list(source.sample(15)), list(source.sample(15))
    whole = list(source.iterate())
    assert [frame.index for frame in first] == [frame.index for frame in second]
    for a, b in zip(first, second, strict=True):
        assert a.time_s == b.time_s == whole[a.index].time_s
        np.testing.assert_array_equal(a.image, b.image)
        np.testing.assert_array_equal(a.image, whole[a.index].image)


@pytest.mark.parametrize(
    ("name", "n_frames", "gop"), [("a.mp4", 60, 12), ("a.mp4", 1000, 1000), ("b.avi", 300, 12)]
)
def test_frames_are_decoded_when_they_are_asked_for(make_video, decoded, name, n_frames, gop):
    source = open_source(make_video(name, n_frames=n_frames, gop=gop))
    decoded.clear()
    frames = sample_frames(source, 10)
    assert len(decoded) <= 2 * MAX_DELAY
    assert next(frames).index == 0
    assert len(decoded) <= 2 * MAX_DELAY
    assert len(list(frames)) == 9


def test_images_are_read_when_they_are_asked_for(tmp_path):
    for k in range(5):
        cv2.imwrite(str(tmp_path / f"{k}.png"), make_numbered_image(k))
    source = open_source(tmp_path)
    frames = sample_frames(source, 5)
    assert [next(frames).index for _ in range(4)] == [0, 1, 2, 3]
    (tmp_path / "4.png").unlink()
    with pytest.raises(
        SourceError, match=r"4\.png: file: expected an existing file, got nothing there"
    ):
        next(frames)


def test_videos_without_an_index_are_sampled_evenly(make_video):
    source = open_source(make_video("b.avi", n_frames=900))
    assert sample(source, 10) == spread_evenly(900, 10).tolist()


def test_a_damaged_key_frame_loses_no_other_sample(make_video):
    path = make_video(n_frames=1000, gop=100)
    data, packets = bytearray(path.read_bytes()), find_packets(path)
    position, size = packets[500]
    data[position + 8 : position + size] = bytes(size - 8)
    path.write_bytes(data)
    indices = np.array(sample(open_source(path), 20))
    assert set(indices // 100) >= {0, 1, 2, 3, 4, 6, 7, 8, 9}


def find_packets(path):
    """Position and size of each packet, bytes, by number in the file."""
    with decode.open_video(path) as (container, stream):
        return [(packet.pos, packet.size) for packet in container.demux(stream) if packet.size]


def test_nothing_to_sample_is_an_error(tmp_path):
    class Empty:
        info = type("Info", (), {"path": "nothing"})

        def sample(self, n_frames):  # noqa: ARG002
            return iter(())

    with pytest.raises(SourceError, match=r"nothing.*at least one that can be decoded"):
        sample_frames(Empty(), 3)


@pytest.mark.parametrize("seed", range(20))
def test_plans_stay_within_their_budget(seed):
    rng = np.random.default_rng(seed)
    n_total, n_frames = int(rng.integers(500, 50000)), int(rng.integers(1, 120))
    gaps = rng.integers(1, int(rng.integers(2, 3000)), n_total)
    keyframes = np.concatenate([[0], np.cumsum(gaps)])
    keyframes = keyframes[keyframes < n_total]
    segments = plan_sampling(n_total, keyframes, n_frames)
    wanted = np.concatenate(segments) if segments else spread_evenly(n_total, n_frames)
    assert 0.85 * n_frames <= len(wanted) <= n_frames
    assert (np.diff(wanted) > 0).all()
    assert wanted[-1] < n_total
    keys = [keyframes[keyframes <= segment[0]][-1] for segment in segments]
    assert len(set(keys)) == len(keys)
    n_decoded = sum(segment[-1] - key + 1 for segment, key in zip(segments, keys, strict=True))
    assert n_decoded <= max(400, 8 * n_frames) + len(segments)


def test_short_videos_are_not_planned_but_decoded_completely():
    assert plan_sampling(400, np.arange(0, 400, 10), 20) == []
    assert next(k for k in count(400) if plan_sampling(k, np.arange(0, k, 10), 20)) == 401
