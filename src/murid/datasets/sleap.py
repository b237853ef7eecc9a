"""Read SLEAP project files (``.slp``) through sleap-io; boxes are computed from keypoints.

Instances labelled by a person come first. A predicted instance is used for an animal without one,
so that proofread predictions can be read too. A frame with fewer animals than another frame of the
same video is incomplete.
"""

from __future__ import annotations

from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from murid.core.extras import import_extra
from murid.datasets.keypoints import (
    compute_box,
    mark_incomplete_frames,
    select_body_keypoints,
)
from murid.datasets.labels import UNKNOWN_TRACK_ID, Problem
from murid.datasets.media import find_file
from murid.datasets.raw_labels import Label, RawLabels, ReadOptions, Size, to_name
from murid.errors import FormatError


def recognise(path: Path) -> bool:
    """Whether this is a ``.slp`` file, or a directory with some in it."""
    return path.suffix.lower() == ".slp" if path.is_file() else any(path.glob("*.slp"))


def find_files(path: Path, _options: ReadOptions) -> list[Path]:
    """Return the project files of a directory."""
    return [path] if path.is_file() else sorted(path.glob("*.slp"))


def read(path: Path, options: ReadOptions) -> list[RawLabels]:
    """Read every video of a project.

    Raises
    ------
    FormatError
        If the file is not a SLEAP project.
    MissingExtraError
        If sleap-io is not installed.
    """
    sleap_io = import_extra("sleap_io", "sleap-io")
    try:
        labels = sleap_io.load_slp(str(path), open_videos=False)
    except Exception as error:  # HDF5 and sleap-io raise many types for a file of another kind
        got = f"{type(error).__name__}: {error}"
        raise FormatError(path, "file", "a SLEAP project", got) from error
    track_ids = {id(track): number for number, track in enumerate(labels.tracks)}
    sequences = []
    for video in labels.videos:
        raw = _start_sequence(path, video, is_only=len(labels.videos) == 1)
        frames = [frame for frame in labels.labeled_frames if frame.video is video]
        raw.frames = [int(frame.frame_idx) for frame in frames]
        size = _get_size(video)
        for frame in frames:
            _add_labels(raw, frame, track_ids, size, options)
        mark_incomplete_frames(raw)
        sequences.append(raw)
    return sequences or [RawLabels(path.stem, path, is_recording=True)]


def _start_sequence(path: Path, video: Any, *, is_only: bool) -> RawLabels:
    """Return a sequence without labels, with its video or images if they are found.

    The project file contains their paths on the machine of the person who labelled them.
    """
    is_images = isinstance(video.filename, list)
    names = [str(name) for name in (video.filename if is_images else [video.filename])]
    first = PureWindowsPath(names[0])
    name = path.stem if is_only else f"{path.stem}-{first.parent.name}-{first.stem}"
    raw = RawLabels(to_name(name), path, is_recording=True)
    if is_images:
        for frame, image_name in enumerate(names):
            image = find_file(image_name, (path.parent,))
            if image is not None:
                raw.image_paths[frame] = image
    elif first.suffix.lower() in (".slp", ".h5"):
        expected = "a video file beside the labels"
        location = f"video {first.name}"
        raw.problems.append(Problem(path, location, "images", expected, "images inside the file"))
    else:
        raw.video = find_file(names[0], (path.parent,))
    return raw


def _get_size(video: Any) -> Size | None:
    if video.shape is None:
        return None
    height, width = video.shape[1:3]
    return (int(width), int(height)) if height and width else None


def _add_labels(
    raw: RawLabels,
    frame: Any,
    track_ids: dict[int, int],
    size: Size | None,
    options: ReadOptions,
) -> None:
    """Add the labels of one frame; an animal with too few keypoints makes it incomplete."""
    index = int(frame.frame_idx)
    if size is not None:
        raw.declared_sizes[index] = size
    for number, instance in enumerate(_select_instances(frame)):
        points = np.asarray(instance.numpy(), np.float64)
        names = instance.skeleton.node_names
        body = points[select_body_keypoints(names, options.exclude_keypoints)]
        box = compute_box(body, options, size)
        if box is None:
            raw.incomplete.add(index)
            continue
        track_id = track_ids.get(id(instance.track), UNKNOWN_TRACK_ID)
        location = f"frame {index}, instance {number}"
        raw.labels.append(Label(index, box, raw.path, location, track_id))


def _select_instances(frame: Any) -> list[Any]:
    """Return the instances labelled by a person, and the predictions that they do not replace."""
    selected = list(frame.user_instances)
    corrected = {id(instance.from_predicted) for instance in selected}
    tracked = {id(instance.track) for instance in selected if instance.track is not None}
    for instance in frame.predicted_instances:
        has_track = instance.track is not None
        if id(instance) in corrected or (has_track and id(instance.track) in tracked):
            continue
        selected.append(instance)
    return selected
