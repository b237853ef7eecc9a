"""Packets into pictures, the same ones each time; all that drives the decoder is here."""

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

_BUFFER_BYTES = 2**18


@contextmanager
def open_video(path: Path, read_timeout_s: float = READ_TIMEOUT_S) -> Iterator[tuple[Any, Any]]:
    """Open a file: its container and first video stream; raises `SourceError`, then and when it is read."""
    with (
        closing(TimeoutFile(path, read_timeout_s)) as file,
        _open_container(path, file) as container,
    ):
        if not container.streams.video:
            raise SourceError(path, "video stream", "at least one", "none")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise SourceError(path, "codec", "one that can be decoded", "an unknown one")
        # Several threads patch up damaged frames from whatever the others have finished: other
        # pixels each time.
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        yield container, stream


def read_packets(container: Any, stream: Any) -> Iterator[Any]:
    """Packets that hold a frame, then an empty one that makes the decoder hand out what it holds back.

    A file that breaks off ends. Empty packets in between repeat a frame; to the decoder they would
    mean the end.
    """
    packets = container.demux(stream)
    with suppress(StopIteration, av.error.FFmpegError):
        while True:
            packet = next(packets)
            if packet.size > 0 or packet.dts is None:
                yield packet


def decode(container: Any, stream: Any) -> Iterator[Any]:
    """Decoded frames in order of showing; packets that fail are skipped."""
    for packet in read_packets(container, stream):
        with suppress(av.error.FFmpegError):
            yield from packet.decode()


def decode_counting(container: Any, stream: Any) -> Iterator[tuple[int, Any]]:
    """Decoded frames with their numbers, where the file does not tell their times.

    Each packet holds a frame, so one that fails takes its number with it. The order of showing is
    not that of the packets; but what comes before a key frame in the file is shown before it, and
    so numbers are right from each key frame on even if frames got lost in silence.
    """
    base, shown, failed = 0, 0, list[int]()
    for number, packet in enumerate(read_packets(container, stream)):
        packet.pts = packet.dts = number if packet.size else None
        try:
            images = packet.decode()
        except av.error.FFmpegError:
            failed.append(number)
            continue
        for image in images:
            index = base + shown + sum(k < image.pts for k in failed)
            if image.key_frame or not stream.codec_context.has_b_frames:
                base, shown, failed = max(index, image.pts), 0, [k for k in failed if k > image.pts]
                index = base
            yield index, image
            shown += 1


def prepare(container: Any, stream: Any) -> None:
    """Show the decoder the first packet, before going elsewhere in the file.

    Only there x264 signs with its version, and what some versions wrote comes out wrong unless that
    is known.
    """
    with suppress(StopIteration, av.error.FFmpegError):
        next(container.demux(stream)).decode()


def decode_from_key(container: Any, stream: Any, pts: int) -> Iterator[Any] | None:
    """Go to a key frame by its presentation time and decode from there; None if it does not stand alone.

    Some encoders mark frames as key frames that cannot be decoded by themselves, and one may be
    damaged.
    """
    try:
        container.seek(pts, stream=stream, backward=True)
    except av.error.FFmpegError:
        return None
    frames = decode(container, stream)
    first = next(frames, None)
    if (
        first is None
        or first.is_corrupt
        or not first.key_frame
        or first.pts is None
        or first.pts > pts
    ):
        return None
    return chain([first], frames)


def to_rgb(image: Any) -> UInt8:
    """Pixels ``(h, w, 3)`` uint8 RGB of a decoded frame, upright."""
    pixels = image.to_ndarray(format="rgb24")
    turns = round(image.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _open_container(path: Path, file: TimeoutFile) -> Any:
    try:
        return av.open(file, buffer_size=_BUFFER_BYTES)
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(path, "file", "a video that can be opened", _explain(error)) from error


def _explain(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    return (
        "a file that is no video, or whose index is cut off" if "Invalid data" in reason else reason
    )
