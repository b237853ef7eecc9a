"""Read the frames of a video file, with exact numbers and times, from any frame on."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from murid.core import Frame
from murid.core.types import Float64, Int64
from murid.errors import SourceError
from murid.video.decode import (
    decode_first_packet,
    decode_frames,
    decode_from_keyframe,
    decode_towards,
    decode_without_timestamps,
    get_bit_depth,
    may_leave_bits_unused,
    open_video,
    read_packets,
    read_wide_pixels,
    to_rgb,
)
from murid.video.header import VideoHeader, read_header
from murid.video.info import FramesFrom, UnreadableFrame, VideoInfo
from murid.video.intensity import N_SCALE_SAMPLES, IntensityScale, fit_intensity_scale
from murid.video.orientation import Orientation, read_orientation
from murid.video.packet_index import PacketIndex
from murid.video.read_timeout import READ_TIMEOUT_S, TimeoutFile
from murid.video.sampling import plan_sampling, spread_evenly
from murid.video.truncation import describe_truncation

# Threads of the decoder where frames are only shown: a tracker may run beside it.
_N_DISPLAY_THREADS = 2

# Key frames that are tried, going backwards, before reading from the start of the file.
_MAX_KEYFRAMES_TRIED = 4


class _OpenVideo:
    """A video file that is opened when it is first needed, and closed with the last reference."""

    def __init__(self, path: Path, read_timeout_s: float) -> None:
        self._path = path
        self._timeout_s = read_timeout_s
        self._opened: tuple[Any, Any] | None = None
        self._stack = ExitStack()
        weakref.finalize(self, self._stack.close)

    def get(self, number: int) -> tuple[Any, Any]:
        """Return the container and the stream with a number."""
        if self._opened is None:
            opening = open_video(self._path, self._timeout_s, number, _N_DISPLAY_THREADS)
            self._opened = self._stack.enter_context(opening)
            decode_first_packet(*self._opened)
        return self._opened


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
        header = read_header(self._path, read_timeout_s)
        self._stream = header.stream
        self._index = header.index
        self._mean_fps = header.mean_fps
        self._times_s = None
        if header.index is not None and header.has_times:
            self._times_s = header.index.times_s
        self._n_frames = self._count_packets() if self._index is None else len(self._index)
        self.truncated = self._describe_truncation(header)

        first = self._read_first(header.n_announced)
        orientation = read_orientation(first)
        # By the rotation that PyAV reports. In nearly all files it is the same for all frames.
        self._orientations = {first.rotation: orientation}
        width, height = (first.width, first.height)
        if orientation.swaps_sides:
            width, height = height, width
        self.info = VideoInfo(
            str(path),
            width,
            height,
            header.fps,
            self._n_frames,
            header.codec,
            header.is_fps_assumed,
            header.stream,
            get_bit_depth(first),
            90 * orientation.n_quarter_turns,
            orientation.is_mirrored,
            _turn_aspect(header.stored_pixel_aspect, orientation),
        )
        self._scale: IntensityScale | None = None
        if may_leave_bits_unused(first):
            self._scale = self._learn_scale()
            self.info = replace(self.info, bit_depth=self._scale.bit_depth)

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

    def open_for_display(self) -> FramesFrom:
        """Return a function that yields frames as `iterate` does, and reaches the first one sooner.

        The file stays open. Decoding starts at the last key frame and skips frames that no other
        needs. Numbers and times are exact; the pixels of frames of a damaged file may differ from
        one time to the next.
        """
        return partial(self._iterate_for_display, _OpenVideo(self._path, self._timeout_s))

    def _iterate_for_display(
        self, opened: _OpenVideo, start: int
    ) -> Iterator[Frame | UnreadableFrame]:
        if self._index is None:
            yield from self.iterate(start)
            return
        expected = start
        images = self._decode_towards(self._index, opened, start)
        for index, image in self._number(self._index, images):
            if expected == start and index > start:
                # The frame refers past the last key frame: it is found on the exact way.
                break
            if index >= expected:
                for missing in range(expected, index):
                    yield self._make_unreadable(missing)
                yield self._make_frame(index, image)
                expected = index + 1
        # What is left: nothing, or frames that cannot be reached in this way.
        if expected < self._n_frames:
            yield from self.iterate(expected)

    def read(self, numbers: Int64) -> Iterator[Frame]:
        """Yield the frames with some numbers, ascending, as far as they can be decoded.

        Frames in between are decoded only where no key frame leads past them.
        """
        for wanted in self._split_at_keyframes(np.asarray(numbers, np.int64)):
            for number, image in _select(self._decode_numbered(int(wanted[0])), wanted):
                yield self._make_frame(number, image)

    def sample(self, n_frames: int) -> Iterator[Frame]:
        """Yield up to `n_frames` decoded frames, spread over the video as evenly as is cheap.

        Short videos are decoded completely. In others, frames are taken at key frames if there are
        enough of them, else from the frames after each key frame (see `plan_sampling`). A file
        without usable timestamps has to be decoded completely.
        """
        for number, image in self._sample_decoded(n_frames):
            yield self._make_frame(number, image)

    def compute_fingerprint(self) -> dict[str, Any]:
        """Return sizes, frame rate, and the SHA-256 of the first and last MiB of the file.

        Raises
        ------
        SourceError
            If the file cannot be read.
        """
        with closing(TimeoutFile(self._path, self._timeout_s)) as file:
            size = file.size
            content = file.read_both_ends()
        return {
            "size_bytes": size,
            "n_frames": self.info.n_frames,
            "fps": self._mean_fps,
            "sha256": hashlib.sha256(content).hexdigest(),
            "width": self.info.width,
            "height": self.info.height,
        }

    def _open(self) -> AbstractContextManager[tuple[Any, Any]]:
        return open_video(self._path, self._timeout_s, self._stream)

    def _decode_numbered(self, start: int) -> Iterator[tuple[int, Any]]:
        """Yield intact decoded frames with their numbers, from `start` or somewhat earlier on."""
        if self._index is not None:
            yield from self._number(self._index, self._decode_from(self._index, start))
            return
        with self._open() as (container, stream):
            for number, image in decode_without_timestamps(container, stream):
                if self._is_intact(image):
                    yield number, image

    def _split_at_keyframes(self, numbers: Int64) -> list[Int64]:
        """Return ascending frame numbers in groups that are cheapest to decode one by one."""
        if not len(numbers):
            return []
        if self._index is None:
            return [numbers]
        # Decoding starts at the last but one key frame before a number, as in `_decode_from`.
        starts = np.searchsorted(self._index.keyframes, numbers, side="right") - 2
        first_decoded = self._index.keyframes[np.maximum(starts, 0)]
        return np.split(numbers, np.flatnonzero(first_decoded[1:] > numbers[:-1]) + 1)

    def _decode_from(self, index: PacketIndex, start: int) -> Iterator[Any]:
        """Yield decoded frames from the last but one key frame before `start` on.

        Frames that follow a key frame may refer to frames before it, so the last one is too late.
        """
        is_before = (index.keyframes > 0) & (index.keyframes <= start)
        keyframes = index.keyframes[is_before][:-1]
        if len(keyframes):
            with self._open() as (container, stream):
                decode_first_packet(container, stream)
                frames = _seek(container, stream, index, keyframes)
                if frames is not None:
                    yield from frames
                    return
        with self._open() as (container, stream):
            yield from decode_frames(container, stream)

    def _decode_towards(self, index: PacketIndex, opened: _OpenVideo, start: int) -> Iterator[Any]:
        """Yield decoded frames from the last key frame up to `start` on, for display."""
        if not 0 <= start < len(index):
            return
        keyframes = index.keyframes[index.keyframes <= start]
        keyframe = int(index.pts[keyframes[-1]]) if len(keyframes) else int(index.pts[0])
        container, stream = opened.get(self._stream)
        yield from decode_towards(container, stream, keyframe, int(index.pts[start]))

    def _sample_decoded(self, n_frames: int) -> Iterator[tuple[int, Any]]:
        """Yield decoded frames with their numbers, as `sample` chooses them."""
        frames: Iterator[tuple[int, Any]] = iter(())
        if self._index is not None:
            segments = plan_sampling(self._n_frames, self._index.keyframes, n_frames)
            frames = self._sample_segments(self._index, segments)
        first = next(frames, None)
        if first is None:
            wanted = spread_evenly(self._n_frames, n_frames)
            yield from _select(self._decode_numbered(0), wanted)
        else:
            yield first
            yield from frames

    def _sample_segments(
        self, index: PacketIndex, segments: Sequence[Int64]
    ) -> Iterator[tuple[int, Any]]:
        """Yield the frames with the numbers in each segment, decoding from the key frame before."""
        with self._open() as (container, stream):
            decode_first_packet(container, stream)
            for wanted in segments:
                keyframes = index.keyframes[index.keyframes <= wanted[0]]
                frames = _seek(container, stream, index, keyframes)
                if frames is not None:
                    yield from _select(self._number(index, frames), wanted)

    def _number(self, index: PacketIndex, images: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """Yield intact decoded frames with their numbers, by presentation time."""
        for image in images:
            number = index.find(image.pts)
            if number is not None and self._is_intact(image):
                yield number, image

    def _make_unreadable(self, index: int) -> UnreadableFrame:
        return UnreadableFrame(index, self._get_time_s(index), "it cannot be decoded")

    def _make_frame(self, index: int, image: Any) -> Frame:
        pixels = to_rgb(image, self._get_orientation(image), self._scale)
        return Frame(index, self._get_time_s(index), pixels)

    def _get_time_s(self, index: int) -> float:
        return index / self.info.fps if self._times_s is None else float(self._times_s[index])

    def _is_intact(self, image: Any) -> bool:
        """Whether a decoded frame has the video's size and the decoder has not concealed errors."""
        size = (image.width, image.height)
        if self._get_orientation(image).swaps_sides:
            size = (image.height, image.width)
        return not image.is_corrupt and size == (self.info.width, self.info.height)

    def _get_orientation(self, image: Any) -> Orientation:
        orientation = self._orientations.get(image.rotation)
        if orientation is None:
            orientation = read_orientation(image)
            self._orientations[image.rotation] = orientation
        return orientation

    def _learn_scale(self) -> IntensityScale:
        """Return how pixels of 16 bits are scaled, by the bits that sampled frames use."""
        sampled = self._sample_decoded(N_SCALE_SAMPLES)
        return fit_intensity_scale(read_wide_pixels(image) for _, image in sampled)

    def _read_first(self, n_announced: int) -> Any:
        """Return the first frame that can be decoded; its size is the video's."""
        with self._open() as (container, stream):
            first = next(decode_frames(container, stream), None)
        if first is None:
            got = f"none of {n_announced}" if n_announced else "none"
            raise SourceError(self._path, "frames", "at least one that can be decoded", got)
        return first

    def _describe_truncation(self, header: VideoHeader) -> str | None:
        """Return in words that a part of the file is missing; None if it is not."""
        index = header.index
        n_hidden = 0 if index is None else index.n_hidden
        truncation = describe_truncation(
            self._path,
            header.format_name,
            self._n_frames + n_hidden,
            header.n_announced,
            self._timeout_s,
        )
        if truncation is None and index is not None and index.damage is not None:
            truncation = f"the file breaks off after {len(index)} frames ({index.damage})"
        return truncation

    def _count_packets(self) -> int:
        with self._open() as (container, stream):
            return sum(packet.size > 0 for packet in read_packets(container, stream))


def _select(numbered: Iterable[tuple[int, Any]], wanted: Int64) -> Iterator[tuple[int, Any]]:
    """Yield the wanted frames, decoding no further than the last."""
    chosen = set(wanted.tolist())
    last = int(wanted[-1])
    for number, image in numbered:
        if number in chosen:
            yield number, image
        if number >= last:
            return


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


def _turn_aspect(aspect: float, orientation: Orientation) -> float:
    """Return the pixel aspect of the frames as they are shown."""
    return 1 / aspect if orientation.swaps_sides else aspect
