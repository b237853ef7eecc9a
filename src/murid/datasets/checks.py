"""Every check of labelled data that does not depend on the format, in one place: from drafts to sequences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, Int64
from murid.datasets.labels import UNKNOWN, LabelledSequence, Problem
from murid.datasets.media import measure_image, measure_video
from murid.datasets.raw_labels import Label, RawLabels, ReadOptions, Size

NO_SIZE = (0, 0)


def finish(draft: RawLabels, options: ReadOptions) -> tuple[LabelledSequence | None, list[Problem]]:
    """Make a sequence of what is sound in a draft, and say what is not.

    Parameters
    ----------
    draft : RawLabels
    options : ReadOptions

    Returns
    -------
    sequence : LabelledSequence or None
        Without the labels and frames that have a problem; None if nothing is left.
    problems : list of Problem
        All there are.
    """
    frames, problems = _find_frames(draft, options)
    problems = draft.problems + problems
    if not frames:
        return None, problems
    checked = _check_labels(
        [label for label in draft.labels if label.frame in frames], frames, options
    )
    return _assemble(draft, frames, checked), problems + checked.problems


def _find_frames(draft: RawLabels, options: ReadOptions) -> tuple[dict[int, Size], list[Problem]]:
    """Size of each frame that has a sound image, ascending; and the frames that have none."""
    wanted = sorted(set(draft.frames))
    if draft.video is not None:
        frames, problems = _measure_video_frames(draft, wanted)
    elif draft.image_paths:
        frames, problems = _measure_images(draft, wanted)
    else:
        missing = Problem(
            draft.path, "", "images", "a video or images of the labelled frames", "none found"
        )
        problems = [missing] if options.require_images else []
        frames = {} if problems else {frame: draft.sizes.get(frame, NO_SIZE) for frame in wanted}
    odd = _find_odd_sizes(draft, frames)
    return {frame: size for frame, size in frames.items() if frame not in odd}, problems + list(
        odd.values()
    )


def _measure_video_frames(
    draft: RawLabels, wanted: list[int]
) -> tuple[dict[int, Size], list[Problem]]:
    assert draft.video is not None
    video = measure_video(draft.video)
    if video is None:
        return {}, [Problem(draft.video, "", "file", "a video that can be opened", "none")]
    draft.fps = draft.fps or video.fps or None
    end = video.n_frames or max(wanted, default=0) + 1
    expected = f"a frame of {draft.video.name}, which has {end}"
    problems = _report_missing(draft, [frame for frame in wanted if frame >= end], expected)
    return {frame: video.size for frame in wanted if frame < end}, problems


def _measure_images(draft: RawLabels, wanted: list[int]) -> tuple[dict[int, Size], list[Problem]]:
    frames: dict[int, Size] = {}
    problems = _report_missing(
        draft, [f for f in wanted if f not in draft.image_paths], "one with a image"
    )
    for frame in filter(draft.image_paths.__contains__, wanted):
        path = draft.image_paths[frame]
        size = draft.measured.get(frame) or measure_image(path)
        if size is not None:
            frames[frame] = size
        elif not path.is_file():
            problems.append(_about_frame(draft, frame, "image", "a file", f"no {path}"))
        else:
            problems.append(
                Problem(path, "", "file", "a image", "something that cannot be opened as one")
            )
    return frames, problems


def _report_missing(draft: RawLabels, missing: list[int], expected: str) -> list[Problem]:
    """Problems of frames that have no image: one for each with labels, and one for the others together."""
    labelled = [frame for frame in missing if frame in draft.first_labels]
    others = [frame for frame in missing if frame not in draft.first_labels]
    problems = [
        _about_frame(draft, frame, "frame", expected, f"frame {frame} from 0") for frame in labelled
    ]
    if others:
        got = f"{len(others)} frames without, {others[0]} to {others[-1]} from 0"
        problems.append(Problem(draft.path, "", "frame", expected, got))
    return problems


def _find_odd_sizes(draft: RawLabels, frames: dict[int, Size]) -> dict[int, Problem]:
    """Frames that are not of the size they are said to have, or not of that of the rest of their recording."""
    usual = Counter(frames.values()).most_common(1)[0][0] if frames else NO_SIZE
    odd = {}
    for frame, size in frames.items():
        declared = draft.sizes.get(frame, size)
        source = "as the labels say" if declared != size else "as most of the recording"
        expected = declared if declared != size or not draft.recording else usual
        if size != expected:
            odd[frame] = _about_frame(
                draft, frame, "size", f"{_show(expected)}, {source}", _show(size)
            )
    return odd


def _about_frame(draft: RawLabels, frame: int, field: str, expected: str, got: str) -> Problem:
    """Problem of a whole frame, at its first label where there is one, else at its image."""
    label = draft.first_labels.get(frame)
    if label is not None:
        return Problem(label.path, label.place, field, expected, got)
    return Problem(draft.image_paths.get(frame, draft.path), "", field, expected, got)


def _show(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


@dataclass(eq=False)
class _Checked:
    """Labels without problems, in the order of their frames, and the problems of the others."""

    labels: list[Label]
    bad_frames: set[int]
    problems: list[Problem]


def _check_labels(
    labels: Sequence[Label], frames: dict[int, Size], options: ReadOptions
) -> _Checked:
    boxes = np.array([label.box for label in labels], np.float64).reshape(-1, 4)
    sizes = np.array([frames[label.frame] for label in labels], np.int64).reshape(-1, 2)
    wanted = options.classes
    found: list[tuple[NDArray[np.bool_], str, str]] = [
        (_have_no_area(boxes), "box", "a width and a height above 0"),
        (_are_outside(boxes, sizes), "box", "a centre inside the image"),
        (_come_again(labels), "id", "each id once in a frame"),
        (
            np.array(
                [wanted is not None and label.class_name not in wanted for label in labels], bool
            ),
            "class",
            "",
        ),
    ]
    bad: dict[int, Problem] = {}
    for mask, field, expected in found:
        for row in np.flatnonzero(mask).tolist():
            label, size = labels[row], sizes[row]
            got = {
                "box": _describe(label, (int(size[0]), int(size[1]))),
                "id": f"{label.track_id} again",
            }
            text = got.get(field, repr(label.class_name))
            bad.setdefault(
                row,
                Problem(
                    label.path, label.place, field, expected or " or ".join(wanted or ()), text
                ),
            )
    kept = sorted(
        (label for row, label in enumerate(labels) if row not in bad), key=lambda label: label.frame
    )
    return _Checked(kept, {labels[row].frame for row in bad}, [bad[row] for row in sorted(bad)])


def _have_no_area(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(~(boxes[:, 2:] > boxes[:, :2]).all(axis=1))


def _are_outside(boxes: NDArray[np.float64], sizes: Int64) -> NDArray[np.bool_]:
    """Whether the centre of a box is outside its image; where no size is known, it is not."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.asarray(((centres < 0) | (centres > sizes)).any(axis=1) & (sizes > 0).all(axis=1))


