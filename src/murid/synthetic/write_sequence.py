"""A video with its truth, laid out as MOT Challenge does, written as it comes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from murid.core.files import (
    make_directory,
    replace_on_success,
    storage_errors,
    write_bytes,
    write_text,
)
from murid.core.progress import ProgressCallback, no_progress
from murid.synthetic.composition import SceneTruth
from murid.synthetic.recording import RecordedFrame
from murid.video import VideoWriter


@dataclass(frozen=True)
class SequenceInfo:
    """A sequence in numbers: name, frames per second, size in pixels, frames."""

    name: str
    fps: float
    width: int
    height: int
    n_frames: int


def write_sequence(
    out: Path,
    frames: Iterable[RecordedFrame],
    info: SequenceInfo,
    *,
    masks: bool = False,
    report: ProgressCallback = no_progress,
) -> None:
    """Write ``video.mp4``, ``gt/gt.txt`` and ``seqinfo.ini``; each appears when it is whole.

    Rows of the truth are ``frame, id, left, top, width, height, 1, 1, visible share``; frames and
    ids count from 1, and an animal that is hidden has no row.

    Parameters
    ----------
    out : Path
        Directory; files of these names in it are replaced.
    frames : iterable of RecordedFrame
        As many as `info` says, taken one at a time.
    info : SequenceInfo
    masks : bool
        Whether to write ``masks/000001.png`` and so on as well: 16 bit, 0 or the id of the body
        that a pixel shows.
    report : callable
        Told of progress.

    Raises
    ------
    StorageError
        If the directory cannot be written to.
    """
    make_directory(out / "gt")
    if masks:
        make_directory(out / "masks")
    with ExitStack() as stack:
        table = stack.enter_context(replace_on_success(out / "gt" / "gt.txt"))
        with storage_errors(table):
            truth = stack.enter_context(table.open("w", encoding="ascii", newline="\n"))
        video_writer = stack.enter_context(
            VideoWriter(out / "video.mp4", info.fps, info.width, info.height)
        )
        for number, recorded in enumerate(frames, 1):
            video_writer.write(recorded.frame.image)
            with storage_errors(table):
                truth.writelines(_format(number, recorded.truth))
            if masks:
                _write_mask(out / "masks" / f"{number:06d}.png", recorded.truth)
            report("record", number, info.n_frames)
    write_text(out / "seqinfo.ini", describe_sequence(info))


def _format(number: int, truth: SceneTruth) -> list[str]:
    return [
        f"{number},{row + 1},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},1,1,{visible:.3f}\n"
        for row, (x1, y1, x2, y2), visible in zip(
            truth.animal_indices, truth.boxes, truth.visible_fractions, strict=True
        )
    ]


def _write_mask(path: Path, truth: SceneTruth) -> None:
    _, packed = cv2.imencode(".png", (truth.labels + 1).astype(np.uint16))
    write_bytes(path, packed.tobytes())


def describe_sequence(info: SequenceInfo) -> str:
    """Text of ``seqinfo.ini``."""
    size = f"imWidth={info.width}\nimHeight={info.height}\n"
    return (
        f"[Sequence]\nname={info.name}\nframeRate={info.fps:g}\nseqLength={info.n_frames}\n{size}"
    )
