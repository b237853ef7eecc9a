"""Frames of a video file: exact numbers and times, from any frame on."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import av

from murid.core import Frame
from murid.core.types import Int64, UInt8
from murid.errors import SourceError
from murid.video.decode import (
    decode,
    decode_counting,
    decode_from_key,
    open_video,
    prepare,
    read_packets,
    to_rgb,
)
from murid.video.info import UnreadableFrame, VideoInfo
from murid.video.packet_index import PacketIndex, read_packet_index
from murid.video.read_timeout import READ_TIMEOUT_S, TimeoutFile
from murid.video.sampling import plan_runs, spread_evenly

_HASHED_BYTES = 2**20
_DEFAULT_FPS = 30.0
_MOST_ENTRIES = 4  # key frames tried before reading from the beginning


class FileSource:
    """A video file.

    A pass over the packets, without decoding, numbers every frame by its presentation time. A frame
    that the decoder then does not give is reported under its own number, and reading can begin
    anywhere, at a key frame before.

    Parameters
    ----------
    path : str or Path
    read_timeout_s : float
        Seconds for which a disk that gives nothing is waited for.

    Raises
    ------
    SourceError
        If there is no file, or nothing in it can be decoded; when it is read, if it is cut or the
        disk fails or stalls.
    """

    def __init__(self, path: str | Path, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self._path, self._patience_s = Path(path), read_timeout_s
        with open_video(self._path, self._patience_s) as (container, stream):
            index = read_packet_index(container, stream)
            announced = stream.frames or _announce_by_duration(container, stream)
            rate, codec = stream.average_rate or stream.guessed_rate, stream.codec_context.name
        self._index = index
        first = self._read_first()
        self._fps = _compute_fps(index, rate)
        self._n_frames = self._count_packets() if index is None else len(index)
        height, width = first.shape[:2]
        self.info = VideoInfo(str(path), width, height, self._fps, self._n_frames, codec)
        self.truncated = _describe_truncation(index, announced)

    def iterate(self, start: int = 0) -> Iterator[Frame | UnreadableFrame]:
        """Yield the frames from index `start` on, in order; one that cannot be decoded as `UnreadableFrame`.

        From wherever it starts, a frame is the same: whether it can be decoded, its time and its
        pixels.
        """
        expected = start
        for index, image in self._decode_numbered(start):
            if expected <= index < self._n_frames:
                yield from map(self._report, range(expected, index))
                yield self._convert(index, image)
                expected = index + 1
        yield from map(self._report, range(expected, self._n_frames))

    def sample(self, n_frames: int) -> Iterator[Frame]:
        """Yield up to `n_frames` decoded frames, spread evenly as far as some hundreds of decoded frames allow.

        Short videos are decoded whole. In others frames are taken at key frames where there are
        enough of them, else from a run after each. Without an index of the file there is no way but
        to decode it all.
        """
        runs = (
            []
            if self._index is None
            else plan_runs(self._n_frames, self._index.keyframes, n_frames)
        )
        frames = self._sample_runs(self._index, runs) if self._index is not None else iter(())
        first = next(frames, None)
        if first is None:
            yield from self._pick(self._decode_numbered(0), spread_evenly(self._n_frames, n_frames))
        else:
            yield first
            yield from frames

    def compute_fingerprint(self) -> dict[str, Any]:
        """Return size, frames, rate, and SHA-256 of the first and last MiB; raises `SourceError`."""
        with closing(TimeoutFile(self._path, self._patience_s)) as file:
            digest = hashlib.sha256(file.read(_HASHED_BYTES))
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _HASHED_BYTES))
            digest.update(file.read(_HASHED_BYTES))
        shape = {"width": self.info.width, "height": self.info.height}
        return {
            "size_bytes": size,
            "n_frames": self.info.n_frames,
            "fps": self._fps,
            "sha256": digest.hexdigest(),
        } | shape

    def _decode_numbered(self, start: int) -> Iterator[tuple[int, Any]]:
        """Whole frames with their numbers, from `start` or somewhat earlier on."""
        if self._index is not None:
            yield from self._number(self._index, self._decode_from(self._index, start))
            return
        with open_video(self._path, self._patience_s) as (container, stream):
            for number, image in decode_counting(container, stream):
                if self._is_whole(image):
                    yield number, image

    def _decode_from(self, index: PacketIndex, start: int) -> Iterator[Any]:
        """Decoded frames from one key frame earlier than needed: what follows a key frame may refer to the last."""
        keys = index.keyframes[(index.keyframes > 0) & (index.keyframes <= start)][:-1]
        if len(keys):
            with open_video(self._path, self._patience_s) as (container, stream):
                prepare(container, stream)
                frames = _enter(container, stream, index, keys)
                if frames is not None:
                    yield from frames
                    return
        with open_video(self._path, self._patience_s) as (container, stream):
            yield from decode(container, stream)

    def _sample_runs(self, index: PacketIndex, runs: Sequence[Int64]) -> Iterator[Frame]:
        """Frames with the numbers wanted in each run, going to the key frame before it."""
        with open_video(self._path, self._patience_s) as (container, stream):
            prepare(container, stream)
            for wanted in runs:
                frames = _enter(
                    container, stream, index, index.keyframes[index.keyframes <= wanted[0]]
                )
                if frames is not None:
                    yield from self._pick(self._number(index, frames), wanted)

    def _number(self, index: PacketIndex, images: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        for image in images:
            number = index.find(image.pts)
            if number is not None and self._is_whole(image):
                yield number, image

    def _pick(self, numbered: Iterable[tuple[int, Any]], wanted: Int64) -> Iterator[Frame]:
        """Convert only the frames that are wanted; decode no further than the last of them."""
        chosen, last = set(wanted.tolist()), int(wanted[-1])
        for number, image in numbered:
            if number in chosen:
                yield self._convert(number, image)
            if number >= last:
                return

    def _report(self, index: int) -> UnreadableFrame:
        return UnreadableFrame(index, self._get_time_s(index), "the decoder gave nothing for it")

    def _convert(self, index: int, image: Any) -> Frame:
        return Frame(index, self._get_time_s(index), to_rgb(image))

    def _get_time_s(self, index: int) -> float:
        return index / self._fps if self._index is None else float(self._index.times_s[index])

    def _is_whole(self, image: Any) -> bool:
        """Whether a decoded frame is neither patched up by the decoder nor of another size than the video."""
        turned = round(image.rotation / 90) % 2
        size = (image.height, image.width) if turned else (image.width, image.height)
        return not image.is_corrupt and size == (self.info.width, self.info.height)

    def _read_first(self) -> UInt8:
        """First frame that can be decoded; its size is the video's."""
        with open_video(self._path, self._patience_s) as (container, stream):
            first = next(decode(container, stream), None)
            if first is not None:
                return to_rgb(first)
            got = f"none of {stream.frames}" if stream.frames else "none"
        raise SourceError(self._path, "frames", "at least one that can be decoded", got)

    def _count_packets(self) -> int:
        with open_video(self._path, self._patience_s) as (container, stream):
            return sum(packet.size > 0 for packet in read_packets(container, stream))


