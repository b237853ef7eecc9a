"""``murid convert``."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter

from murid.cli.labelled_data import load_sequences
from murid.core.files import make_directory, stage_directory, storage_errors
from murid.core.plurals import format_count
from murid.core.types import UInt8
from murid.datasets.images import iterate_images
from murid.datasets.labels import LabelledSequence
from murid.datasets.raw_labels import ReadOptions
from murid.datasets.registry import DataFormat, find_data_format

# Frames of a video are written as JPEG of a quality at which fur keeps its detail.
_VIDEO_FRAME_SUFFIX = ".jpg"
_JPEG_QUALITY = 95


def convert(
    *data: Path,
    to: Literal["mot", "coco", "yolo"],
    out: Path,
    images: Literal["copy", "link", "none"] = "copy",
    skip_bad: Annotated[bool, Parameter(negative=())] = False,
    margin: float = 0.1,
    exclude_keypoints: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    classes: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    split: str | None = None,
) -> None:
    """Write labelled data, or finished runs, in another format.

    Parameters
    ----------
    data : Path
        Data sets in any format that murid reads, and run directories.
    to : str
        Format to write.
    out : Path
        Directory to make.
    images : str
        Copy images, link to them, or write labels alone (none). Frames of a video are written as
        images unless it is none.
    skip_bad : bool
        Leave out labels that have a problem, and print how many there were.
    margin : float
        Margin on every side of a box made from key points, as a share of its longer side.
    exclude_keypoints : list of str
        Patterns of key points outside the body, such as "tail*"; by default those of the tail
        except its base.
    classes : list of str
        Classes to read; labels of another class are problems.
    split : str
        Split of the data sets: train, val or test.
    """
    options = ReadOptions(
        margin=margin,
        exclude_keypoints=None if exclude_keypoints is None else tuple(exclude_keypoints),
        classes=None if classes is None else tuple(classes),
        split=split,
        require_images=images != "none",
    )
    sequences = load_sequences(data, options, skip_bad=skip_bad)
    target = find_data_format(to)
    with stage_directory(out) as directory:
        write_sequences(directory, sequences, target, images)
    n_frames = sum(sequence.n_frames for sequence in sequences)
    n_boxes = sum(map(len, sequences))
    counts = (
        format_count(len(sequences), "sequence"),
        format_count(n_frames, "frame"),
        format_count(n_boxes, "box", "boxes"),
    )
    print(f"{out}: {', '.join(counts)}")


def write_sequences(
    directory: Path, sequences: Sequence[LabelledSequence], target: DataFormat, images: str
) -> None:
    """Write images and labels into a directory.

    Raises
    ------
    FormatError, SourceError, StorageError
        If the format cannot hold the labels, an image cannot be read, or a file cannot be written.
    """
    assert target.writer is not None
    placed = list(sequences)
    if images != "none":
        placed = [_write_images(directory, sequence, target, images) for sequence in sequences]
    target.writer.write(directory, placed)


def _write_images(
    directory: Path, sequence: LabelledSequence, target: DataFormat, how: str
) -> LabelledSequence:
    """Copy, link or decode the images of a sequence, and return it with their new paths.

    A format that allows no gaps between labelled frames gets consecutive frame numbers. A gap in
    the images themselves keeps its numbers, unless more are missing than there are. The rate is
    then that of the images.
    """
    assert target.writer is not None
    frames = sequence.frames
    fps = sequence.fps
    if target.is_gapless and len(frames) and frames[-1] >= 2 * len(frames):
        note = f"{sequence.name}: images are numbered anew, as few frames of the video have labels"
        print(f"note: {note}; --images none keeps the frame numbers", file=sys.stderr)
        fps = _compute_rate(sequence)
        frames = np.arange(sequence.n_frames, dtype=np.int64)
    suffixes = [path.suffix.lower() for path in sequence.image_paths]
    suffixes = suffixes or [_VIDEO_FRAME_SUFFIX] * len(frames)
    new_paths = [
        directory / target.writer.get_image_path(sequence.name, frame, suffix)
        for frame, suffix in zip(frames.tolist(), suffixes, strict=True)
    ]
    for parent in {path.parent for path in new_paths}:
        make_directory(parent)
    if sequence.image_paths:
        for image_path, path in zip(sequence.image_paths, new_paths, strict=True):
            _copy_or_link(image_path, path, how)
    else:
        decoded = iterate_images(sequence, range(sequence.n_frames))
        for image, path in zip(decoded, new_paths, strict=True):
            _write_jpeg(path, image)
    return replace(
        sequence, frames=frames, fps=fps, image_paths=tuple(new_paths), video=None, video_dataset=""
    )


def _compute_rate(sequence: LabelledSequence) -> float | None:
    """Return the labelled frames per second; None if it is unknown, or they come irregularly."""
    steps = np.unique(np.diff(sequence.frames))
    if sequence.fps is None or len(steps) > 1:
        return None
    return sequence.fps / int(steps[0]) if len(steps) else sequence.fps


def _copy_or_link(image_path: Path, path: Path, how: str) -> None:
    with storage_errors(path):
        if how == "link":
            path.symlink_to(image_path.resolve())
        else:
            shutil.copyfile(image_path, path)


def _write_jpeg(path: Path, image: UInt8) -> None:
    import cv2

    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    with storage_errors(path):
        path.write_bytes(cv2.imencode(path.suffix, image[..., ::-1], quality)[1].tobytes())
