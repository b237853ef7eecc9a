"""COCO and COCO-video in: one JSON of ``images``, ``annotations``, ``categories``, and of ``videos`` for recordings.

An image of a video has ``video_id`` and ``frame_id`` (or ``frame_index``), an animal that is
followed has ``track_id`` (or ``instance_id``); ``bbox`` is left, top, width, height. Poses and
masks without a ``bbox`` become boxes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.extras import import_extra
from murid.datasets.keypoints import choose_body_points, make_box
from murid.datasets.labels import UNKNOWN, Problem
from murid.datasets.media import locate
from murid.datasets.raw_labels import Box, Label, RawLabels, ReadOptions, Size, to_name
from murid.errors import FormatError

Entry = Mapping[str, Any]


def recognise(path: Path) -> bool:
    """Whether this is a JSON file, or a directory with some in it or in its ``annotations``."""
    return path.suffix.lower() == ".json" if path.is_file() else bool(_find_files(path))


def find(path: Path, options: ReadOptions) -> list[Path]:
    """Files with the split in their name, or all; raises `FormatError` if there is none."""
    files = [path] if path.is_file() else _find_files(path)
    chosen = [file for file in files if options.split is None or options.split in file.stem]
    if not chosen:
        raise FormatError(path, "split", f"a file with {options.split!r} in its name", "none")
    return chosen


def read(path: Path, options: ReadOptions) -> list[RawLabels]:
    """Read every video, and the images that belong to none; raises `FormatError` if the file is no COCO."""
    return _Reader(path, options).read()


def _find_files(path: Path) -> list[Path]:
    return sorted(path.glob("*.json")) or sorted(path.glob("annotations/*.json"))


class _Reader:
    """Reads one file."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.path, self.options = path, options
        self.content = _load(path)
        self.categories = {entry.get("id"): entry for entry in self.content["categories"]}
        self.videos = {entry.get("id"): entry for entry in self.content["videos"]}
        self.roots = list(_list_roots(path))
        self.drafts: dict[Any, RawLabels] = {}
        self.places: dict[Any, tuple[RawLabels, int]] = {}
        self.problems: list[Problem] = []

    def read(self) -> list[RawLabels]:
        self._read_all("images", self._read_image)
        self._read_all("annotations", self._read_annotation)
        drafts = list(self.drafts.values()) or [
            RawLabels(self.path.stem, self.path, recording=False)
        ]
        drafts[0].problems += self.problems
        for draft in drafts:
            draft.frames = list(draft.image_paths)
            if not any(image.is_file() for image in draft.image_paths.values()):
                draft.image_paths = {}
        return drafts

    def _read_all(self, key: str, read: Callable[[str, Entry], None]) -> None:
        for k, entry in enumerate(self.content[key]):
            try:
                read(f"{key}[{k}]", entry)
            except FormatError as error:
                self.problems.append(Problem.from_error(error))

    def _error(self, place: str, field: str, expected: str, got: Any) -> FormatError:
        return FormatError(self.path, f"{place}, {field}", expected, repr(got))

    def _read_image(self, place: str, image: Entry) -> None:
        key, name = image.get("id"), image.get("file_name")
        if key is None or key in self.places:
            raise self._error(place, "id", "each id once", key)
        if not isinstance(name, str) or not name:
            raise self._error(place, "file_name", "the name of a image", name)
        draft = self._find_draft(image.get("video_id"))
        frame = self._find_frame(place, image, draft)
        self.places[key] = draft, frame
        draft.image_paths[frame] = locate(name, self.roots) or self.roots[0] / name
        if image.get("width") and image.get("height"):
            draft.sizes[frame] = int(image["width"]), int(image["height"])
        if image.get("complete") is False:
            draft.incomplete.add(frame)

    def _find_frame(self, place: str, image: Entry, draft: RawLabels) -> int:
        """Index of the image in its video, or among the images of no video."""
        frame = image.get("frame_id", image.get("frame_index")) if draft.recording else None
        frame = len(draft.image_paths) if frame is None else frame
        if not isinstance(frame, int) or frame < 0 or frame in draft.image_paths:
            raise self._error(
                place, "frame_id", "a whole number from 0, each once in a video", frame
            )
        return frame

    def _find_draft(self, key: Any) -> RawLabels:
        if key not in self.drafts:
            video = self.videos.get(key, {})
            name = (
                self.path.stem
                if key is None
                else to_name(str(video.get("name", f"{self.path.stem}-{key}")))
            )
            classes = tuple(str(entry.get("name")) for entry in self.categories.values())
            fps = float(video["fps"]) if video.get("fps") else None
            self.drafts[key] = RawLabels(
                name, self.path, recording=key is not None, class_names=classes, fps=fps
            )
        return self.drafts[key]

    def _read_annotation(self, place: str, annotation: Entry) -> None:
        if annotation.get("image_id") not in self.places:
            raise self._error(
                place, "image_id", "the id of one of the images", annotation.get("image_id")
            )
        draft, frame = self.places[annotation["image_id"]]
        if annotation.get("iscrowd"):
            draft.incomplete.add(frame)
            return
        category = self.categories.get(annotation.get("category_id"))
        try:
            if category is None:
                expected = "the id of one of the categories"
                raise self._error(place, "category_id", expected, annotation.get("category_id"))
            box = self._find_box(place, annotation, category, draft.sizes.get(frame))
            track_id = self._find_id(place, annotation)
        except FormatError:
            draft.incomplete.add(frame)
            raise
        visibility = float(annotation.get("visibility", math.nan))
        draft.labels.append(
            Label(frame, box, self.path, place, track_id, str(category.get("name")), visibility)
        )

    def _find_id(self, place: str, annotation: Entry) -> int:
        track_id = annotation.get("track_id", annotation.get("instance_id", UNKNOWN))
        if not isinstance(track_id, int) or track_id < UNKNOWN:
            raise self._error(place, "track_id", "a whole number from 0", track_id)
        return track_id

    def _find_box(self, place: str, annotation: Entry, category: Entry, size: Size | None) -> Box:
        bbox = annotation.get("bbox")
        if bbox is not None:
            box = _from_bbox(bbox)
        elif annotation.get("keypoints"):
            box = self._from_keypoints(annotation["keypoints"], category, size)
        else:
            box = _from_mask(annotation.get("segmentation"), size)
        if box is None:
            raise self._error(place, "bbox", "four numbers: left, top, width, height", bbox)
        return box

    def _from_keypoints(self, keypoints: Any, category: Entry, size: Size | None) -> Box | None:
        points = np.array(keypoints, np.float64).reshape(-1, 3)
        names = category.get("keypoints") or [""] * len(points)
        points[points[:, 2] <= 0] = np.nan
        return make_box(
            points[choose_body_points(names, self.options.leave_out), :2], self.options, size
        )


