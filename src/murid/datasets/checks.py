"""Checks of labelled data in any format: images, sizes, boxes, ids, classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from murid.core.plurals import format_count
from murid.core.types import Bool, Float64, Int64
from murid.datasets.embedded_images import read_embedded_frames
from murid.datasets.labels import UNKNOWN_TRACK_ID, LabelledSequence, Problem
from murid.datasets.media import read_image_size, read_video_info
from murid.datasets.raw_labels import Label, RawLabels, ReadOptions, Size

# Size of a frame of unknown size.
UNKNOWN_SIZE = (0, 0)

# If so many frames have no labels, perhaps nobody has labelled them.
_MIN_NOTED_SHARE = 0.5

# Boxes that all lie within this many pixels of the upper left corner are fractions of the image,
# as YOLO has them. A detector's rounding may lead a little beyond 1.
_MAX_FRACTION = 1.01


def check_raw_labels(
    raw: RawLabels, options: ReadOptions
) -> tuple[LabelledSequence | None, list[Problem]]:
    """Return the valid labels as a sequence, and a list of all problems.

    Parameters
    ----------
    raw : RawLabels
    options : ReadOptions

    Returns
    -------
    sequence : LabelledSequence or None
        Without the labels and frames that have a problem; None if there are no frames left.
    problems : list of Problem
        Including those of `raw`.
    """
    frames, problems = _check_frames(raw, options)
    problems = raw.problems + problems
    if not frames:
        return None, problems
    labels = [label for label in raw.labels if label.frame in frames]
    checked = _check_labels(labels, frames, options)
    return _to_sequence(raw, frames, checked), problems + checked.problems


def _check_frames(raw: RawLabels, options: ReadOptions) -> tuple[dict[int, Size], list[Problem]]:
    """Return the size of each frame that has a valid image, ascending, and problems of others."""
    wanted = sorted(set(raw.frames))
    if raw.video is not None:
        frames, problems = _check_video_frames(raw, wanted)
    elif raw.image_paths:
        frames, problems = _check_images(raw, wanted)
    elif options.require_images:
        frames = {}
        expected = "a video or images of the labelled frames"
        problems = [Problem(raw.path, "", "images", expected, "none found")]
    else:
        frames = {frame: raw.declared_sizes.get(frame, UNKNOWN_SIZE) for frame in wanted}
        problems = []
    wrong_sizes = _find_wrong_sizes(raw, frames)
    valid = {frame: size for frame, size in frames.items() if frame not in wrong_sizes}
    return valid, problems + list(wrong_sizes.values())


def _check_video_frames(raw: RawLabels, wanted: list[int]) -> tuple[dict[int, Size], list[Problem]]:
    assert raw.video is not None
    if raw.video_dataset:
        return _check_embedded_frames(raw, wanted)
    video = read_video_info(raw.video)
    if video is None:
        return {}, [Problem(raw.video, "", "file", "a video that can be opened", "none")]
    raw.fps = raw.fps or video.fps or None
    n_frames = video.n_frames or max(wanted, default=0) + 1
    missing = [frame for frame in wanted if frame >= n_frames]
    expected = f"a frame of {raw.video.name}, which has {n_frames}"
    problems = _report_missing(raw, missing, expected)
    return {frame: video.size for frame in wanted if frame < n_frames}, problems


def _check_embedded_frames(
    raw: RawLabels, wanted: list[int]
) -> tuple[dict[int, Size], list[Problem]]:
    assert raw.video is not None
    embedded = read_embedded_frames(raw.video, raw.video_dataset)
    if embedded is None:
        expected = f"images in the dataset {raw.video_dataset}"
        return {}, [Problem(raw.video, "", "images", expected, "none that can be decoded")]
    missing = [frame for frame in wanted if frame not in embedded]
    problems = _report_missing(raw, missing, f"one with an image in {raw.video.name}")
    return {frame: embedded[frame] for frame in wanted if frame in embedded}, problems


def _check_images(raw: RawLabels, wanted: list[int]) -> tuple[dict[int, Size], list[Problem]]:
    missing = [frame for frame in wanted if frame not in raw.image_paths]
    last_image = max(raw.image_paths)
    in_gaps = [f for f in missing if f < last_image and f not in raw.first_labels]
    if in_gaps:
        # Nothing is wrong with them: the images that are there keep their numbers.
        raw.notes.append(
            f"{raw.name}: {_count_frames(in_gaps)} neither an image nor labels; the others keep "
            "their numbers"
        )
        missing = sorted(set(missing).difference(in_gaps))
    problems = _report_missing(raw, missing, "one with an image")
    frames: dict[int, Size] = {}
    for frame in wanted:
        if frame not in raw.image_paths:
            continue
        path = raw.image_paths[frame]
        size = raw.image_sizes.get(frame) or read_image_size(path)
        if size is not None:
            frames[frame] = size
        elif not path.is_file():
            problems.append(_make_frame_problem(raw, frame, "image", "a file", f"no {path}"))
        else:
            got = "something that cannot be opened as one"
            problems.append(Problem(path, "", "file", "an image", got))
    return frames, problems


def _report_missing(raw: RawLabels, missing: list[int], expected: str) -> list[Problem]:
    """Report frames without an image: one problem per labelled frame, one for all others."""
    labelled = [frame for frame in missing if frame in raw.first_labels]
    others = [frame for frame in missing if frame not in raw.first_labels]
    problems = [
        _make_frame_problem(raw, frame, "frame", expected, f"frame {frame} from 0")
        for frame in labelled
    ]
    if others:
        got = f"{format_count(len(others), 'frame')} without, {_format_range(others)} from 0"
        problems.append(Problem(raw.path, "", "frame", expected, got))
    return problems


def _count_frames(frames: Sequence[int]) -> str:
    """Return how many frames there are, and which, with the verb."""
    if len(frames) == 1:
        return f"frame {frames[0]} from 0 has"
    return f"{len(frames)} frames, {_format_range(frames)} from 0, have"


def _format_range(frames: Sequence[int]) -> str:
    return str(frames[0]) if len(frames) == 1 else f"{frames[0]} to {frames[-1]}"


def _find_wrong_sizes(raw: RawLabels, frames: dict[int, Size]) -> dict[int, Problem]:
    """Return the frames that differ in size from their label or from their recording."""
    most_common = UNKNOWN_SIZE
    if frames:
        most_common = Counter(frames.values()).most_common(1)[0][0]
    problems = {}
    for frame, size in frames.items():
        declared = raw.declared_sizes.get(frame, size)
        if declared != size:
            expected = f"{_format_size(declared)}, as the labels say"
        elif raw.is_recording and size != most_common:
            expected = f"{_format_size(most_common)}, as most of the recording"
        else:
            continue
        problems[frame] = _make_frame_problem(raw, frame, "size", expected, _format_size(size))
    return problems


def _make_frame_problem(raw: RawLabels, frame: int, field: str, expected: str, got: str) -> Problem:
    """Return a problem of a whole frame, located at its first label, else at its image."""
    label = raw.first_labels.get(frame)
    if label is not None:
        return Problem(label.path, label.location, field, expected, got)
    return Problem(raw.image_paths.get(frame, raw.path), "", field, expected, got)


def _format_size(size: Size) -> str:
    width, height = size
    return f"{width}x{height}"


@dataclass(eq=False)
class _CheckedLabels:
    """Valid labels in the order of their frames; the frames and problems of invalid labels."""

    labels: list[Label]
    bad_frames: set[int]
    problems: list[Problem]


def _check_labels(
    labels: Sequence[Label], frames: dict[int, Size], options: ReadOptions
) -> _CheckedLabels:
    boxes = np.array([label.box for label in labels], np.float64).reshape(-1, 4)
    sizes = np.array([frames[label.frame] for label in labels], np.int64).reshape(-1, 2)
    if len(boxes) and (np.abs(boxes) <= _MAX_FRACTION).all():
        got = f"{_format_box(labels[0], frames[labels[0].frame])}, and none beyond 1"
        problem = _make_problem(labels[0], "box", "pixels, not fractions of the image", got)
        return _CheckedLabels([], {label.frame for label in labels}, [problem])
    # The first check that fails names the problem, so each label has at most one.
    bad: dict[int, Problem] = {}
    for row in np.flatnonzero(_has_no_area(boxes)).tolist():
        label = labels[row]
        got = _format_box(label, frames[label.frame])
        bad[row] = _make_problem(label, "box", "a width and a height above 0", got)
    for row in np.flatnonzero(_is_outside(boxes, sizes)).tolist():
        label = labels[row]
        got = _format_box(label, frames[label.frame])
        bad.setdefault(row, _make_problem(label, "box", "a centre inside the image", got))
    for row in np.flatnonzero(_is_repeated(labels)).tolist():
        label = labels[row]
        got = f"{label.track_id} again"
        bad.setdefault(row, _make_problem(label, "id", "each id once in a frame", got))
    for row, label in enumerate(labels):
        if options.classes is not None and label.class_name not in options.classes:
            expected = " or ".join(options.classes)
            bad.setdefault(row, _make_problem(label, "class", expected, repr(label.class_name)))
    valid = [label for row, label in enumerate(labels) if row not in bad]
    return _CheckedLabels(
        labels=sorted(valid, key=lambda label: label.frame),
        bad_frames={labels[row].frame for row in bad},
        problems=[bad[row] for row in sorted(bad)],
    )


def _make_problem(label: Label, field: str, expected: str, got: str) -> Problem:
    return Problem(label.path, label.location, field, expected, got)


def _has_no_area(boxes: Float64) -> Bool:
    return np.asarray(~(boxes[:, 2:] > boxes[:, :2]).all(axis=1))


def _is_outside(boxes: Float64, sizes: Int64) -> Bool:
    """Whether the centre of each box is outside its image; False where the size is unknown."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    outside = ((centres < 0) | (centres > sizes)).any(axis=1)
    return np.asarray(outside & (sizes > 0).all(axis=1))


