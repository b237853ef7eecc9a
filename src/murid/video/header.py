"""Read what a video file says of itself, and the index of its packets, without decoding."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from murid.video.decode import has_own_times, open_video
from murid.video.frame_rate import compute_median_fps
from murid.video.packet_index import PacketIndex, read_packet_index
from murid.video.stream_choice import rank_streams

# For files that announce no frame rate.
_DEFAULT_FPS = 30.0


@dataclass(frozen=True, eq=False, slots=True)
class VideoHeader:
    """Facts about the video stream of a file.

    Attributes
    ----------
    stream : int
        Number of the stream among all in the file.
    index : PacketIndex or None
        None if the timestamps do not identify the frames.
    format_name : str
        Name of the file format in FFmpeg.
    codec : str
    fps : float
        Frames per second: the reciprocal of the median interval between frames.
    mean_fps : float
        The mean instead. It is part of the fingerprints of runs, so it must not change.
    has_times : bool
        Whether the file has times of its own.
    is_fps_assumed : bool
        Whether it has neither times nor a rate of its own, or only a nominal one.
    stored_pixel_aspect : float
        Width of a pixel divided by its height, as stored, before any rotation.
    n_announced : int
        Number of frames that the file announces; 0 if it does not.
    """

    stream: int
    index: PacketIndex | None
    format_name: str
    codec: str
    fps: float
    mean_fps: float
    has_times: bool
    is_fps_assumed: bool
    stored_pixel_aspect: float
    n_announced: int


def read_header(path: Path, read_timeout_s: float) -> VideoHeader:
    """Read the header of the stream that FFmpeg chooses; of the next best if that is empty.

    Raises
    ------
    SourceError
        As `open_video`.
    """
    with open_video(path, read_timeout_s) as (container, stream):
        numbers = [other.index for other in rank_streams(container.streams.video)]
        header = _read_stream_header(container, stream)
    for number in numbers[1:]:
        if header.index is None or len(header.index) > 0:
            break
        with open_video(path, read_timeout_s, number) as (container, stream):
            header = _read_stream_header(container, stream)
    return header


def _read_stream_header(container: Any, stream: Any) -> VideoHeader:
    index = read_packet_index(container, stream)
    has_times = has_own_times(container)
    announced_rate = stream.average_rate or stream.guessed_rate
    # For a raw stream FFmpeg announces a rate that it made up; the codec may know better.
    nominal_rate = announced_rate if has_times else stream.codec_context.framerate or announced_rate
    fps = None
    if index is not None and has_times:
        fps = compute_median_fps(index.times_s, float(stream.time_base))
    fps = fps or _to_fps(nominal_rate)
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    return VideoHeader(
        stream.index,
        index,
        container.format.name,
        stream.codec_context.codec.canonical_name,
        fps or _DEFAULT_FPS,
        _compute_mean_fps(index, announced_rate),
        has_times,
        is_fps_assumed=not has_times or fps is None,
        stored_pixel_aspect=float(aspect) if aspect else 1.0,
        n_announced=stream.frames,
    )


def _compute_mean_fps(index: PacketIndex | None, announced_rate: Any) -> float:
    """Return the mean frame rate, from the timestamps if there are any, else as announced."""
    if index is not None and len(index) > 1 and index.times_s[-1] > 0:
        return float((len(index) - 1) / index.times_s[-1])
    return _to_fps(announced_rate) or _DEFAULT_FPS


def _to_fps(rate: Any) -> float | None:
    """Return a rate that FFmpeg reports as a number; None if it is none."""
    fps = float(rate) if rate else 0.0
    return fps if math.isfinite(fps) and fps > 0 else None
