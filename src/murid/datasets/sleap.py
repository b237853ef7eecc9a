"""SLEAP project files (``.slp``) in, through sleap-io: poses become boxes.

The instances a person made count, and predicted ones of animals that have none; so a proofread file
of predictions is read too. Frames with fewer animals than the fullest frame of their video are not
complete.
"""

from __future__ import annotations

from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from murid.core.extras import import_extra
from murid.datasets.keypoints import choose_body_points, make_box, mark_thin_frames
from murid.datasets.labels import UNKNOWN, Problem
from murid.datasets.media import locate
from murid.datasets.raw_labels import Label, RawLabels, ReadOptions, Size, to_name
from murid.errors import FormatError


def recognise(path: Path) -> bool:
    """Whether this is a ``.slp`` file, or a directory with some in it."""
    return path.suffix.lower() == ".slp" if path.is_file() else any(path.glob("*.slp"))


def find(path: Path, _options: ReadOptions) -> list[Path]:
    """Project files of a directory."""
    return [path] if path.is_file() else sorted(path.glob("*.slp"))


def read(path: Path, options: ReadOptions) -> list[RawLabels]:
    """Read every video of a project.

    Raises
    ------
    FormatError
        If the file is no SLEAP project.
    MissingExtraError
        If sleap-io is not installed.
    """
    sleap_io = import_extra("sleap_io", "sleap-io")
    try:
        labels = sleap_io.load_slp(str(path), open_videos=False)
    except Exception as error:  # whatever HDF5 and sleap-io raise for a file that is none of theirs
        raise FormatError(
            path, "file", "a SLEAP project", f"{type(error).__name__}: {error}"
        ) from error
    track_ids = {id(track): number for number, track in enumerate(labels.tracks)}
    drafts = []
    for video in labels.videos:
        draft = _start_draft(path, video, alone=len(labels.videos) == 1)
        frames = [frame for frame in labels.labeled_frames if frame.video is video]
        draft.frames = [int(frame.frame_idx) for frame in frames]
        for frame in frames:
            _read_frame(draft, frame, track_ids, _get_size(video), options)
        mark_thin_frames(draft)
        drafts.append(draft)
    return drafts or [RawLabels(path.stem, path, recording=True)]


def _start_draft(path: Path, video: Any, alone: bool) -> RawLabels:
    """A draft that knows its video, which labels call by its path on the machine where they were made."""
    names = video.filename if isinstance(video.filename, list) else [video.filename]
    found = {frame: locate(str(name), (path.parent,)) for frame, name in enumerate(names)}
    first = PureWindowsPath(str(names[0]))
    name = path.stem if alone else f"{path.stem}-{first.parent.name}-{first.stem}"
    draft = RawLabels(to_name(name), path, recording=True)
    if isinstance(video.filename, list):
        draft.image_paths = {frame: image for frame, image in found.items() if image is not None}
    elif first.suffix.lower() in (".slp", ".h5"):
        expected = "a video file beside the labels"
        draft.problems.append(
            Problem(path, f"video {first.name}", "images", expected, "images inside the file")
        )
    else:
        draft.video = found[0]
    return draft


def _get_size(video: Any) -> Size | None:
    shape = video.shape
    return (int(shape[2]), int(shape[1])) if shape is not None and shape[1] and shape[2] else None


def _read_frame(
    draft: RawLabels, frame: Any, track_ids: dict[int, int], size: Size | None, options: ReadOptions
) -> None:
    index = int(frame.frame_idx)
    if size is not None:
        draft.sizes[index] = size
    for number, instance in enumerate(_choose_instances(frame)):
        points = np.asarray(instance.numpy(), np.float64)
        body = points[choose_body_points(instance.skeleton.node_names, options.leave_out)]
        box = make_box(body, options, size)
        if box is None:
            draft.incomplete.add(index)
            continue
        track_id = track_ids.get(id(instance.track), UNKNOWN)
        draft.labels.append(
            Label(index, box, draft.path, f"frame {index}, instance {number}", track_id)
        )


def _choose_instances(frame: Any) -> list[Any]:
    """Instances by a person, and predicted ones that none of these stands for."""
    made = list(frame.user_instances)
    replaced = {id(instance.from_predicted) for instance in made}
    followed = {id(instance.track) for instance in made if instance.track is not None}
    return made + [
        instance
        for instance in frame.predicted_instances
        if id(instance) not in replaced
        and not (instance.track is not None and id(instance.track) in followed)
    ]
