"""Write a video with its ground truth in the layout of MOT Challenge, frame by frame."""

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
    """Name, frames per second, size in pixels and number of frames of a sequence."""

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
    """Write ``video.mp4``, ``gt/gt.txt`` and ``seqinfo.ini``; each appears when it is complete.

    Rows of the ground truth are
    ``frame, id, left, top, width, height, 1, 1, visible fraction``. Frames and ids count from 1.
    A hidden animal has no row.

    Parameters
    ----------
    out : Path
        Directory. Files of these names in it are replaced.
    frames : iterable of RecordedFrame
        As many as `info` says, taken one at a time.
    info : SequenceInfo
    masks : bool
        Whether to write ``masks/000001.png`` and so on as well: 16-bit images of the id of the
        body at each pixel, 0 for none.
    report : callable
        Called with the progress.

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
            truth_file = stack.enter_context(table.open("w", encoding="ascii", newline="\n"))
        video_writer = stack.enter_context(
            VideoWriter(out / "video.mp4", info.fps, info.width, info.height)
        )
        for number, recorded in enumerate(frames, 1):
            video_writer.write(recorded.frame.image)
            with storage_errors(table):
                truth_file.writelines(_format_rows(number, recorded.truth))
            if masks:
                _write_mask(out / "masks" / f"{number:06d}.png", recorded.truth)
            report("record", number, info.n_frames)
    write_text(out / "seqinfo.ini", describe_sequence(info))


def _format_rows(number: int, truth: SceneTruth) -> list[str]:
    """Return the rows of one frame, with line ends."""
    columns = (truth.animal_indices, truth.boxes, truth.visible_fractions)
    rows = []
    for index, (left, top, right, bottom), visible in zip(*columns, strict=True):
        box = f"{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f}"
        rows.append(f"{number},{index + 1},{box},1,1,{visible:.3f}\n")
    return rows


def _write_mask(path: Path, truth: SceneTruth) -> None:
    _, encoded = cv2.imencode(".png", (truth.labels + 1).astype(np.uint16))
    write_bytes(path, encoded.tobytes())


def describe_sequence(info: SequenceInfo) -> str:
    """Return the text of ``seqinfo.ini``."""
    lines = [
        "[Sequence]",
        f"name={info.name}",
        f"frameRate={info.fps:g}",
        f"seqLength={info.n_frames}",
        f"imWidth={info.width}",
        f"imHeight={info.height}",
    ]
    return "\n".join(lines) + "\n"
