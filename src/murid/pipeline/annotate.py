"""Draw the tracks of a run on frames of its video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np

from murid.core import TrackedDetections
from murid.core.types import UInt8
from murid.errors import SourceError
from murid.store import RunDirectory
from murid.video import Annotator, FrameSource, UnreadableFrame
from murid.video.annotate import draw_caption, format_caption


def check_is_tracked_video(directory: RunDirectory, video: FrameSource) -> None:
    """Raise `SourceError` unless a video is the one that the run was made of."""
    if video.compute_fingerprint() != dict(directory.manifest.fingerprint):
        expected = "the video that was tracked"
        raise SourceError(video.info.path, "fingerprint", expected, "another one")


def iterate_annotated(
    directory: RunDirectory, video: FrameSource, names: Mapping[int, str], first: int, last: int
) -> Iterator[UInt8]:
    """Yield images with tracks, names, and the number and the time of the frame.

    Parameters
    ----------
    directory : RunDirectory
        A finished run.
    video : FrameSource
        Its video, with the frames and the times with which it was tracked.
    names : mapping of int to str
        Names of tracks.
    first, last : int
        The first frame of the run that is drawn, and the first that is not.

    Yields
    ------
    ndarray
        ``(h, w, 3)`` uint8 RGB. A frame that cannot be decoded repeats the one before.

    Raises
    ------
    RunError
        If tracking is not finished, or a part is missing or damaged.
    SourceError
        If the video cannot be read.
    """
    info = video.info
    annotator = Annotator(info.fps, names)
    image = np.zeros((info.height, info.width, 3), np.uint8)
    frames = islice(video.iterate(first), last - first)
    for frame, tracked in zip(frames, _iterate_tracked(directory, first, last), strict=True):
        number = directory.manifest.to_video_frame(frame.index)
        caption = format_caption(number, frame.time_s)
        if isinstance(frame, UnreadableFrame):
            image = image.copy()
            draw_caption(image, f"{caption}  unreadable")
        else:
            image = annotator.annotate(frame, tracked, caption)
        yield image


def _iterate_tracked(directory: RunDirectory, first: int, last: int) -> Iterator[TrackedDetections]:
    """Yield the tracks of each frame, and read only the parts with these frames."""
    directory.tracks.check_done()
    result = directory.identities if directory.is_done("identification") else directory.tracks
    part_frames = directory.manifest.part_frames
    for number in range(first // part_frames, -(-last // part_frames)):
        tracks = result.read_part(number)
        start = number * part_frames
        for t in range(max(first - start, 0), min(last - start, tracks.n_frames)):
            yield tracks[t]
