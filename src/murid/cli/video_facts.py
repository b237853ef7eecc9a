"""Description of a video, as ``murid info`` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from murid.core.plurals import choose_form, format_count
from murid.video import FrameSource
from murid.video.image_sequence import ImageSequenceSource

# Times the median interval from which on an interval between frames is mentioned: a dropped frame
# doubles it, and the jitter of a camera does not.
_LONG_INTERVAL = 1.75

# Frames without an image that are listed; --json has them all.
_MAX_LISTED_FRAMES = 5


def collect_video_facts(source: FrameSource) -> dict[str, Any]:
    """Return what is known about a video or a folder of images, as plain values.

    Keys: those of `VideoInfo`, and ``duration_s``, ``max_interval_s``, ``n_long_intervals``,
    the number of intervals between frames in which frames are missing, ``missing_images``, the
    frames of a folder without an image, and ``truncated``, a sentence or None.
    """
    info = source.info
    intervals_s = np.diff(source.times_s)
    is_long = intervals_s > _LONG_INTERVAL / info.fps
    return {
        **asdict(info),
        # The last frame lasts as long as the others.
        "duration_s": round(float(intervals_s.sum()) + 1 / info.fps, 6),
        "max_interval_s": round(float(intervals_s.max(initial=0.0)), 6),
        "n_long_intervals": int(is_long.sum()),
        "missing_images": _find_missing_images(source),
        "is_image_sequence": isinstance(source, ImageSequenceSource),
        "truncated": source.truncated,
    }


def _find_missing_images(source: FrameSource) -> list[int]:
    """Return the frames of a folder of images that have no image."""
    if not isinstance(source, ImageSequenceSource):
        return []
    missing = np.setdiff1d(np.arange(len(source.times_s)), source.image_frames)
    return [int(frame) for frame in missing]


def describe_video(facts: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that describe a video."""
    bits = format_count(facts["bit_depth"], "bit")
    stream = "" if facts["is_image_sequence"] else f", stream {facts['stream']}"
    yield f"{facts['path']}: {facts['codec']}, {bits}{stream}"

    size = f"{facts['width']}x{facts['height']} pixels"
    if facts["rotation_deg"]:
        size += f", rotated by {facts['rotation_deg']} degrees counter-clockwise"
    if facts["is_mirrored"]:
        size += ", mirrored"
    yield f"size     {size}"
    if facts["pixel_aspect"] != 1:
        yield f"         pixels are {facts['pixel_aspect']:.4g} times as wide as high"

    rate = f"{facts['fps']:.6g} frames/s"
    if facts["fps_is_assumed"]:
        rate += ", assumed: it has no times of its own (murid track --fps gives the right rate)"
    yield f"rate     {rate}"

    frames = "unknown number of frames"
    if facts["n_frames"] is not None:
        frames = format_count(facts["n_frames"], "frame")
    yield f"length   {frames}, {facts['duration_s']:.4g} s"
    n_long = facts["n_long_intervals"]
    if n_long:
        missing = format_count(n_long, "interval")
        duration = f"the longest is {facts['max_interval_s']:.4g} s"
        yield f"note     frames are missing in {missing} between frames; {duration}"
    absent = facts["missing_images"]
    if absent:
        listed = ", ".join(str(frame) for frame in absent[:_MAX_LISTED_FRAMES])
        more = ", …" if len(absent) > _MAX_LISTED_FRAMES else ""
        count = format_count(len(absent), "image")
        verb = choose_form(len(absent), "is", "are")
        yield f"note     {count} {verb} missing by the numbers in the names: frames {listed}{more}"
    if facts["truncated"]:
        yield f"note     truncated: {facts['truncated']}"
