"""Whether a result and a truth are of the same video; no score is computed where they are not."""

from __future__ import annotations

import numpy as np

from murid.core.boxes import compute_areas, compute_intersections
from murid.errors import FormatError
from murid.evaluation.pairing import Pair
from murid.metrics import LabelledBoxes, Truth

_SHORT = 0.9
_ODD_SCALE = 2.0


def check_lengths(pair: Pair, of_run: int | None, given: int | None) -> int | None:
    """Return the number of frames, where anything says it; raises `FormatError` if two sources do not agree."""
    sources = {str(pair.result): of_run, "--frames": given, "the truth": pair.truth.n_frames}
    known = {name: n_frames for name, n_frames in sources.items() if n_frames is not None}
    if len(set(known.values())) > 1:
        got = ", ".join(f"{n_frames} in {name}" for name, n_frames in known.items())
        raise FormatError(pair.truth.path, "frames", "a truth and a result of one length", got)
    return next(iter(known.values()), None)


def check_sizes(pair: Pair, of_run: tuple[int, int]) -> None:
    """Raise `FormatError` if the video of a run and that of the truth differ in size."""
    if pair.truth.size is not None and all(of_run) and pair.truth.size != of_run:
        width, height = pair.truth.size
        expected = f"{of_run[0]}x{of_run[1]} as in {pair.result}"
        raise FormatError(pair.truth.path, "size of the pictures", expected, f"{width}x{height}")


def check_overlap(pair: Pair, truth: Truth, result: LabelledBoxes, *, allow_empty: bool) -> None:
    """Raise `FormatError` if boxes lie outside the pictures, or the result has no box that touches one of the truth."""
    for path, boxes in ((pair.truth.path, truth.boxes), (pair.result, result)):
        _check_inside(pair, path, boxes)
    if allow_empty:
        return
    if not len(result):
        raise FormatError(pair.result, "tracks", "some (--allow-empty scores none as zero)", "none")
    if not _touch(truth.boxes, result):
        expected = (
            f"a box that touches one of {pair.truth.path} (--allow-empty scores this as zero)"
        )
        raise FormatError(
            pair.result,
            "boxes",
            expected,
            "no overlap in any frame: another video, scale or frame count?",
        )


def _check_inside(pair: Pair, path: object, boxes: LabelledBoxes) -> None:
    if pair.truth.size is None or not len(boxes):
        return
    centres = (boxes.boxes[:, :2] + boxes.boxes[:, 2:]) / 2
    outside = ((centres < 0) | (centres > np.array(pair.truth.size))).any(axis=1)
    if outside.mean() > 0.5:
        width, height = pair.truth.size
        expected = f"boxes inside pictures of {width}x{height}"
        raise FormatError(str(path), "boxes", expected, f"{outside.sum()} of {len(boxes)} outside")


def _touch(truth: LabelledBoxes, result: LabelledBoxes) -> bool:
    frames = np.union1d(truth.frames, result.frames)
    pairs = zip(truth.split(frames), result.split(frames), strict=True)
    return any(compute_intersections(truth.boxes[a], result.boxes[b]).any() for a, b in pairs)


def note_oddities(
    name: str, truth: LabelledBoxes, result: LabelledBoxes, n_frames: int
) -> list[str]:
    """What may be a mistake and may be none, in words."""
    notes = []
    last_truth, last_result = (int(boxes.frames.max(initial=-1)) + 1 for boxes in (truth, result))
    if last_truth < _SHORT * n_frames:
        notes.append(f"{name}: the truth has no animal after frame {last_truth} of {n_frames}")
    if last_result < _SHORT * last_truth:
        notes.append(
            f"{name}: the result has no box after frame {last_result}, the truth goes on to {last_truth}"
        )
    if len(truth) and len(result):
        theirs, ours = (float(np.median(compute_areas(boxes.boxes))) for boxes in (result, truth))
        scale = (theirs / max(ours, 1e-9)) ** 0.5
        if not 1 / _ODD_SCALE <= scale <= _ODD_SCALE:
            notes.append(
                f"{name}: boxes of the result are {scale:.2g} times as large as the truth's: another scale?"
            )
    return notes
