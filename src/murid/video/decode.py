"""Decode the packets of a video file into frames, reproducibly; all use of the decoder is here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from murid.core.types import UInt8
from murid.errors import SourceError
from murid.video.intensity import FULL_RANGE, IntensityScale
from murid.video.orientation import Orientation
from murid.video.read_timeout import READ_TIMEOUT_S, TimeoutFile
from murid.video.stream_choice import rank_streams

# FFmpeg's AVFMT_NOTIMESTAMPS: a format without times.
_NO_TIMESTAMPS = 0x80

# Start code of a frame (VOP) in MPEG-4 part 2.
_MPEG4_FRAME_START = b"\x00\x00\x01\xb6"

# Pixel formats with 16 bits per channel that cameras fill with 10 or 12.
_WIDE_GREY = ("gray16", "ya16")
_WIDE_COLOUR = ("rgb48", "bgr48", "rgba64", "bgra64", "gbrp16", "gbrap16")

# FFmpeg draws text as pictures: tables of labels would be videos.
_TEXT_FORMATS = ("tty", "bin", "xbin", "adf", "idf")

# Bytes at the start of a file from which its kind is guessed, for the error message.
_SNIFFED_BYTES = 2048

# The first box of an MP4 or MOV file, and the first bytes of other files.
_MP4_BOXES = frozenset({b"ftyp", b"mdat", b"moov", b"wide", b"free", b"skip", b"pnot"})
_MAGIC_NUMBERS = {
    b"RIFF": "AVI",
    b"\x1a\x45\xdf\xa3": "Matroska or WebM",
    b"FLV": "Flash video",
    b"OggS": "Ogg",
    b"\x30\x26\xb2\x75": "Windows Media",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"%PDF": "PDF",
}

# First bytes of an archive. FFmpeg finds images in it, and takes them for a video.
_ARCHIVE_START = b"PK\x03\x04"

# Bytes per read. Larger reads mean fewer round trips to the reading thread of `TimeoutFile`, but
# more bytes read in vain at each seek.
_BUFFER_BYTES = 2**18


@contextmanager
def open_video(
    path: Path,
    read_timeout_s: float = READ_TIMEOUT_S,
    number: int | None = None,
    n_threads: int = 1,
) -> Iterator[tuple[Any, Any]]:
    """Open a video file and yield its container and one of its video streams.

    Parameters
    ----------
    path : Path
    read_timeout_s : float
        Seconds to wait for a stalled disk.
    number : int or None
        Number of the stream among all in the file; None = the one that FFmpeg chooses.
    n_threads : int
        Threads of the decoder. More than one is for display only: several threads conceal damaged
        frames from whatever the other threads have finished by then, so the pixels would differ
        from one time to the next.

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
        if number is None:
            stream = rank_streams(container.streams.video)[0]
        else:
            stream = container.streams[number]
        if stream.codec_context is None:
            raise SourceError(path, "codec", "one that can be decoded", "an unknown one")
        stream.thread_type = "NONE" if n_threads == 1 else "AUTO"
        stream.codec_context.thread_count = n_threads
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
    left out, because to the decoder they would mean the end of the stream. Packets that hold two
    frames, as DivX and Xvid pack them, are split.
    """
    packets = container.demux(stream)
    unpacker = None
    if is_mpeg4(stream):
        unpacker = av.bitstream.BitStreamFilterContext("mpeg4_unpack_bframes", stream)
    with suppress(StopIteration, av.error.FFmpegError):
        while True:
            packet = next(packets)
            if packet.size == 0 and packet.dts is not None:
                continue
            if packet.size == 0 or unpacker is None:
                yield packet
            else:
                yield from _unpack(unpacker, packet)


def is_mpeg4(stream: Any) -> bool:
    """Whether a stream is MPEG-4 part 2, as DivX and Xvid write it."""
    return bool(stream.codec_context.name == "mpeg4")


def is_packed(packet: Any) -> bool:
    """Whether a packet of MPEG-4 part 2 holds more than one frame."""
    return bytes(packet).count(_MPEG4_FRAME_START) > 1


def decode_frames(container: Any, stream: Any) -> Iterator[Any]:
    """Yield the decoded frames in presentation order, skipping packets that cannot be decoded."""
    for packet in read_packets(container, stream):
        with suppress(av.error.FFmpegError):
            yield from stream.decode(packet)


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
            images = stream.decode(packet)
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


def decode_towards(container: Any, stream: Any, keyframe: int, target: int) -> Iterator[Any]:
    """Yield decoded frames from a key frame on, without those before a target that none needs.

    Parameters
    ----------
    container, stream
        As `open_video` yields them.
    keyframe, target : int
        Presentation times of the key frame and of the wanted frame, in units of the stream's time
        base.
    """
    with suppress(av.error.FFmpegError):
        container.seek(keyframe, stream=stream, backward=True)
    context = stream.codec_context
    for packet in read_packets(container, stream):
        is_before = packet.pts is not None and packet.pts < target
        context.skip_frame = "NONREF" if is_before else "DEFAULT"
        with suppress(av.error.FFmpegError):
            yield from stream.decode(packet)


def get_bit_depth(image: Any) -> int:
    """Return the bits per channel of a decoded frame's pixel format."""
    if image.format.name.startswith("bayer"):
        # FFmpeg counts the pixels of each colour, not their bits.
        return 16 if "16" in image.format.name else 8
    return int(max(component.bits for component in image.format.components))


