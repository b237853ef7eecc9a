"""Check that a result and its ground truth are of the same video, before they are scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from murid.core.boxes import compute_areas, compute_intersections
from murid.errors import FormatError
from murid.evaluation.pairing import FilePair
from murid.metrics import GroundTruth, LabelledBoxes

# Boxes that end before this fraction of the frames may be those of a shorter video.
_MIN_COVERED_FRACTION = 0.9

# Boxes that are this many times larger or smaller may be in other pixels. It is less than the 2 of
# a video of half the size.
_MAX_SCALE = 1.9

# More boxes outside the image than this fraction cannot be animals at its edge.
_MAX_OUTSIDE_FRACTION = 0.5


def check_lengths(
    files: FilePair, run_n_frames: int | None, given_n_frames: int | None
) -> int | None:
    """Return the number of frames, None if unknown.

    Raises
    ------
    FormatError
        If run, option and ground truth have different numbers of frames.
    """
    sources = {
        str(files.result): run_n_frames,
        "--frames": given_n_frames,
        "the ground truth": files.truth.n_frames,
    }
    known = {name: n_frames for name, n_frames in sources.items() if n_frames is not None}
    if len(set(known.values())) > 1:
        got = ", ".join(f"{n_frames} in {name}" for name, n_frames in known.items())
        raise FormatError(
            files.truth.path, "frames", "ground truth and a result of one length", got
        )
    return next(iter(known.values()), None)


def check_sizes(files: FilePair, run_size: tuple[int, int]) -> None:
    """Raise `FormatError` if the image sizes of a run and its ground truth differ."""
    if files.truth.size is not None and all(run_size) and files.truth.size != run_size:
        width, height = files.truth.size
        expected = f"{run_size[0]}x{run_size[1]} as in {files.result}"
        raise FormatError(files.truth.path, "image size", expected, f"{width}x{height}")


def check_overlap(
    files: FilePair, truth: GroundTruth, result: LabelledBoxes, *, allow_empty: bool
) -> None:
    """Raise `FormatError` if result and ground truth cannot be of the same video.

    This is the case if most boxes lie outside the image. Unless `allow_empty`, it is also the case
    if no box of the result overlaps a ground truth box.
    """
    _check_inside(files, files.truth.path, truth.boxes)
    _check_inside(files, files.result, result)
    if allow_empty:
        return
    if not len(result):
        expected = "some (--allow-empty scores none as zero)"
        raise FormatError(files.result, "tracks", expected, "none")
    if not _overlap(truth.boxes, result):
        expected = (
            f"a box that overlaps one of {files.truth.path} (--allow-empty scores this as zero)"
        )
        got = "no overlap in any frame: another video, scale or frame count?"
        raise FormatError(files.result, "boxes", expected, got)


def _check_inside(files: FilePair, path: Path, boxes: LabelledBoxes) -> None:
    """Raise `FormatError` if most boxes lie outside the image."""
    if files.truth.size is None or not len(boxes):
        return
    centres = (boxes.boxes[:, :2] + boxes.boxes[:, 2:]) / 2
    outside = ((centres < 0) | (centres > np.array(files.truth.size))).any(axis=1)
    if outside.mean() > _MAX_OUTSIDE_FRACTION:
        width, height = files.truth.size
        expected = f"boxes inside images of {width}x{height}"
        raise FormatError(str(path), "boxes", expected, f"{outside.sum()} of {len(boxes)} outside")


def _overlap(truth: LabelledBoxes, result: LabelledBoxes) -> bool:
    """Return whether any box of the result overlaps a ground truth box."""
    frames = np.union1d(truth.frames, result.frames)
    rows_by_frame = zip(truth.split(frames), result.split(frames), strict=True)
    return any(
        compute_intersections(truth.boxes[truth_rows], result.boxes[result_rows]).any()
        for truth_rows, result_rows in rows_by_frame
    )


def find_possible_mistakes(
    name: str, truth: LabelledBoxes, result: LabelledBoxes, n_frames: int
) -> list[str]:
    """Return notes on possible mistakes, which are no errors."""
    notes = []
    truth_end = int(truth.frames.max(initial=-1)) + 1
    result_end = int(result.frames.max(initial=-1)) + 1
    if truth_end < _MIN_COVERED_FRACTION * n_frames:
        notes.append(
            f"{name}: the ground truth has no animal after frame {truth_end} of {n_frames}; "
            "--labelled-frames leaves out frames without labels"
        )
    if result_end < _MIN_COVERED_FRACTION * truth_end:
        notes.append(
            f"{name}: the result has no box after frame {result_end}, "
            f"the ground truth goes on to {truth_end}"
        )
    if len(truth) and len(result):
        result_area = float(np.median(compute_areas(result.boxes)))
        truth_area = float(np.median(compute_areas(truth.boxes)))
        scale = (result_area / max(truth_area, 1e-9)) ** 0.5
        if not 1 / _MAX_SCALE <= scale <= _MAX_SCALE:
            notes.append(
                f"{name}: boxes of the result are {scale:.2g} times as large as those of the "
                "truth: another scale?"
            )
    return notes
