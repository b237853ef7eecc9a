"""Frames of a video file, through PyAV: exact indices and times, from any frame on."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np

from murid.core import Frame
from murid.core.types import UInt8
from murid.errors import SourceError
from murid.video.info import UnreadableFrame, VideoInfo
from murid.video.packets import PacketIndex, read_packet_index

_HASHED_BYTES = 2**20
_DEFAULT_FPS = 30.0
_ENOUGH = 1 / 3  # of the frames asked for: with so many key frames, which are cheap to get at, the rest is not worth it


class FileSource:
    """A video file.

    A pass over the packets, without decoding, numbers every frame by its presentation time. A frame that the decoder
    then does not give is reported under its own number, and reading can begin anywhere, at the key frame before.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    SourceError
        If there is no file, or nothing in it can be decoded.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        with self._open() as (container, stream):
            index = read_packet_index(container, stream)
            announced = stream.frames or _announce_by_duration(container, stream)
            rate, codec = stream.average_rate or stream.guessed_rate, stream.codec_context.name
        self._index = index
        first = self._read_first()
        self._fps = _compute_fps(index, rate)
        n_frames = None if index is None else len(index)
        height, width = first.shape[:2]
        self.info = VideoInfo(str(path), width, height, self._fps, n_frames, codec)
        self.truncated = _describe_truncation(index, announced)

    def iterate(self, start: int = 0) -> Iterator[Frame | UnreadableFrame]:
        """Yield the frames from index `start` on, in order; one that cannot be decoded as `UnreadableFrame`."""
        if self._index is None:
            yield from self._count_through(start)
            return
        expected, reason = start, "the decoder gave nothing for it"
        for pts, image in self._decode_from(self._index, start):
            index = int(np.searchsorted(self._index.pts, pts))
            unexpected = index < expected or index >= len(self._index) or self._index.pts[index] != pts
            if unexpected or not self._is_whole(image):
                continue
            for missing in range(expected, index):
                yield UnreadableFrame(missing, float(self._index.times_s[missing]), reason)
            yield Frame(index, float(self._index.times_s[index]), _to_rgb(image))
            expected = index + 1
        for missing in range(expected, len(self._index)):
            yield UnreadableFrame(missing, float(self._index.times_s[missing]), reason)

    def sample(self, n_frames: int) -> Iterator[Frame]:
        """Yield up to `n_frames` decoded frames spread evenly: key frames where there are enough of them."""
        index = self._index
        if index is None:
            return self._sample_unnumbered(n_frames)
        keys = index.keyframes
        if len(keys) >= _ENOUGH * n_frames > 1 and self._find_entry(index, int(keys[len(keys) // 2])) > 0:
            even = np.linspace(0, len(index) - 1, n_frames)
            return self._take_one_each(np.unique(keys[np.abs(keys[:, None] - even).argmin(axis=0)]))
        wanted = set(np.linspace(0, len(index) - 1, n_frames).round().astype(int).tolist())
        return self._take_passing(index, wanted)

    def compute_fingerprint(self) -> dict[str, Any]:
        """Return size, frames, rate, and SHA-256 of the first and last MiB; raises `SourceError`."""
        try:
            size = self._path.stat().st_size
            with self._path.open("rb") as file:
                digest = hashlib.sha256(file.read(_HASHED_BYTES))
                file.seek(max(0, size - _HASHED_BYTES))
                digest.update(file.read(_HASHED_BYTES))
        except OSError as error:
            raise SourceError(self._path, "file", "a readable video", error.strerror or str(error)) from error
        shape = {"width": self.info.width, "height": self.info.height}
        return {
            "size_bytes": size,
            "n_frames": self.info.n_frames,
            "fps": self._fps,
            "sha256": digest.hexdigest(),
        } | shape

    def _is_whole(self, image: Any) -> bool:
        """Whether a decoded frame is neither patched up by the decoder nor of another size than the video."""
        turned = round(image.rotation / 90) % 2
        size = (image.height, image.width) if turned else (image.width, image.height)
        return not image.is_corrupt and size == (self.info.width, self.info.height)

    @contextmanager
    def _open(self) -> Iterator[tuple[Any, Any]]:
        if not self._path.exists():
            raise SourceError(self._path, "file", "a video", "nothing there")
        try:
            container = av.open(f"file:{self._path}")
        except (av.error.FFmpegError, OSError) as error:
            raise SourceError(self._path, "file", "a video that can be opened", _explain(error)) from error
        with container:
            if not container.streams.video:
                raise SourceError(self._path, "video stream", "at least one", "none")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            yield container, stream

    def _read_first(self) -> UInt8:
        """First frame that can be decoded; its size is the video's."""
        count = 0
        with self._open() as (container, stream):
            for frame in _decode(container, stream):
                return _to_rgb(frame)
            count = stream.frames
        raise SourceError(
            self._path, "frames", "at least one that can be decoded", f"none of {count}" if count else "none"
        )

    def _decode_from(self, index: PacketIndex, start: int) -> Iterator[tuple[int, Any]]:
        """Presentation times and decoded frames from a key frame before `start` on."""
        entry = self._find_entry(index, start)
        with self._open() as (container, stream):
            if entry > 0:
                container.seek(int(index.pts[entry]), stream=stream, backward=True)
            for frame in _decode(container, stream):
                if frame.pts is not None:
                    yield int(frame.pts), frame

    def _find_entry(self, index: PacketIndex, start: int) -> int:
        """Number of the key frame to begin at: one earlier than needed, since what follows one may refer to the last.

        Some encoders mark frames as key frames that cannot be decoded by themselves; then it is the first frame.
        """
        before = index.keyframes[index.keyframes <= start]
        entry = int(before[-2]) if len(before) > 1 else 0
        if entry == 0:
            return 0
        with self._open() as (container, stream):
            container.seek(int(index.pts[entry]), stream=stream, backward=True)
            first = next(_decode(container, stream), None)
            return 0 if first is None or first.is_corrupt else entry

    def _count_through(self, start: int) -> Iterator[Frame]:
        """Frames numbered as they come, where the file has no usable presentation times."""
        with self._open() as (container, stream):
            for index, frame in enumerate(_decode(container, stream)):
                if index >= start:
                    yield Frame(index, index / self._fps, _to_rgb(frame))

    def _take_one_each(self, indices: Any) -> Iterator[Frame]:
        found = (next(self.iterate(int(k)), None) for k in indices)
        return (frame for frame in found if isinstance(frame, Frame))

    def _take_passing(self, index: PacketIndex, wanted: set[int]) -> Iterator[Frame]:
        """Decode everything and convert only the frames that are wanted."""
        for pts, image in self._decode_from(index, 0):
            k = int(np.searchsorted(index.pts, pts))
            if k in wanted and self._is_whole(image):
                yield Frame(k, float(index.times_s[k]), _to_rgb(image))

    def _sample_unnumbered(self, n_frames: int) -> Iterator[Frame]:
        """Count the frames in one pass and pick in a second, where their number is not known before."""
        total = sum(1 for _ in self._count_through(0))
        wanted = set(np.linspace(0, max(total - 1, 0), n_frames).round().astype(int).tolist())
        return (frame for frame in self._count_through(0) if frame.index in wanted)


def _decode(container: Any, stream: Any) -> Iterator[Any]:
    """Decoded frames; a packet that fails is skipped, a file that breaks off ends."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):
            return
        if packet.size == 0 and packet.dts is not None:
            continue  # an empty packet repeats a frame; to the decoder it would mean the end
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            continue
        yield from frames


def _to_rgb(frame: Any) -> UInt8:
    image = frame.to_ndarray(format="rgb24")
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


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


def _explain(error: BaseException) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    return "a file that is no video, or whose index is cut off" if "Invalid data" in reason else reason
