"""Detection of a whole video into the run directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from murid.core import Frame
from murid.core.progress import ProgressCallback
from murid.detection.detector import Detector
from murid.store import DetectionWriter, RunDirectory
from murid.video import FrameSource, UnreadableFrame
from murid.video.prefetch import prefetch


def redetect_damaged(
    run: RunDirectory,
    source: FrameSource,
    detector: Detector,
    batch_size: int,
    report: ProgressCallback,
) -> None:
    """Detect anew in the parts that a disk has damaged or lost; in an unfinished run, the last one just goes."""
    damaged = run.detections.find_damaged()
    if damaged and not run.is_done("detection") and damaged[-1] == run.n_parts - 1:
        run.detections.remove_last_part()
        damaged = damaged[:-1]
    for number in damaged:
        with run.detections.rewrite_part(number) as (writer, n_frames):
            wanted = islice(source.iterate(writer.next_frame), n_frames)
            _find_animals(
                wanted,
                detector,
                batch_size,
                writer,
                lambda: report("redetect_damaged", writer.next_frame, None),
            )


def detect_frames(
    run: RunDirectory,
    source: FrameSource,
    detector: Detector,
    batch_size: int,
    report: ProgressCallback,
) -> None:
    """Find the animals in every frame that is still to come, and store them part by part."""
    with run.detections.write() as writer:
        frames, total = source.iterate(writer.next_frame), source.info.n_frames
        _find_animals(
            frames, detector, batch_size, writer, lambda: report("detect", writer.next_frame, total)
        )
    run.detections.finish(source.truncated)


def _find_animals(
    frames: Iterator[Frame | UnreadableFrame],
    detector: Detector,
    batch_size: int,
    writer: DetectionWriter,
    report: Callable[[], None],
) -> None:
    """Find the animals in frames, batch by batch, and hand them to the writer."""
    for batch in prefetch(_batch(frames, batch_size)):
        found = iter(detector.detect([frame.image for frame in batch if isinstance(frame, Frame)]))
        for frame in batch:
            if isinstance(frame, UnreadableFrame):
                writer.add_unreadable(frame.index, frame.time_s, frame.reason)
            else:
                writer.add(frame.index, frame.time_s, next(found))
        report()


def _batch(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while batch := list(islice(items, size)):
        yield batch
