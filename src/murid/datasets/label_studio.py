"""Read the JSON of Label Studio: rectangles and polygons of images, rectangles of videos.

Coordinates are percentages of the width and height. A rectangle of a video is one animal: it has
keyframes, moves evenly between them, and is hidden after a keyframe that is not ``enabled``. Frames
count from 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from murid.core.plurals import format_count
from murid.core.types import Float64
from murid.datasets.ids import to_whole_number
from murid.datasets.json_files import load_json, read_start
from murid.datasets.keyframes import interpolate_keyframes
from murid.datasets.labels import UNKNOWN_TRACK_ID, Problem
from murid.datasets.media import find_file, is_hidden, read_image_size, read_video_info
from murid.datasets.raw_labels import DEFAULT_CLASS, Box, Label, RawLabels, ReadOptions, to_name
from murid.errors import FormatError

Entry = Mapping[str, Any]

_VIDEO_TYPE = "videorectangle"
_POLYGON_TYPE = "polygonlabels"
_IMAGE_TYPES = ("rectanglelabels", "rectangle", _POLYGON_TYPE)

# Label Studio puts eight digits before the name of an uploaded file.
_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")
_IMAGE_FOLDERS = ("", "images", "upload")


def recognise(path: Path) -> bool:
    """Whether this is an export of Label Studio, or a directory with one."""
    if path.is_file():
        return _is_export(path)
    first = next((f for f in sorted(path.glob("*.json")) if not is_hidden(f)), None)
    return first is not None and _is_export(first)


def _is_export(path: Path) -> bool:
    if path.suffix.lower() != ".json":
        return False
    start = read_start(path)
    keys = ('"annotations"', '"result"', '"from_name"')
    return start.lstrip().startswith("[") and all(key in start for key in keys)


def find_files(path: Path, _options: ReadOptions) -> list[Path]:
    """Return the exports at a path."""
    return [path] if path.is_file() else sorted(filter(_is_export, path.glob("*.json")))


def read(path: Path, _options: ReadOptions) -> list[RawLabels]:
    """Read the images as one sequence, and each video as another.

    Raises `FormatError` if the file is not JSON, or not a list of tasks.
    """
    tasks = load_json(path)
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise FormatError(path, "file", "a list of tasks, as Label Studio has it", "something else")
    return _Reader(path).read(tasks)


class _Reader:
    """Reads one file; invalid labels are collected as problems."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._roots = [path.parent / name for name in _IMAGE_FOLDERS]
        self._images = RawLabels(to_name(path.stem), path, is_recording=False)
        self._videos: list[RawLabels] = []
        self._n_others = 0
        self._n_left_out = 0
        self._n_unlabelled = 0

    def read(self, tasks: list[Entry]) -> list[RawLabels]:
        """Return all sequences."""
        for k, task in enumerate(tasks):
            results = self._choose_results(task)
            if results is None:
                self._n_unlabelled += 1
            elif any(result.get("type") == _VIDEO_TYPE for result in results):
                self._read_video(f"[{k}]", task, results)
            else:
                self._read_image(f"[{k}]", task, results)
        self._images.frames = list(self._images.image_paths)
        # Labels may come without image files, but not with a part of them.
        if not any(image.is_file() for image in self._images.image_paths.values()):
            self._images.image_paths = {}
        sequences = [self._images] if self._images.frames or not self._videos else []
        sequences += self._videos
        sequences[0].notes += self._make_notes()
        return sequences

    def _make_notes(self) -> list[str]:
        notes = []
        name = self._path.name
        if self._n_unlabelled:
            tasks = format_count(self._n_unlabelled, "task")
            notes.append(f"{name}: {tasks} without a finished annotation left out")
        if self._n_others:
            annotations = format_count(self._n_others, "annotation")
            notes.append(f"{name}: {annotations} of tasks with several left out; the first is read")
        if self._n_left_out:
            results = format_count(self._n_left_out, "result")
            notes.append(f"{name}: left out {results} without a rectangle or polygon")
        return notes

    def _choose_results(self, task: Entry) -> list[Entry] | None:
        """Return the results of the first annotation of a task that is not cancelled."""
        annotations = _list_entries(task.get("annotations"))
        finished = [each for each in annotations if not each.get("was_cancelled")]
        if not finished:
            return None
        self._n_others += len(finished) - 1
        return _list_entries(finished[0].get("result"))

    def _find_media(self, task: Entry, key: str) -> Path:
        """Return the image or video of a task, which may be missing."""
        data = task.get("data")
        named = data.get(key) if isinstance(data, dict) else None
        if named is None and isinstance(data, dict):
            named = next((value for value in data.values() if isinstance(value, str)), None)
        # The name may be an address with a query.
        name = str(named or task.get("file_upload") or "").partition("?")[0]
        file_name = PureWindowsPath(name).name
        for candidate in (name, file_name, _UPLOAD_PREFIX.sub("", file_name)):
            found = find_file(candidate, self._roots) if candidate else None
            if found is not None:
                return found
        return self._path.parent / (file_name or "unnamed")

    def _read_image(self, location: str, task: Entry, results: list[Entry]) -> None:
        raw = self._images
        frame = len(raw.image_paths)
        raw.image_paths[frame] = self._find_media(task, "image")
        for number, result in enumerate(results):
            if result.get("type") not in _IMAGE_TYPES:
                # The label of a rectangle may be a result of its own.
                self._n_left_out += result.get("type") not in ("labels", "choices")
                continue
            place = f"{location}, result[{number}]"
            try:
                size = _get_size(result) or read_image_size(raw.image_paths[frame])
                if size is None:
                    expected = "original_width and original_height, or the image"
                    raise FormatError(self._path, f"{place}, size", expected, "neither")
                raw.declared_sizes[frame] = size
                box = self._get_box(place, result, size)
            except FormatError as error:
                raw.problems.append(Problem.from_error(error))
                raw.incomplete.add(frame)
                continue
            name = _get_class_name(result)
            raw.labels.append(Label(frame, box, self._path, place, class_name=name))

    def _get_box(self, place: str, result: Entry, size: tuple[int, int]) -> Box:
        """Return the upright box of a rectangle or a polygon."""
        value = result.get("value")
        try:
            if result.get("type") == _POLYGON_TYPE:
                points = np.array(_as_entry(value)["points"], np.float64).reshape(-1, 2)
                return _get_bounds(points / 100 * np.array(size))
            return _to_pixels(_as_entry(value), size)
        except (KeyError, TypeError, ValueError):
            expected = "a rectangle or a polygon, in percent"
            raise FormatError(self._path, f"{place}, value", expected, repr(value)) from None

    def _read_video(self, location: str, task: Entry, results: list[Entry]) -> None:
        """Add a sequence with a track for each rectangle; all frames count as labelled."""
        media = self._find_media(task, "video")
        info = read_video_info(media)
        raw = RawLabels(to_name(media.stem), self._path, is_recording=True)
        self._videos.append(raw)
        if info is None:
            expected = "the video, as Label Studio does not keep its size"
            problem = Problem(self._path, location, "video", expected, f"no {media}")
            raw.problems.append(problem)
            return
        raw.video = media
        n_frames = info.n_frames or max(map(_count_frames, results))
        track_id = UNKNOWN_TRACK_ID
        for number, result in enumerate(results):
            if result.get("type") != _VIDEO_TYPE:
                self._n_left_out += 1
                continue
            track_id += 1
            place = f"{location}, result[{number}]"
            try:
                boxes = self._read_keyframes(place, result, info.size)
            except FormatError as error:
                raw.problems.append(Problem.from_error(error))
                continue
            name = _get_class_name(result)
            for frame, box in interpolate_keyframes(boxes, range(n_frames)).items():
                raw.labels.append(Label(frame, box, self._path, place, track_id, name))
        raw.frames = list(range(n_frames))

    def _read_keyframes(
        self, place: str, result: Entry, size: tuple[int, int]
    ) -> dict[int, Box | None]:
        """Return the boxes of keyframes; None in the frame from which on the animal is hidden."""
        boxes: dict[int, Box | None] = {}
        hidden = set()
        try:
            for keyframe in _as_entry(result.get("value"))["sequence"]:
                number = to_whole_number(keyframe["frame"])
                if number is None or number < 1:
                    raise ValueError(keyframe)
                boxes[number - 1] = _to_pixels(keyframe, size)
                if not keyframe.get("enabled", True):
                    hidden.add(number)
        except (KeyError, TypeError, ValueError):
            expected = "keyframes with a frame from 1 and a rectangle in percent"
            got = "something else"
            raise FormatError(self._path, f"{place}, sequence", expected, got) from None
        for frame in hidden:
            boxes.setdefault(frame, None)
        return boxes


