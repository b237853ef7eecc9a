"""DeepLabCut ``.csv`` and ``.h5``: labelled images (``CollectedData_*``) and analysed videos.

Boxes are computed from keypoints. In an analysed video, keypoints with a likelihood below 0.6 are
not visible.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

import numpy as np

from murid.datasets.deeplabcut_table import KeypointTable, read_keypoint_table
from murid.datasets.ids import to_whole_number
from murid.datasets.keypoints import (
    compute_box,
    describe_boxless,
    mark_incomplete_frames,
    select_body_keypoints,
)
from murid.datasets.labels import UNKNOWN_TRACK_ID, Problem
from murid.datasets.media import (
    find_images,
    find_video,
    number_images,
    read_image_size,
    read_video_info,
)
from murid.datasets.raw_labels import Label, RawLabels, ReadOptions, Size, to_name

SUFFIXES = (".csv", ".h5")
# DeepLabCut's own default threshold (pcutoff).
MIN_LIKELIHOOD = 0.6

# Individual to which DeepLabCut assigns unique body parts, such as the corners of the cage.
_UNIQUE_BODY_PARTS = "single"


@dataclass(frozen=True)
class _Sequence:
    """A sequence without labels, and the frame of each row of the table that belongs to it."""

    raw: RawLabels
    frames: dict[int, int]


def recognise(path: Path) -> bool:
    """Whether this is a table, a folder of labelled images, or a project with ``labeled-data``."""
    return path.suffix.lower() in SUFFIXES if path.is_file() else bool(_find_tables(path))


def find_files(path: Path, _options: ReadOptions) -> list[Path]:
    """Return the tables at a path; of ``.csv`` and ``.h5`` the former, which needs no library."""
    return [path] if path.is_file() else _find_tables(path)


def _find_tables(path: Path) -> list[Path]:
    found = [
        file
        for folder in ("", "labeled-data/*/", "*/")
        for file in path.glob(f"{folder}CollectedData_*.*")
    ]
    chosen: dict[Path, Path] = {}
    for suffix in SUFFIXES:
        for file in found:
            if file.suffix == suffix:
                chosen.setdefault(file.with_suffix(""), file)
    return sorted(chosen.values())


def read(path: Path, options: ReadOptions) -> list[RawLabels]:
    """Read an analysed video, or each folder of labelled images.

    Raises
    ------
    FormatError
        If the file is not a DeepLabCut table.
    MissingExtraError
        If it is an ``.h5`` file, and pandas or tables is not installed.
    """
    table = read_keypoint_table(path)
    if all(to_whole_number(key) is not None for key in table.keys):
        sequences = [_start_video(path, table)]
    else:
        folders = list(dict.fromkeys(_split_path(key)[0] for key in table.keys))
        is_only = len(folders) == 1
        sequences = [_start_folder(path, table, folder, is_only=is_only) for folder in folders]
    for sequence in sequences:
        _add_labels(sequence, table, options)
        mark_incomplete_frames(sequence.raw)
    return [sequence.raw for sequence in sequences]


def _start_video(path: Path, table: KeypointTable) -> _Sequence:
    """Return an analysed video: the keys of its table are frame numbers."""
    stem = path.stem.partition("DLC")[0] or path.stem
    video = find_video(path.parent, stem)
    raw = RawLabels(to_name(stem), path, is_recording=True, video=video)
    frames = {row: to_whole_number(key) or 0 for row, key in enumerate(table.keys)}
    return _Sequence(raw, frames)


def _start_folder(path: Path, table: KeypointTable, folder: str, *, is_only: bool) -> _Sequence:
    """Return the labelled images of one folder: the keys of its table are paths."""
    file_names = {}
    for row, key in enumerate(table.keys):
        key_folder, file_name = _split_path(key)
        if key_folder == folder:
            file_names[row] = file_name
    labelled = set(file_names.values())

    # Images without a row are numbered too, so that the numbers are frames of the video.
    directory = _find_image_folder(path, folder)
    images = find_images(directory)
    numbered = number_images(sorted({*images, *(directory / name for name in labelled)}))
    frames = {image.name: frame for frame, image in numbered.items()}

    name = PureWindowsPath(folder).name or path.stem
    if is_only and not folder:
        name = path.parent.name
    raw = RawLabels(to_name(name), path, is_recording=True)
    raw.image_paths = {frames[image.name]: image for image in images}
    for image in images:
        if image.name not in labelled:
            raw.problems.append(Problem(image, "", "labels", f"a row in {path.name}", "none"))
    for frame, image in raw.image_paths.items():
        size = read_image_size(image) if image.name in labelled else None
        if size is not None:
            raw.image_sizes[frame] = size
    return _Sequence(raw, {row: frames[name] for row, name in file_names.items()})


def _find_image_folder(path: Path, folder: str) -> Path:
    """Return the folder named in a table, which is relative to the project, or the table's own."""
    if folder:
        for base in path.parents[:4]:
            if (base / folder).is_dir():
                return base / folder
    return path.parent


def _split_path(key: str) -> tuple[str, str]:
    """Return folder and file name of a path written on any operating system."""
    folder, _, name = key.replace("\\", "/").rpartition("/")
    return folder, name


def _add_labels(sequence: _Sequence, table: KeypointTable, options: ReadOptions) -> None:
    """Add a label for each individual and row with enough visible keypoints."""
    raw = sequence.raw
    raw.frames = list(sequence.frames.values())
    individuals = [name for name in table.individuals if name != _UNIQUE_BODY_PARTS]
    has_identities = len(individuals) == 1 or not raw.image_paths or _has_identities(raw.path)
    video_size = _read_video_size(raw)
    n_boxless = 0
    for number, individual in enumerate(individuals):
        names, points = table.get_keypoints(individual, MIN_LIKELIHOOD)
        points = points[:, select_body_keypoints(names, options.exclude_keypoints)]
        track_id = number if has_identities else UNKNOWN_TRACK_ID
        for row, frame in sequence.frames.items():
            box = compute_box(points[row], options, video_size or raw.image_sizes.get(frame))
            if box is not None:
                location = ", ".join(filter(None, (table.locations[row], individual)))
                raw.labels.append(Label(frame, box, raw.path, location, track_id))
            elif np.isfinite(points[row]).any():
                raw.incomplete.add(frame)
                n_boxless += 1
    raw.notes += describe_boxless(raw.name, n_boxless)


def _read_video_size(raw: RawLabels) -> Size | None:
    video = None if raw.video is None else read_video_info(raw.video)
    return None if video is None else video.size


def _has_identities(path: Path) -> bool:
    """Whether the project says that an individual is the same animal in all images."""
    for folder in path.parents[:3]:
        config = folder / "config.yaml"
        if config.is_file():
            text = config.read_text("utf-8")
            return re.search(r"^identity:\s*true", text, re.I | re.M) is not None
    return False
