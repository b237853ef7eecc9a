"""Decode the packets of a video file into frames, reproducibly; all use of the decoder is here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np

from murid.core.types import UInt8
from murid.errors import SourceError
from murid.video.read_timeout import READ_TIMEOUT_S, TimeoutFile

# FFmpeg's AVFMT_NOTIMESTAMPS: a format without times.
_NO_TIMESTAMPS = 0x80

# Bytes per read. Larger reads mean fewer round trips to the reading thread of `TimeoutFile`, but
# more bytes read in vain at each seek.
_BUFFER_BYTES = 2**18


@contextmanager
def open_video(path: Path, read_timeout_s: float = READ_TIMEOUT_S) -> Iterator[tuple[Any, Any]]:
    """Open a video file and yield its container and its first video stream.

    Raises
    ------
    SourceError
        If the file is missing, cannot be opened or has no video stream; later, when it is read, as
        `TimeoutFile` does.
    """
    with (
        closing(TimeoutFile(path, read_timeout_s)) as file,
        _open_container(path, file) as container,
    ):
        if not container.streams.video:
            raise SourceError(path, "video stream", "at least one", "none")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise SourceError(path, "codec", "one that can be decoded", "an unknown one")
        # One thread only: several threads conceal damaged frames from whatever the other threads
        # have finished by then, so the pixels would differ from one time to the next.
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        yield container, stream


def has_own_times(container: Any) -> bool:
    """Whether a file has times of its own; for others FFmpeg makes them up, at 25 frames/s.

    Raw streams such as ``.h264`` and images have none.
    """
    name = container.format.name
    is_raw = container.format.flags & _NO_TIMESTAMPS
    return not (is_raw or name.endswith("_pipe") or name == "image2")


def read_packets(container: Any, stream: Any) -> Iterator[Any]:
    """Yield the packets that hold a frame, then an empty packet that flushes the decoder.

    Reading ends where a truncated file ends. Empty packets in between, which repeat a frame, are
    left out, because to the decoder they would mean the end of the stream.
    """
    packets = container.demux(stream)
    with suppress(StopIteration, av.error.FFmpegError):
        while True:
            packet = next(packets)
            if packet.size > 0 or packet.dts is None:
                yield packet


def decode_frames(container: Any, stream: Any) -> Iterator[Any]:
    """Yield the decoded frames in presentation order, skipping packets that cannot be decoded."""
    for packet in read_packets(container, stream):
        with suppress(av.error.FFmpegError):
            yield from packet.decode()


def decode_without_timestamps(container: Any, stream: Any) -> Iterator[tuple[int, Any]]:
    """Yield the decoded frames with their frame numbers, for a file without usable timestamps.

    Each packet holds one frame, so a packet that cannot be decoded takes a number with it.
    Presentation order differs from packet order, but what precedes a key frame in the file is
    presented before it. So the numbers are right from each key frame on, even if the decoder drops
    frames without an error.
    """
    base = 0  # number of the last key frame
    n_shown = 0  # frames presented since then
    failed: list[int] = []  # packets since then that could not be decoded
    for number, packet in enumerate(read_packets(container, stream)):
        timestamp = number if packet.size else None
        packet.pts = timestamp
        packet.dts = timestamp
        try:
            images = packet.decode()
        except av.error.FFmpegError:
            failed.append(number)
            continue
        for image in images:
            index = base + n_shown + sum(k < image.pts for k in failed)
            if image.key_frame or not stream.codec_context.has_b_frames:
                index = max(index, image.pts)
                base = index
                n_shown = 0
                failed = [k for k in failed if k > image.pts]
            yield index, image
            n_shown += 1


def decode_first_packet(container: Any, stream: Any) -> None:
    """Show the decoder the first packet of a file, before seeking.

    Only the first packet of x264 holds its version. The streams of some versions are decoded
    incorrectly if the decoder does not know it.
    """
    with suppress(StopIteration, av.error.FFmpegError):
        next(container.demux(stream)).decode()


def decode_from_keyframe(container: Any, stream: Any, pts: int) -> Iterator[Any] | None:
    """Seek to a key frame and return the decoded frames from there; None if that is impossible.

    Some encoders mark frames as key frames that cannot be decoded without earlier ones. A key frame
    may also be damaged.

    Parameters
    ----------
    container, stream
        As `open_video` yields them.
    pts : int
        Presentation time of the key frame, in units of the stream's time base.
    """
    try:
        container.seek(pts, stream=stream, backward=True)
    except av.error.FFmpegError:
        return None
    frames = decode_frames(container, stream)
    first = next(frames, None)
    if first is None or first.is_corrupt or not first.key_frame:
        return None
    if first.pts is None or first.pts > pts:
        return None
    return chain([first], frames)


def to_rgb(image: Any) -> UInt8:
    """Return the pixels ``(h, w, 3)`` uint8 RGB of a decoded frame, rotated upright."""
    pixels = image.to_ndarray(format="rgb24")
    n_quarter_turns = round(image.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, n_quarter_turns)) if n_quarter_turns else pixels


def _open_container(path: Path, file: TimeoutFile) -> Any:
    try:
        return av.open(file, buffer_size=_BUFFER_BYTES)
    except (av.error.FFmpegError, OSError) as error:
        got = _describe_error(error)
        raise SourceError(path, "file", "a video that can be opened", got) from error


def _describe_error(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    if "Invalid data" in reason:
        return "a file that is not a video, or a video without its index"
    return reason