def _load(path: Path) -> dict[str, list[Entry]]:
    """Lists of a COCO file; raises `FormatError` if it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise FormatError(
            path, f"line {error.lineno}, column {error.colno}", "JSON", error.msg
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(path, "file", "a readable JSON file", str(error)) from error
    lists: dict[str, list[Entry]] = {}
    for key in ("images", "annotations", "categories", "videos"):
        value = (
            content.get(key, [] if key == "videos" else None) if isinstance(content, dict) else None
        )
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise FormatError(path, key, "a list of objects, as COCO has it", type(value).__name__)
        lists[key] = value
    return lists


def _list_roots(path: Path) -> Iterator[Path]:
    """Folders that file names may count from, as is usual around ``annotations/instances_train.json``."""
    split = path.stem.rpartition("_")[2]
    for base in (path.parent, path.parent.parent):
        for inner in ("", "images", split, f"images/{split}"):
            yield base / inner


def _from_bbox(bbox: Any) -> Box | None:
    try:
        left, top, width, height = (float(value) for value in bbox)
    except (TypeError, ValueError):
        return None
    box = (left, top, left + width, top + height)
    return box if all(map(math.isfinite, box)) else None


def _from_mask(segmentation: Any, size: Size | None) -> Box | None:
    """Bounds of polygons or of a run-length mask."""
    if isinstance(segmentation, dict) and size is not None:
        mask = import_extra("pycocotools.mask", "pycocotools")
        is_packed = isinstance(segmentation.get("counts"), str)
        return _from_bbox(
            mask.toBbox(segmentation if is_packed else mask.frPyObjects(segmentation, *size[::-1]))
        )
    if not isinstance(segmentation, list) or not segmentation:
        return None
    points = np.concatenate(
        [np.array(polygon, np.float64).reshape(-1, 2) for polygon in segmentation]
    )
    return make_box(points, ReadOptions(margin=0.0))
