"""Read the frames of a video file, with exact numbers and times, from any frame on."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import av
import numpy as np

from murid.core import Frame
from murid.core.types import Float64, Int64, UInt8
from murid.errors import SourceError
from murid.video.decode import (
    decode_first_packet,
    decode_frames,
    decode_from_keyframe,
    decode_without_timestamps,
    has_own_times,
    open_video,
    read_packets,
    to_rgb,
)
from murid.video.frame_rate import compute_median_fps
from murid.video.info import UnreadableFrame, VideoInfo
from murid.video.packet_index import PacketIndex, read_packet_index
from murid.video.read_timeout import READ_TIMEOUT_S, TimeoutFile
from murid.video.sampling import plan_sampling, spread_evenly

# Bytes at either end of a file that are hashed: reading all of a long video would take minutes.
_HASHED_BYTES = 2**20

# For files that announce no frame rate.
_DEFAULT_FPS = 30.0

# Key frames that are tried, going backwards, before reading from the start of the file.
_MAX_KEYFRAMES_TRIED = 4

# Durations in file headers are inexact, so a file counts as truncated only if more than this is
# missing.
_DURATION_SLACK_S = 1.0


class VideoFileSource:
    """A video file.

    A pass over the packets, without decoding, gives every frame its number by its presentation
    time. A frame that cannot be decoded is reported under its own number. Reading can start
    anywhere, from a key frame before.

    Parameters
    ----------
    path : str or Path
    read_timeout_s : float
        Seconds to wait for a stalled disk.

    Raises
    ------
    SourceError
        If there is no file, or no frame can be decoded; when it is read, if it has
        been truncated since, or the disk fails or stalls.
    """

    def __init__(self, path: str | Path, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self._path = Path(path)
        self._timeout_s = read_timeout_s
        with open_video(self._path, self._timeout_s) as (container, stream):
            self._index = read_packet_index(container, stream)
            n_announced = stream.frames or _estimate_n_frames(container, stream)
            has_times = has_own_times(container)
            mean_rate = stream.average_rate or stream.guessed_rate
            nominal_rate = mean_rate if has_times else stream.codec_context.framerate or mean_rate
            tick_s = float(stream.time_base)
            codec = stream.codec_context.name
        first = self._read_first()
        height, width = first.shape[:2]
        self._mean_fps = _compute_mean_fps(self._index, mean_rate)
        self._times_s = self._index.times_s if self._index is not None and has_times else None
        median = None if self._times_s is None else compute_median_fps(self._times_s, tick_s)
        fps = median or _to_fps(nominal_rate)
        self._n_frames = self._count_packets() if self._index is None else len(self._index)
        self.info = VideoInfo(
            str(path),
            width,
            height,
            fps or _DEFAULT_FPS,
            self._n_frames,
            codec,
            fps_is_assumed=not has_times or fps is None,
        )
        self.truncated = _describe_truncation(self._index, n_announced)

    @property
    def times_s(self) -> Float64:
        """``(F,)`` float64: the time of each frame in seconds, ascending."""
        if self._times_s is None:
            return np.arange(self._n_frames) / self.info.fps
        return self._times_s

    def iterate(self, start: int = 0) -> Iterator[Frame | UnreadableFrame]:
        """Yield the frames from index `start` on, in order; `UnreadableFrame` for one not decoded.

        The start changes nothing about a frame: whether it can be decoded, its time or its pixels.
        """
        expected = start
        for index, image in self._decode_numbered(start):
            if expected <= index < self._n_frames:
                for missing in range(expected, index):
                    yield self._make_unreadable(missing)
                yield self._make_frame(index, image)
                expected = index + 1
        for missing in range(expected, self._n_frames):
            yield self._make_unreadable(missing)

    def sample(self, n_frames: int) -> Iterator[Frame]:
        """Yield up to `n_frames` decoded frames, spread over the video as evenly as is cheap.

        Short videos are decoded completely. In others, frames are taken at key frames if there are
        enough of them, else from the frames after each key frame (see `plan_sampling`). A file
        without usable timestamps has to be decoded completely.
        """
        frames: Iterator[Frame] = iter(())
        if self._index is not None:
            segments = plan_sampling(self._n_frames, self._index.keyframes, n_frames)
            frames = self._sample_segments(self._index, segments)
        first = next(frames, None)
        if first is None:
            wanted = spread_evenly(self._n_frames, n_frames)
            yield from self._select(self._decode_numbered(0), wanted)
        else:
            yield first
            yield from frames

    def compute_fingerprint(self) -> dict[str, Any]:
        """Return sizes, frame rate, and the SHA-256 of the first and last MiB of the file.

        Raises
        ------
        SourceError
            If the file cannot be read.
        """
        with closing(TimeoutFile(self._path, self._timeout_s)) as file:
            digest = hashlib.sha256(file.read(_HASHED_BYTES))
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _HASHED_BYTES))
            digest.update(file.read(_HASHED_BYTES))
        return {
            "size_bytes": size,
            "n_frames": self.info.n_frames,
            "fps": self._mean_fps,
            "sha256": digest.hexdigest(),
            "width": self.info.width,
            "height": self.info.height,
        }

    def _decode_numbered(self, start: int) -> Iterator[tuple[int, Any]]:
        """Yield intact decoded frames with their numbers, from `start` or somewhat earlier on."""
        if self._index is not None:
            yield from self._number(self._index, self._decode_from(self._index, start))
            return
        with open_video(self._path, self._timeout_s) as (container, stream):
            for number, image in decode_without_timestamps(container, stream):
                if self._is_intact(image):
                    yield number, image

    def _decode_from(self, index: PacketIndex, start: int) -> Iterator[Any]:
        """Yield decoded frames from the last but one key frame before `start` on.

        Frames that follow a key frame may refer to frames before it, so the last one is too late.
        """
        is_before = (index.keyframes > 0) & (index.keyframes <= start)
        keyframes = index.keyframes[is_before][:-1]
        if len(keyframes):
            with open_video(self._path, self._timeout_s) as (container, stream):
                decode_first_packet(container, stream)
                frames = _seek(container, stream, index, keyframes)
                if frames is not None:
                    yield from frames
                    return
        with open_video(self._path, self._timeout_s) as (container, stream):
            yield from decode_frames(container, stream)

    def _sample_segments(self, index: PacketIndex, segments: Sequence[Int64]) -> Iterator[Frame]:
        """Yield the frames with the numbers in each segment, decoding from the key frame before."""
        with open_video(self._path, self._timeout_s) as (container, stream):
            decode_first_packet(container, stream)
            for wanted in segments:
                keyframes = index.keyframes[index.keyframes <= wanted[0]]
                frames = _seek(container, stream, index, keyframes)
                if frames is not None:
                    yield from self._select(self._number(index, frames), wanted)

    def _number(self, index: PacketIndex, images: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """Yield intact decoded frames with their numbers, by presentation time."""
        for image in images:
            number = index.find(image.pts)
            if number is not None and self._is_intact(image):
                yield number, image

    def _select(self, numbered: Iterable[tuple[int, Any]], wanted: Int64) -> Iterator[Frame]:
        """Yield the wanted frames, converting no others and decoding no further than the last."""
        chosen = set(wanted.tolist())
        last = int(wanted[-1])
        for number, image in numbered:
            if number in chosen:
                yield self._make_frame(number, image)
            if number >= last:
                return

    def _make_unreadable(self, index: int) -> UnreadableFrame:
        return UnreadableFrame(index, self._get_time_s(index), "it cannot be decoded")

    def _make_frame(self, index: int, image: Any) -> Frame:
        return Frame(index, self._get_time_s(index), to_rgb(image))

    def _get_time_s(self, index: int) -> float:
        return index / self.info.fps if self._times_s is None else float(self._times_s[index])

    def _is_intact(self, image: Any) -> bool:
        """Whether a decoded frame has the video's size and the decoder has not concealed errors."""
        is_turned = round(image.rotation / 90) % 2
        size = (image.height, image.width) if is_turned else (image.width, image.height)
        return not image.is_corrupt and size == (self.info.width, self.info.height)

    def _read_first(self) -> UInt8:
        """Return the first frame that can be decoded; its size is the video's."""
        with open_video(self._path, self._timeout_s) as (container, stream):
            first = next(decode_frames(container, stream), None)
            if first is not None:
                return to_rgb(first)
            got = f"none of {stream.frames}" if stream.frames else "none"
        raise SourceError(self._path, "frames", "at least one that can be decoded", got)

    def _count_packets(self) -> int:
        with open_video(self._path, self._timeout_s) as (container, stream):
            return sum(packet.size > 0 for packet in read_packets(container, stream))


