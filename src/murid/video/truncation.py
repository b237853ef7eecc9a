"""Tell from the headers of a video file whether its end is missing."""

from __future__ import annotations

import struct
from contextlib import closing
from pathlib import Path

from murid.video.read_timeout import READ_TIMEOUT_S, TimeoutFile

# Bytes at the start of ASF and FLV files in which their own size is looked for.
_HEADER_BYTES = 2**16

# The ASF File Properties Object; the size of the file is 40 bytes after it starts.
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_SIZE_OFFSET = 40

# The size of the file in the metadata of FLV: a name, a marker for numbers, a float64.
_FLV_SIZE = b"filesize\x00"

_EBML_HEADER = 0x1A45DFA3
_MATROSKA_SEGMENT = 0x18538067

# Parts of AVI files end at even positions, but many programs leave the last byte out.
_PADDING_BYTES = 1

# AVI and MP4 files are sequences of few blocks. In a file with more, reading the headers of all
# would take long; a fragmented MP4 has two for each fragment.
_MAX_BLOCKS = 20_000


def describe_truncation(
    path: Path,
    format_name: str,
    n_frames: int,
    n_announced: int,
    read_timeout_s: float = READ_TIMEOUT_S,
) -> str | None:
    """Return in words that the end of a video file is missing; None if it is not.

    Most formats say how many bytes belong to them, which is compared to the size of the file.
    Durations would not do: sound may last longer than pictures, pictures may start late or pause,
    and edit lists leave pictures out.

    Parameters
    ----------
    path : Path
    format_name : str
        Name of the format in FFmpeg.
    n_frames : int
        Number of packets with pictures in the file.
    n_announced : int
        Number of pictures by its header; 0 if that says nothing.
    read_timeout_s : float
        Seconds to wait for a stalled disk.
    """
    with closing(TimeoutFile(path, read_timeout_s)) as file:
        n_bytes = file.size
        expected = _read_expected_size(file, format_name)
    if expected is not None and expected <= n_bytes + _PADDING_BYTES:
        return None
    if n_announced > n_frames:
        return f"the file announces {n_announced} frames and holds {n_frames}"
    if expected is None:
        return None
    sizes = f"it has {n_bytes} of at least {expected} bytes"
    return f"the file breaks off after {n_frames} frames: {sizes}"


def _read_expected_size(file: TimeoutFile, format_name: str) -> int | None:
    """Return how many bytes belong to a file by its own account; None if it does not say."""
    if format_name.startswith("matroska"):
        return _read_matroska_size(file)
    if format_name.startswith("mov"):
        return _read_mp4_size(file)
    if format_name == "avi":
        return _read_avi_size(file)
    if format_name == "asf":
        header = file.read(_HEADER_BYTES)
        start = header.find(_ASF_FILE_PROPERTIES) + _ASF_SIZE_OFFSET
        return _unpack("<Q", header[start:]) if start >= _ASF_SIZE_OFFSET else None
    if format_name == "flv":
        header = file.read(_HEADER_BYTES)
        start = header.find(_FLV_SIZE) + len(_FLV_SIZE)
        size = _unpack(">d", header[start:]) if start >= len(_FLV_SIZE) else None
        return int(size) if size is not None and size >= 1 else None
    return None


def _read_matroska_size(file: TimeoutFile) -> int | None:
    """Return where the segment of a Matroska file ends; None if it is open, as in a stream."""
    position = 0
    for expected_id in (_EBML_HEADER, _MATROSKA_SEGMENT):
        file.seek(position)
        header = file.read(12)
        if len(header) < 5 or int.from_bytes(header[:4], "big") != expected_id:
            return None
        # The number of leading zero bits says how many bytes hold the size.
        n_bytes = 9 - header[4].bit_length()
        bits = 7 * n_bytes
        size = int.from_bytes(header[4 : 4 + n_bytes], "big") & (2**bits - 1)
        if size == 2**bits - 1 or len(header) < 4 + n_bytes:
            return None
        position += 4 + n_bytes + size
    return position


def _read_mp4_size(file: TimeoutFile) -> int | None:
    """Return where the last box of an MP4 or MOV file ends."""
    position = 0
    for _ in range(_MAX_BLOCKS):
        if position >= file.size:
            return position
        file.seek(position)
        header = file.read(16)
        size = _unpack(">I", header)
        if size == 1:  # a size of 64 bits follows
            size = _unpack(">Q", header[8:])
        if size == 0:  # up to the end of the file, wherever that is
            return None
        if size is None or size < 8:  # padding after the last box
            return position
        position += size
    return None


def _read_avi_size(file: TimeoutFile) -> int | None:
    """Return where the last part of an AVI file ends; None if it was never closed.

    Files of more than 1 GiB have several parts.
    """
    position = 0
    for _ in range(_MAX_BLOCKS):
        file.seek(position)
        header = file.read(8) if position < file.size else b""
        size = _unpack("<I", header[4:])
        if header[:4] != b"RIFF" or size is None:
            return position or None
        if size in (0, 2**32 - 1):
            return None
        position += 8 + size + size % 2
    return None


def _unpack(layout: str, content: bytes) -> int | None:
    """Return the first number in some bytes; None if there are too few."""
    if len(content) < struct.calcsize(layout):
        return None
    return struct.unpack_from(layout, content)[0]  # type: ignore[no-any-return]