def _enter(container: Any, stream: Any, index: PacketIndex, keys: Int64) -> Iterator[Any] | None:
    """Decoded frames from the last of the key frames, or from one of the few before if it does not stand alone."""
    entries = (
        decode_from_key(container, stream, int(index.pts[k])) for k in keys[::-1][:_MOST_ENTRIES]
    )
    return next((frames for frames in entries if frames is not None), None)


def _compute_fps(index: PacketIndex | None, rate: Any) -> float:
    if index is not None and len(index) > 1 and index.times_s[-1] > 0:
        return float((len(index) - 1) / index.times_s[-1])
    value = float(rate) if rate else 0.0
    return value if math.isfinite(value) and value > 0 else _DEFAULT_FPS


def _announce_by_duration(container: Any, stream: Any) -> int:
    """Frames that a file without a frame count (Matroska, WebM) promises by its duration, less a second of slack."""
    rate = stream.average_rate or stream.guessed_rate
    if not container.duration or not rate:
        return 0
    return max(0, int((container.duration / av.time_base - 1.0) * float(rate)))


def _describe_truncation(index: PacketIndex | None, announced: int) -> str | None:
    if index is None or (len(index) + index.n_hidden >= announced and index.damage is None):
        return None
    if announced > len(index) + index.n_hidden:
        return f"the file announces {announced} frames and holds {len(index)}"
    return f"the file breaks off after {len(index)} frames ({index.damage})"
