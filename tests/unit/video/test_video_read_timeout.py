"""Disks that stall or fail, and files that are truncated while they are read."""

import errno
import os
import threading
import time

import pytest

from murid.errors import SourceError
from murid.video import decode, read_timeout
from murid.video.file import VideoFileSource
from murid.video.read_timeout import TimeoutFile, read_bytes


@pytest.fixture
def disk(monkeypatch):
    """Make the disk do something else from the n-th read on; hanging reads end with the test."""
    healthy, end_of_test, reads = read_timeout._read_at, threading.Event(), []

    def break_it(act, first=0):
        def read(descriptor, n_bytes, place):
            reads.append(place)
            return act() if len(reads) > first else healthy(descriptor, n_bytes, place)

        monkeypatch.setattr(read_timeout, "_read_at", read)

    break_it.hang = lambda: end_of_test.wait(60) and b""
    yield break_it
    end_of_test.set()


def fail(code):
    raise OSError(code, os.strerror(code))


def test_a_file_is_read_unchanged(tmp_path):
    (tmp_path / "a").write_bytes(bytes(range(256)) * 999)
    assert read_bytes(tmp_path / "a") == (tmp_path / "a").read_bytes()
    file = TimeoutFile(tmp_path / "a")
    assert (file.seek(-3, os.SEEK_END), file.read(9), file.read(9)) == (
        256 * 999 - 3,
        b"\xfd\xfe\xff",
        b"",
    )
    assert (file.seek(2), file.seek(3, os.SEEK_CUR), file.tell(), file.read(2)) == (
        2,
        5,
        5,
        b"\x05\x06",
    )
    file.close()


def test_a_disk_that_stalls_raises_after_the_timeout(make_video, disk):
    path = make_video("a.avi", n_frames=300, codec="mjpeg", pix_fmt="yuvj420p")
    source = VideoFileSource(path, read_timeout_s=0.3)
    disk(disk.hang, first=1)
    started = time.monotonic()
    with pytest.raises(
        SourceError,
        match=r"a\.avi: reading: expected an answer of the disk within 0\.3 s, got none",
    ):
        list(source.iterate())
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.ENOTCONN])
def test_a_network_share_that_is_gone_is_not_the_end_of_the_video(make_video, disk, code):
    source = VideoFileSource(make_video("a.avi", n_frames=300, codec="mjpeg", pix_fmt="yuvj420p"))
    disk(lambda: fail(code), first=1)
    with pytest.raises(
        SourceError,
        match=rf"a\.avi: file: expected a file that can be read, got {os.strerror(code)}",
    ):
        list(source.iterate())


@pytest.mark.parametrize("name", ["a.avi", "a.mkv", "a.mp4"])
def test_a_video_that_is_truncated_while_it_is_read_is_an_error(make_video, monkeypatch, name):
    monkeypatch.setattr(decode, "_BUFFER_BYTES", 4096)
    path = make_video(name, n_frames=300, codec="mjpeg", pix_fmt="yuvj420p")
    whole, source = path.read_bytes(), VideoFileSource(path)
    frames = source.iterate()
    seen = [next(frames) for _ in range(5)]
    os.truncate(path, len(whole) // 2)
    with pytest.raises(
        SourceError, match=rf"{name}: file: expected {len(whole)} bytes as when it was opened, got"
    ):
        seen.extend(frames)
    path.write_bytes(whole)
    assert [frame.index for frame in source.iterate(len(seen))] == list(range(len(seen), 300))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_is_not_a_video(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(
        SourceError, match=r"pipe\.mp4: file: expected a file, got a folder, device or pipe"
    ):
        VideoFileSource(tmp_path / "pipe.mp4")
