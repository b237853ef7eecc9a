"""Read COCO and COCO-video: one JSON of ``images``, ``annotations``, ``categories``, ``videos``.

An image of a video has ``video_id`` and ``frame_id`` (or ``frame_index``), an annotation of a
tracked animal has ``track_id`` (or ``instance_id``); ``bbox`` is left, top, width, height. Where
there is no ``bbox``, the box is computed from keypoints or from a mask.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.extras import import_extra
from murid.datasets.keypoints import compute_box, select_body_keypoints
from murid.datasets.labels import UNKNOWN_TRACK_ID, Problem
from murid.datasets.media import find_file
from murid.datasets.raw_labels import Box, Label, RawLabels, ReadOptions, Size, to_name
from murid.errors import FormatError

Entry = Mapping[str, Any]

_REQUIRED_LISTS = ("images", "annotations", "categories")


def recognise(path: Path) -> bool:
    """Whether this is a JSON file, or a directory with some in it or in its ``annotations``."""
    return path.suffix.lower() == ".json" if path.is_file() else bool(_find_json_files(path))


def find_files(path: Path, options: ReadOptions) -> list[Path]:
    """Return files with the split in their name, or all; raises `FormatError` without any."""
    files = [path] if path.is_file() else _find_json_files(path)
    chosen = [file for file in files if options.split is None or options.split in file.stem]
    if not chosen:
        raise FormatError(path, "split", f"a file with {options.split!r} in its name", "none")
    return chosen


def _find_json_files(path: Path) -> list[Path]:
    return sorted(path.glob("*.json")) or sorted(path.glob("annotations/*.json"))


def read(path: Path, options: ReadOptions) -> list[RawLabels]:
    """Read every video, and the images without a video as one sequence.

    Raises `FormatError` if the file is not COCO.
    """
    return _Reader(path, options).read()


class _Reader:
    """Reads one file.

    Invalid entries are collected as problems, so that the user sees all of them at once.
    """

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self._path = path
        self._options = options
        self._content = _load(path)
        self._categories = {entry.get("id"): entry for entry in self._content["categories"]}
        self._videos = {entry.get("id"): entry for entry in self._content["videos"]}
        self._roots = list(_list_image_roots(path))
        # Sequences by video id, None for images without a video.
        self._sequences: dict[Any, RawLabels] = {}
        # Sequence and frame of each image id.
        self._images: dict[Any, tuple[RawLabels, int]] = {}
        self._problems: list[Problem] = []

    def read(self) -> list[RawLabels]:
        """Return all sequences."""
        self._read_entries("images", self._read_image)
        self._read_entries("annotations", self._read_annotation)
        sequences = list(self._sequences.values())
        if not sequences:
            sequences = [RawLabels(self._path.stem, self._path, is_recording=False)]
        sequences[0].problems += self._problems
        for raw in sequences:
            raw.frames = list(raw.image_paths)
            # Labels may come without image files, but not with a part of them.
            if not any(image.is_file() for image in raw.image_paths.values()):
                raw.image_paths = {}
        return sequences

    def _read_entries(self, key: str, read_entry: Callable[[str, Entry], None]) -> None:
        for k, entry in enumerate(self._content[key]):
            try:
                read_entry(f"{key}[{k}]", entry)
            except FormatError as error:
                self._problems.append(Problem.from_error(error))

    def _make_error(self, location: str, field: str, expected: str, got: Any) -> FormatError:
        return FormatError(self._path, f"{location}, {field}", expected, repr(got))

    def _read_image(self, location: str, image: Entry) -> None:
        image_id = image.get("id")
        name = image.get("file_name")
        if image_id is None or image_id in self._images:
            raise self._make_error(location, "id", "each id once", image_id)
        if not isinstance(name, str) or not name:
            raise self._make_error(location, "file_name", "the name of an image", name)
        raw = self._get_sequence(image.get("video_id"))
        frame = self._get_frame(location, image, raw)
        self._images[image_id] = raw, frame
        raw.image_paths[frame] = find_file(name, self._roots) or self._roots[0] / name
        if image.get("width") and image.get("height"):
            raw.declared_sizes[frame] = int(image["width"]), int(image["height"])
        if image.get("complete") is False:
            raw.incomplete.add(frame)

    def _get_sequence(self, video_id: Any) -> RawLabels:
        """Return the sequence of a video; None stands for the images without a video."""
        if video_id in self._sequences:
            return self._sequences[video_id]
        video = self._videos.get(video_id, {})
        name = self._path.stem
        if video_id is not None:
            name = to_name(str(video.get("name", f"{self._path.stem}-{video_id}")))
        raw = RawLabels(
            name,
            self._path,
            is_recording=video_id is not None,
            class_names=tuple(str(entry.get("name")) for entry in self._categories.values()),
            fps=float(video["fps"]) if video.get("fps") else None,
        )
        self._sequences[video_id] = raw
        return raw

    def _get_frame(self, location: str, image: Entry, raw: RawLabels) -> int:
        """Return the index of the image in its video, or among the images without a video."""
        frame = None
        if raw.is_recording:
            frame = image.get("frame_id", image.get("frame_index"))
        if frame is None:
            frame = len(raw.image_paths)
        if not isinstance(frame, int) or frame < 0 or frame in raw.image_paths:
            expected = "a whole number from 0, each once in a video"
            raise self._make_error(location, "frame_id", expected, frame)
        return frame

    def _read_annotation(self, location: str, annotation: Entry) -> None:
        image_id = annotation.get("image_id")
        if image_id not in self._images:
            raise self._make_error(location, "image_id", "the id of one of the images", image_id)
        raw, frame = self._images[image_id]
        # A crowd is a region of animals without individual boxes.
        if annotation.get("iscrowd"):
            raw.incomplete.add(frame)
            return
        try:
            label = self._make_label(location, annotation, raw.declared_sizes.get(frame), frame)
        except FormatError:
            raw.incomplete.add(frame)
            raise
        raw.labels.append(label)

    def _make_label(self, location: str, annotation: Entry, size: Size | None, frame: int) -> Label:
        category_id = annotation.get("category_id")
        category = self._categories.get(category_id)
        if category is None:
            expected = "the id of one of the categories"
            raise self._make_error(location, "category_id", expected, category_id)
        return Label(
            frame,
            self._get_box(location, annotation, category, size),
            self._path,
            location,
            self._get_track_id(location, annotation),
            str(category.get("name")),
            float(annotation.get("visibility", math.nan)),
        )

    def _get_track_id(self, location: str, annotation: Entry) -> int:
        track_id = annotation.get("track_id", annotation.get("instance_id", UNKNOWN_TRACK_ID))
        if not isinstance(track_id, int) or track_id < UNKNOWN_TRACK_ID:
            raise self._make_error(location, "track_id", "a whole number from 0", track_id)
        return track_id

    def _get_box(self, location: str, annotation: Entry, category: Entry, size: Size | None) -> Box:
        bbox = annotation.get("bbox")
        box: Box | None
        if bbox is not None:
            box = _from_bbox(bbox)
        elif annotation.get("keypoints"):
            box = self._from_keypoints(annotation["keypoints"], category, size)
        else:
            box = _from_mask(annotation.get("segmentation"), size)
        if box is None:
            expected = "four numbers: left, top, width, height"
            raise self._make_error(location, "bbox", expected, bbox)
        return box

    def _from_keypoints(self, keypoints: Any, category: Entry, size: Size | None) -> Box | None:
        """Return the box of keypoints in COCO's form: x, y and visibility of each."""
        points = np.array(keypoints, np.float64).reshape(-1, 3)
        names = category.get("keypoints") or [""] * len(points)
        points[points[:, 2] <= 0] = np.nan
        body = points[select_body_keypoints(names, self._options.exclude_keypoints), :2]
        return compute_box(body, self._options, size)


