"""Read SLEAP projects (``.slp``) through sleap-io, and analysis files; boxes are from keypoints.

The images of a training package (``.pkg.slp``) are inside the file.

Instances labelled by a person come first. A predicted instance is used for an animal without one,
so that proofread predictions can be read too. A frame with fewer animals than another frame of the
same video is incomplete.
"""

from __future__ import annotations

from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from murid.core.extras import import_extra
from murid.core.plurals import format_count
from murid.datasets.embedded_images import read_embedded_frames
from murid.datasets.keypoints import (
    compute_box,
    describe_boxless,
    mark_incomplete_frames,
    select_body_keypoints,
)
from murid.datasets.labels import UNKNOWN_TRACK_ID
from murid.datasets.media import find_file, is_hidden
from murid.datasets.raw_labels import Label, RawLabels, ReadOptions, Size, to_name
from murid.datasets.sleap_analysis import SUFFIX, read_analysis, recognise_analysis
from murid.errors import FormatError

# Suffixes of files that contain images themselves.
_HDF5_SUFFIXES = (".slp", ".h5", ".hdf5")


def recognise(path: Path) -> bool:
    """Whether this is a ``.slp`` file or an analysis, or a directory with some in it."""
    if path.is_file():
        return path.suffix.lower() == ".slp" or recognise_analysis(path)
    return bool(_find_files(path))


def find_files(path: Path, _options: ReadOptions) -> list[Path]:
    """Return the project files of a directory, else its analysis files."""
    return [path] if path.is_file() else _find_files(path)


def _find_files(path: Path) -> list[Path]:
    for suffix in (".slp", SUFFIX):
        files = sorted(file for file in path.glob(f"*{suffix}") if not is_hidden(file))
        if files:
            return files
    return []


def read(path: Path, options: ReadOptions) -> list[RawLabels]:
    """Read every video of a project, or the one video of an analysis.

    Raises
    ------
    FormatError
        If the file is not a SLEAP project or analysis.
    MissingExtraError
        If sleap-io is not installed.
    """
    if path.suffix.lower() != ".slp":
        return [read_analysis(path, options)]
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
        if raw.video_dataset:
            frames = _leave_out_unembedded(raw, frames)
        raw.frames = [int(frame.frame_idx) for frame in frames]
        size = _get_size(video)
        n_boxless = sum(_add_labels(raw, frame, track_ids, size, options) for frame in frames)
        raw.notes += describe_boxless(raw.name, n_boxless)
        mark_incomplete_frames(raw)
        sequences.append(raw)
    return sequences or [RawLabels(path.stem, path, is_recording=True)]


def _start_sequence(path: Path, video: Any, *, is_only: bool) -> RawLabels:
    """Return a sequence without labels, with its video or images if they are found.

    The project file contains their paths on the machine of the person who labelled them, or the
    name of the dataset with images inside a file.
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
    elif first.suffix.lower() in _HDF5_SUFFIXES:
        # A package may have been renamed since it was written.
        is_package = first.suffix.lower() == ".slp"
        raw.video = path if is_package else find_file(names[0], (path.parent,))
        raw.video_dataset = str(video.backend_metadata.get("dataset") or "")
    else:
        raw.video = find_file(names[0], (path.parent,))
    return raw


def _leave_out_unembedded(raw: RawLabels, frames: list[Any]) -> list[Any]:
    """Return the frames that a person has labelled, or that have an image inside the file.

    A package keeps all predictions, but the images of labelled frames only.
    """
    assert raw.video is not None
    embedded = read_embedded_frames(raw.video, raw.video_dataset) or {}
    kept = [
        frame for frame in frames if int(frame.frame_idx) in embedded or len(frame.user_instances)
    ]
    if len(kept) < len(frames):
        predicted = format_count(len(frames) - len(kept), "predicted frame")
        raw.notes.append(f"{raw.name}: {predicted} without an image in the package left out")
    return kept


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
) -> int:
    """Add the labels of one frame, and return how many animals have too few keypoints for a box."""
    n_boxless = 0
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
            n_boxless += 1
            continue
        track_id = track_ids.get(id(instance.track), UNKNOWN_TRACK_ID)
        location = f"frame {index}, instance {number}"
        raw.labels.append(Label(index, box, raw.path, location, track_id))
    return n_boxless


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