def _come_again(labels: Sequence[Label]) -> NDArray[np.bool_]:
    """Whether an id was in the same frame before."""
    seen: set[tuple[int, int]] = set()
    again = np.zeros(len(labels), bool)
    for row, label in enumerate(labels):
        key = (label.frame, label.track_id)
        again[row] = label.track_id != UNKNOWN and key in seen
        seen.add(key)
    return again


def _describe(label: Label, size: Size) -> str:
    left, top, right, bottom = label.box
    image = "" if size == NO_SIZE else f" in {_show(size)}"
    return f"{right - left:g}x{bottom - top:g} at {left:g}, {top:g}{image}"


def _assemble(draft: RawLabels, frames: dict[int, Size], checked: _Checked) -> LabelledSequence:
    labels, indices = checked.labels, list(frames)
    names = draft.class_names or tuple(sorted({label.class_name for label in labels}))
    numbers = {name: number for number, name in enumerate(names)}
    starts = (
        np.searchsorted([label.frame for label in labels], indices)
        if labels
        else np.zeros(len(indices))
    )
    visibility: Float32 = np.array([label.visibility for label in labels], np.float32)
    return LabelledSequence(
        name=draft.name,
        recording=draft.recording,
        frames=np.array(indices, np.int64),
        video=draft.video,
        image_paths=()
        if draft.video or not draft.image_paths
        else tuple(draft.image_paths[frame] for frame in indices),
        sizes=np.array(list(frames.values()), np.int64).reshape(-1, 2),
        frame_offsets=np.append(starts, len(labels)).astype(np.int64),
        boxes=np.array([label.box for label in labels], np.float32).reshape(-1, 4),
        track_ids=np.array([label.track_id for label in labels], np.int64),
        class_ids=np.array([numbers[label.class_name] for label in labels], np.int64),
        class_names=names,
        visibility=visibility,
        complete=np.array(
            [f not in draft.incomplete and f not in checked.bad_frames for f in indices], bool
        ),
        fps=draft.fps,
    )