def _load(path: Path) -> dict[str, list[Entry]]:
    """Return the lists of a COCO file; raises `FormatError` if it is not one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        field = f"line {error.lineno}, column {error.colno}"
        raise FormatError(path, field, "JSON", error.msg) from error
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(path, "file", "a readable JSON file", str(error)) from error
    if not isinstance(content, dict):
        content = {}
    lists: dict[str, list[Entry]] = {}
    for key in (*_REQUIRED_LISTS, "videos"):
        value = content.get(key, [] if key == "videos" else None)
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise FormatError(path, key, "a list of objects, as COCO has it", type(value).__name__)
        lists[key] = value
    return lists


def _list_image_roots(path: Path) -> Iterator[Path]:
    """Yield folders that image names may be relative to.

    In the usual layout, ``annotations/instances_train.json`` describes ``images/train``.
    """
    split = path.stem.rpartition("_")[2]
    for base in (path.parent, path.parent.parent):
        for folder in ("", "images", split, f"images/{split}"):
            yield base / folder


def _from_bbox(bbox: Any) -> Box | None:
    try:
        left, top, width, height = (float(value) for value in bbox)
    except (TypeError, ValueError):
        return None
    box = (left, top, left + width, top + height)
    return box if all(map(math.isfinite, box)) else None


def _from_mask(segmentation: Any, size: Size | None) -> Box | None:
    """Return the bounds of polygons or of a run-length encoded mask."""
    if isinstance(segmentation, dict) and size is not None:
        mask = import_extra("pycocotools.mask", "pycocotools")
        is_compressed = isinstance(segmentation.get("counts"), str)
        if not is_compressed:
            width, height = size
            segmentation = mask.frPyObjects(segmentation, height, width)
        return _from_bbox(mask.toBbox(segmentation))
    if not isinstance(segmentation, list) or not segmentation:
        return None
    polygons = [np.array(polygon, np.float64).reshape(-1, 2) for polygon in segmentation]
    return compute_box(np.concatenate(polygons), ReadOptions(margin=0.0))