def _list_entries(value: Any) -> list[Entry]:
    """Return the entries of a list; empty if it is none."""
    entries = value if isinstance(value, list) else []
    return [entry for entry in entries if isinstance(entry, dict)]


def _as_entry(value: Any) -> Entry:
    if not isinstance(value, dict):
        raise TypeError(value)
    return value


def _count_frames(result: Entry) -> int:
    value = result.get("value")
    count = value.get("framesCount") if isinstance(value, dict) else None
    return to_whole_number(count) or 0


def _get_size(result: Entry) -> tuple[int, int] | None:
    width = to_whole_number(result.get("original_width"))
    height = to_whole_number(result.get("original_height"))
    return (width, height) if width and height else None


def _get_class_name(result: Entry) -> str:
    """Return the first label of a result: under the name of its type, or under ``labels``."""
    value = result.get("value")
    if isinstance(value, dict):
        for key in (str(result.get("type")), "labels"):
            names = value.get(key)
            if isinstance(names, list) and names:
                return str(names[0])
    return DEFAULT_CLASS


def _to_pixels(value: Entry, size: tuple[int, int]) -> Box:
    """Return the upright box of a rectangle in percent, rotated about its upper left corner."""
    left, top, width, height = (float(value[key]) for key in ("x", "y", "width", "height"))
    scale = np.array(size) / 100
    corner = np.array([left, top]) * scale
    right, bottom = (np.array([width, height]) * scale).tolist()
    angle = math.radians(float(value.get("rotation") or 0))
    cos, sin = math.cos(angle), math.sin(angle)
    corners = np.array([[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]])
    return _get_bounds(corner + corners @ np.array([[cos, sin], [-sin, cos]]))


def _get_bounds(points: Float64) -> Box:
    if not np.isfinite(points).all():
        raise ValueError("points")
    left, top = points.min(axis=0).tolist()
    right, bottom = points.max(axis=0).tolist()
    return left, top, right, bottom
