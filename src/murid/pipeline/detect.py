"""Detect the animals in a whole video and store them in its run directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

from murid.core import Frame
from murid.core.progress import ProgressCallback
from murid.detection.detector import Detector
from murid.store import DetectionWriter, RunDirectory
from murid.video import FrameSource, UnreadableFrame
from murid.video.prefetch import prefetch

T = TypeVar("T")


def detect_frames(
    run: RunDirectory,
    source: FrameSource,
    detector: Detector,
    batch_size: int,
    report: ProgressCallback,
) -> None:
    """Detect the animals in every frame that is not stored yet, and store them part by part."""
    n_frames = source.info.n_frames
    with run.detections.write() as writer:
        _detect(
            source.iterate(writer.next_frame),
            detector,
            batch_size,
            writer,
            lambda: report("detect", writer.next_frame, n_frames),
        )
    run.detections.finish(source.truncated)


def redetect_damaged(
    run: RunDirectory,
    source: FrameSource,
    detector: Detector,
    batch_size: int,
    report: ProgressCallback,
) -> None:
    """Detect again in parts whose files are damaged or missing.

    The last part of an unfinished run is removed instead, since detection goes on from there.
    """
    damaged = run.detections.find_damaged()
    if damaged and not run.is_done("detection") and damaged[-1] == run.n_parts - 1:
        run.detections.remove_last_part()
        damaged = damaged[:-1]
    for number in damaged:
        with run.detections.rewrite_part(number) as (writer, n_frames):
            _detect(
                islice(source.iterate(writer.next_frame), n_frames),
                detector,
                batch_size,
                writer,
                lambda: report("redetect", writer.next_frame, None),
            )


def _detect(
    frames: Iterator[Frame | UnreadableFrame],
    detector: Detector,
    batch_size: int,
    writer: DetectionWriter,
    report: Callable[[], None],
) -> None:
    """Detect the animals in frames, batch by batch, while the next frames are decoded."""
    for batch in prefetch(_batch(frames, batch_size)):
        images = [frame.image for frame in batch if isinstance(frame, Frame)]
        found = iter(detector.detect(images))
        for frame in batch:
            if isinstance(frame, UnreadableFrame):
                writer.add_unreadable(frame.index, frame.time_s, frame.reason)
            else:
                writer.add(frame.index, frame.time_s, next(found))
        report()


def _batch(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of a size; the last one may be shorter."""
    while batch := list(islice(items, size)):
        yield batch