def _is_repeated(labels: Sequence[Label]) -> Bool:
    """Whether an earlier label of the same frame has the same track id."""
    seen: set[tuple[int, int]] = set()
    repeated = np.zeros(len(labels), bool)
    for row, label in enumerate(labels):
        key = (label.frame, label.track_id)
        repeated[row] = label.track_id != UNKNOWN_TRACK_ID and key in seen
        seen.add(key)
    return repeated


def _format_box(label: Label, size: Size) -> str:
    left, top, right, bottom = label.box
    image = "" if size == UNKNOWN_SIZE else f" in {_format_size(size)}"
    return f"{right - left:g}x{bottom - top:g} at {left:g}, {top:g}{image}"


def _to_sequence(
    raw: RawLabels, frames: dict[int, Size], checked: _CheckedLabels
) -> LabelledSequence:
    """Return the columns of a sequence from its valid frames and labels."""
    labels = checked.labels
    indices = list(frames)
    class_names = raw.class_names or tuple(sorted({label.class_name for label in labels}))
    class_ids = {name: number for number, name in enumerate(class_names)}
    label_frames = np.array([label.frame for label in labels], np.int64)
    starts = np.searchsorted(label_frames, indices)
    n_empty = len(set(indices).difference(label_frames.tolist()).difference(checked.bad_frames))
    notes = list(raw.notes)
    if labels and n_empty >= _MIN_NOTED_SHARE * len(indices):
        images = f"{n_empty} of {format_count(len(indices), 'frame')}"
        notes.append(f"{raw.name}: {images} have no labels, and count as without animals")
    image_paths: tuple[Path, ...] = ()
    if raw.video is None and raw.image_paths:
        image_paths = tuple(raw.image_paths[frame] for frame in indices)
    return LabelledSequence(
        name=raw.name,
        is_recording=raw.is_recording,
        frames=np.array(indices, np.int64),
        video=raw.video,
        image_paths=image_paths,
        sizes=np.array(list(frames.values()), np.int64).reshape(-1, 2),
        frame_offsets=np.append(starts, len(labels)).astype(np.int64),
        boxes=np.array([label.box for label in labels], np.float32).reshape(-1, 4),
        track_ids=np.array([label.track_id for label in labels], np.int64),
        class_ids=np.array([class_ids[label.class_name] for label in labels], np.int64),
        class_names=class_names,
        visibility=np.array([label.visibility for label in labels], np.float32),
        complete=_find_complete(indices, raw.incomplete, checked.bad_frames),
        fps=raw.fps,
        video_dataset=raw.video_dataset,
        notes=tuple(notes),
    )


def _find_complete(
    frames: Sequence[int], incomplete: Collection[int], bad_frames: Collection[int]
) -> Bool:
    """Whether all animals of each frame have a valid label."""
    return np.array([f not in incomplete and f not in bad_frames for f in frames], bool)