def _seek(
    container: Any, stream: Any, index: PacketIndex, keyframes: Int64
) -> Iterator[Any] | None:
    """Return decoded frames from the last key frame, or an earlier one if that is not decodable.

    Returns None if none of the last few key frames is.
    """
    for keyframe in keyframes[::-1][:_MAX_KEYFRAMES_TRIED]:
        frames = decode_from_keyframe(container, stream, int(index.pts[keyframe]))
        if frames is not None:
            return frames
    return None


def _compute_mean_fps(index: PacketIndex | None, announced_rate: Any) -> float:
    """Return the mean frame rate, from the timestamps if there are any, else as announced.

    It identifies the file in the fingerprints of runs, so it must not change.
    """
    if index is not None and len(index) > 1 and index.times_s[-1] > 0:
        return float((len(index) - 1) / index.times_s[-1])
    return _to_fps(announced_rate) or _DEFAULT_FPS


def _to_fps(rate: Any) -> float | None:
    """Return a rate that FFmpeg reports as a number; None if it is none."""
    fps = float(rate) if rate else 0.0
    return fps if math.isfinite(fps) and fps > 0 else None


def _estimate_n_frames(container: Any, stream: Any) -> int:
    """Return the minimum number of frames by the duration of a file without a frame count.

    Matroska and WebM have no frame count. 0 if the duration is unknown too.
    """
    rate = stream.average_rate or stream.guessed_rate
    if not container.duration or not rate:
        return 0
    duration_s = container.duration / av.time_base
    return max(0, int((duration_s - _DURATION_SLACK_S) * float(rate)))


def _describe_truncation(index: PacketIndex | None, n_announced: int) -> str | None:
    """Return in words that a file holds fewer frames than it announces; None if it does not."""
    if index is None:
        return None
    if n_announced > len(index) + index.n_hidden:
        return f"the file announces {n_announced} frames and holds {len(index)}"
    if index.damage is not None:
        return f"the file breaks off after {len(index)} frames ({index.damage})"
    return None