def may_leave_bits_unused(image: Any) -> bool:
    """Whether a decoded frame has grey or RGB values of 16 bits, of which cameras use 10 or 12."""
    return bool(image.format.name.startswith(_WIDE_GREY + _WIDE_COLOUR))


def read_wide_pixels(image: Any) -> NDArray[np.uint16]:
    """Return the pixels of a frame of 16 bits: ``(h, w)`` or ``(h, w, 3)`` RGB, not rotated."""
    is_grey = image.format.name.startswith(_WIDE_GREY)
    return np.asarray(image.to_ndarray(format="gray16le" if is_grey else "rgb48le"), np.uint16)


def to_rgb(image: Any, orientation: Orientation, scale: IntensityScale | None = None) -> UInt8:
    """Return the pixels ``(h, w, 3)`` uint8 RGB of a decoded frame, as players show it.

    Parameters
    ----------
    image
        A decoded frame.
    orientation : Orientation
    scale : IntensityScale or None
        How to scale pixels of 16 bits that use fewer; None or all bits = as FFmpeg does.
    """
    if scale is None or scale == FULL_RANGE or not may_leave_bits_unused(image):
        pixels = image.to_ndarray(format="rgb24")
    else:
        pixels = scale.to_uint8(read_wide_pixels(image))
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[..., None], 3, axis=2)
    return orientation.apply(pixels)


def _unpack(unpacker: Any, packet: Any) -> list[Any]:
    """Return the packets of one frame each in a packet; a damaged packet as it is."""
    try:
        return list(unpacker.filter(packet))
    except av.error.FFmpegError:
        # The filter may have taken the content; an empty packet would end the stream.
        return [packet] if packet.size else []


def _open_container(path: Path, file: TimeoutFile) -> Any:
    if file.size == 0:
        raise SourceError(path, "file", "a video", "an empty file")
    start = file.read(len(_ARCHIVE_START))
    file.seek(0)
    if start == _ARCHIVE_START:
        got = "a ZIP archive: unpack it first"
        raise SourceError(path, "file", "a video that can be opened", got)
    try:
        container = av.open(file, buffer_size=_BUFFER_BYTES)
    except (av.error.FFmpegError, OSError) as error:
        file.seek(0)
        got = _describe_error(error, file.read(_SNIFFED_BYTES))
        raise SourceError(path, "file", "a video that can be opened", got) from error
    if container.format.name in _TEXT_FORMATS:
        container.close()
        raise SourceError(path, "file", "a video that can be opened", "a text file")
    return container


def _describe_error(error: Exception, start: bytes) -> str:
    """Return in words why a file cannot be opened, from its first bytes."""
    reason = getattr(error, "strerror", None) or str(error)
    if "Invalid data" not in reason and "End of file" not in reason:
        return reason
    if start[4:8] in _MP4_BOXES:
        return (
            "an MP4 or MOV file without its index: it was cut off, or the recording was not closed"
        )
    for magic, name in _MAGIC_NUMBERS.items():
        if start.startswith(magic):
            return f"a damaged or cut {name} file"
    if not any(start):
        return "a file of zeros"
    if _is_text(start):
        return "a text file"
    return "a file that is not a video"


def _is_text(start: bytes) -> bool:
    """Whether the first bytes of a file are printable text in UTF-8."""
    try:
        # The last character may be incomplete.
        text = start[: max(1, len(start) - 3)].decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\r\n\f" for character in text)
