"""Clips of doubtful crossings, beside the report: small videos with boxes and names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2

from murid.core.files import make_directory, storage_errors
from murid.core.progress import ProgressCallback, no_progress
from murid.core.types import UInt8
from murid.pipeline.annotate import check_is_tracked_video, iterate_annotated
from murid.pipeline.run import Run
from murid.plots.doubtful_crossings import DoubtfulCrossing
from murid.store import RunDirectory
from murid.video import FrameSource, VideoWriter

# Beside the report.
CLIPS_FOLDER = "report_clips"

# As on the review page: at half speed, both animals can be followed through a contact.
SPEED = 0.5

# Longer side of a clip. Larger clips take longer to write; in smaller ones, names are hard to read.
MAX_SIDE_PX = 800

# Constant rate factor: a clip of nine seconds takes some hundred kilobytes, and its animals and
# names look like those of the annotated video.
CRF = 28

# A clip is at most this long. A longer crossing, such as a huddle, is shown faster: what decides is
# where the animals are before and after it.
MAX_CLIP_S = 30.0

# Clips of an earlier report, which may be of other identities, are deleted by this pattern.
_PATTERN = "crossing-*.mp4"


def write_crossing_clips(
    run: Run,
    crossings: Sequence[DoubtfulCrossing],
    report_directory: Path,
    n_clips: int,
    *,
    source: str | Path | None = None,
    report: ProgressCallback = no_progress,
) -> list[DoubtfulCrossing]:
    """Write clips of the first crossings, and return all crossings with the addresses of clips.

    Clips are in the directory ``report_clips``; those of an earlier report are replaced.

    Parameters
    ----------
    run : Run
    crossings : sequence of DoubtfulCrossing
        Those on which most depends first.
    report_directory : Path
        Where the report is.
    n_clips : int
        Maximum number of clips.
    source : str or Path, optional
        The video, where it is no longer where it was tracked.
    report : callable
        Called with progress.

    Raises
    ------
    SourceError
        If the video is gone or has changed since it was tracked.
    RunError, StorageError
        If a part of the run is damaged, or a clip cannot be written.
    """
    chosen = crossings[:n_clips]
    folder = report_directory / CLIPS_FOLDER
    video = run.open_source(source)
    directory = RunDirectory.open(run.path)
    check_is_tracked_video(directory, video)
    with storage_errors(folder):
        for path in folder.glob(_PATTERN):
            path.unlink()
    if chosen:
        make_directory(folder)
    with_clips = []
    for n_done, crossing in enumerate(chosen, 1):
        path = folder / f"crossing-{crossing.id}.mp4"
        _write_clip(path, run, directory, video, crossing)
        with_clips.append(replace(crossing, clip=f"{folder.name}/{path.name}"))
        report("clips", n_done, len(chosen))
    return [*with_clips, *crossings[n_clips:]]


def _write_clip(
    path: Path,
    run: Run,
    directory: RunDirectory,
    video: FrameSource,
    crossing: DoubtfulCrossing,
) -> None:
    info = video.info
    first, last = crossing.clip_first, crossing.clip_last + 1
    fps = SPEED * info.fps
    # Every k-th frame, so that a long crossing becomes a short clip.
    step = max(1, math.ceil((last - first) / (fps * MAX_CLIP_S)))
    scale = min(1.0, MAX_SIDE_PX / max(info.width, info.height))
    width = max(1, round(scale * info.width))
    height = max(1, round(scale * info.height))
    images = iterate_annotated(directory, video, run.names, first, last)
    with VideoWriter(path, fps, width, height, info.pixel_aspect, CRF) as writer:
        for image in islice(images, 0, None, step):
            writer.write(_resize(image, width, height))


def _resize(image: UInt8, width: int, height: int) -> UInt8:
    if image.shape[:2] == (height, width):
        return image
    resized: UInt8 = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return resized
