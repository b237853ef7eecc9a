"""Read COCO and COCO-video: one JSON of ``images``, ``annotations``, ``categories``, ``videos``.

An image of a video has ``video_id`` and ``frame_id`` (or ``frame_index``), an annotation of a
tracked animal has ``track_id`` (or ``instance_id``), itself or among its ``attributes``; ``bbox``
is left, top, width, height. Where there is no ``bbox``, or one without area, the box is computed
from keypoints or from a mask.

``iscrowd`` marks a region of animals without individual boxes, but CVAT sets it for every mask. So
an annotation with it is one animal where it says which animal it is, where CVAT has written it, or
where the file has no annotation without it.

CVAT writes the frames of a video as images without a video, whose names have the numbers of the
frames. If their animals are tracked, they are read as a recording.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.extras import import_extra
from murid.core.plurals import format_count
from murid.datasets.ids import (
    IdentityNumbers,
    find_identity,
    normalise_id,
    simplify_key,
    to_whole_number,
)
from murid.datasets.json_files import describe_json, load_json, read_start
from murid.datasets.keypoints import compute_box, select_body_keypoints
from murid.datasets.labels import UNKNOWN_TRACK_ID, Problem
from murid.datasets.media import find_file, is_hidden
from murid.datasets.raw_labels import (
    DEFAULT_CLASS,
    Box,
    Label,
    RawLabels,
    ReadOptions,
    Size,
    to_name,
)
from murid.errors import FormatError

Entry = Mapping[str, Any]

_REQUIRED_LISTS = ("images", "annotations")
_OPTIONAL_LISTS = ("categories", "videos")

# Places where programs keep what COCO has no key for: CVAT and FiftyOne, Roboflow, COCO Annotator.
_ATTRIBUTE_PLACES = ("attributes", "extra", "metadata")

# CVAT writes this attribute for every label.
_CVAT_ATTRIBUTE = "occluded"

# Names of the frames of a video in CVAT, which count from 0 and are PNG in upper case.
_CVAT_FRAME = re.compile(r"(?:.*[/\\])?frame_(\d{6})\.(\w+)")
_CVAT_SUFFIX = "PNG"

# Roboflow calls its file so in each folder of images.
_ROBOFLOW_STEM = "_annotations.coco"


def recognise(path: Path) -> bool:
    """Whether this is a JSON file, or a directory with some in it or in its ``annotations``."""
    return path.suffix.lower() == ".json" if path.is_file() else bool(_find_json_files(path))


def has_images(path: Path) -> bool:
    """Whether a directory has a JSON file that begins as COCO does, with images or annotations."""
    starts = map(read_start, _find_json_files(path))
    return any(f'"{key}"' in start for start in starts for key in _REQUIRED_LISTS)


def find_files(path: Path, options: ReadOptions) -> list[Path]:
    """Return files with the split in their name, or all; raises `FormatError` without any."""
    files = [path] if path.is_file() else _find_json_files(path)
    chosen = [file for file in files if options.split is None or options.split in _name_part(file)]
    if not chosen:
        raise FormatError(path, "split", f"a file with {options.split!r} in its name", "none")
    return chosen


def _find_json_files(path: Path) -> list[Path]:
    for pattern in ("*.json", "annotations/*.json", f"*/{_ROBOFLOW_STEM}.json"):
        files = sorted(file for file in path.glob(pattern) if not is_hidden(file))
        if files:
            return files
    return []


def _name_part(path: Path) -> str:
    """Return the name of the part of a data set that a file describes."""
    return path.parent.name if path.stem == _ROBOFLOW_STEM else path.stem


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
        self._categories = _by_id(self._content["categories"])
        self._videos = _by_id(self._content["videos"])
        self._roots = list(_list_image_roots(path))
        annotations = self._content["annotations"]
        self._numbers = IdentityNumbers([_find_identity(each) for each in annotations])
        self._are_all_flagged = all(_is_flagged(each) for each in annotations)
        self._cvat_frames = self._number_cvat_frames()
        # Sequences by video id, None for images without a video.
        self._sequences: dict[Any, RawLabels] = {}
        # Sequence and frame of each image id.
        self._images: dict[Any, tuple[RawLabels, int]] = {}
        self._problems: list[Problem] = []
        self._n_crowds = 0
        self._n_flagged_animals = 0

    def read(self) -> list[RawLabels]:
        """Return all sequences."""
        self._read_entries("images", self._read_image)
        self._read_entries("annotations", self._read_annotation)
        sequences = list(self._sequences.values())
        if not sequences:
            sequences = [RawLabels(_name_part(self._path), self._path, is_recording=False)]
        sequences[0].problems += self._problems
        sequences[0].notes += self._make_notes()
        for raw in sequences:
            raw.frames = list(raw.image_paths)
            # Labels may come without image files, but not with a part of them.
            if not any(image.is_file() for image in raw.image_paths.values()):
                raw.image_paths = {}
        return sequences

    def _number_cvat_frames(self) -> dict[Any, int]:
        """Return the frame of each image by its name, if the file is a tracked video of CVAT.

        Other programs write the same names, but may count from 1.
        """
        annotations = self._content["annotations"]
        if not annotations or not all(
            any(_CVAT_ATTRIBUTE in place for place in _list_attributes(each))
            and _find_identity(each) is not None
            for each in annotations
        ):
            return {}
        names = [str(image.get("file_name")) for image in self._content["images"]]
        found = [_CVAT_FRAME.fullmatch(name) for name in names]
        matches = [match for match in found if match is not None]
        if len(matches) < len(names):
            return {}
        numbers = [int(match.group(1)) for match in matches]
        is_from_0 = 0 in numbers or all(match.group(2) == _CVAT_SUFFIX for match in matches)
        first = 0 if is_from_0 else 1
        return {name: number - first for name, number in zip(names, numbers, strict=True)}

    def _make_notes(self) -> list[str]:
        """Return what was made of annotations with ``iscrowd``."""
        notes = []
        if self._n_crowds:
            annotations = format_count(self._n_crowds, "annotation")
            notes.append(
                f"{self._path.name}: left out {annotations} with iscrowd, as "
                "regions of several animals; their images count as incomplete"
            )
        if self._n_flagged_animals:
            annotations = format_count(self._n_flagged_animals, "annotation")
            notes.append(
                f"{self._path.name}: {annotations} with iscrowd "
                "read as one animal each, as CVAT writes masks"
            )
        return notes

    def _read_entries(self, key: str, read_entry: Callable[[str, Entry], None]) -> None:
        for k, entry in enumerate(self._content[key]):
            try:
                read_entry(f"{key}[{k}]", entry)
            except FormatError as error:
                self._problems.append(Problem.from_error(error))

    def _make_error(self, location: str, field: str, expected: str, got: Any) -> FormatError:
        return FormatError(self._path, f"{location}, {field}", expected, repr(got))

    def _read_image(self, location: str, image: Entry) -> None:
        image_id = normalise_id(image.get("id"))
        name = image.get("file_name")
        if image_id is None or image_id in self._images:
            raise self._make_error(location, "id", "each id once", image_id)
        if not isinstance(name, str) or not name:
            raise self._make_error(location, "file_name", "the name of an image", name)
        raw = self._get_sequence(normalise_id(image.get("video_id")))
        frame = self._get_frame(location, image, raw)
        self._images[image_id] = raw, frame
        raw.image_paths[frame] = find_file(name, self._roots) or self._roots[0] / name
        width = to_whole_number(image.get("width"))
        height = to_whole_number(image.get("height"))
        if width and height:
            raw.declared_sizes[frame] = width, height
        if image.get("complete") is False:
            raw.incomplete.add(frame)

    def _get_sequence(self, video_id: Any) -> RawLabels:
        """Return the sequence of a video; None stands for the images without a video."""
        if video_id in self._sequences:
            return self._sequences[video_id]
        video = self._videos.get(video_id, {})
        name = _name_part(self._path)
        if video_id is not None:
            name = to_name(str(video.get("name", f"{self._path.stem}-{video_id}")))
        fps = _to_float(video.get("fps"))
        raw = RawLabels(
            name,
            self._path,
            is_recording=video_id is not None or bool(self._cvat_frames),
            class_names=tuple(map(_get_class_name, self._categories.values())),
            fps=fps if fps > 0 else None,
        )
        self._sequences[video_id] = raw
        return raw

    def _get_frame(self, location: str, image: Entry, raw: RawLabels) -> int:
        """Return the index of the image in its video, or among the images without a video."""
        given = None
        if raw.is_recording and image.get("video_id") is None:
            given = self._cvat_frames.get(image.get("file_name"))
        elif raw.is_recording:
            given = image.get("frame_id", image.get("frame_index"))
        frame = len(raw.image_paths) if given is None else to_whole_number(given)
        if frame is None or frame < 0 or frame in raw.image_paths:
            expected = "a whole number from 0, each once in a video"
            raise self._make_error(location, "frame_id", expected, given)
        return frame

    def _read_annotation(self, location: str, annotation: Entry) -> None:
        image_id = normalise_id(annotation.get("image_id"))
        if image_id not in self._images:
            raise self._make_error(location, "image_id", "the id of one of the images", image_id)
        raw, frame = self._images[image_id]
        if _is_flagged(annotation):
            if not self._is_one_animal(annotation):
                self._n_crowds += 1
                raw.incomplete.add(frame)
                return
            self._n_flagged_animals += 1
        try:
            label = self._make_label(location, annotation, raw.declared_sizes.get(frame), frame)
        except FormatError:
            raw.incomplete.add(frame)
            raise
        raw.labels.append(label)

    def _is_one_animal(self, annotation: Entry) -> bool:
        """Whether an annotation with ``iscrowd`` is one animal, by the rule of the module.

        An attribute of this name, which a person has set in CVAT, says that it is not.
        """
        places = _list_attributes(annotation)
        if any(_is_flagged(place) for place in places):
            return False
        return (
            self._are_all_flagged
            or _find_identity(annotation) is not None
            or any(_CVAT_ATTRIBUTE in place for place in places)
        )

    def _make_label(self, location: str, annotation: Entry, size: Size | None, frame: int) -> Label:
        category = self._get_category(location, annotation)
        return Label(
            frame,
            self._get_box(location, annotation, category, size),
            self._path,
            location,
            self._get_track_id(location, annotation),
            _get_class_name(category),
            _to_float(annotation.get("visibility")),
        )

    def _get_category(self, location: str, annotation: Entry) -> Entry:
        """Return the category of an annotation: the only one where it names none."""
        category_id = normalise_id(annotation.get("category_id"))
        if not self._categories:
            return {"name": DEFAULT_CLASS if category_id is None else f"class {category_id}"}
        if category_id is None and len(self._categories) == 1:
            return next(iter(self._categories.values()))
        if category_id not in self._categories:
            expected = "the id of one of the categories"
            raise self._make_error(location, "category_id", expected, category_id)
        return self._categories[category_id]

    def _get_track_id(self, location: str, annotation: Entry) -> int:
        identity = _find_identity(annotation)
        track_id = self._numbers.get_number(identity)
        if track_id < UNKNOWN_TRACK_ID:
            raise self._make_error(location, "track_id", "a whole number from 0", identity)
        return track_id

    def _get_box(self, location: str, annotation: Entry, category: Entry, size: Size | None) -> Box:
        """Return the box of an annotation: its own, or that of its keypoints or its mask."""
        bbox = annotation.get("bbox")
        keypoints = annotation.get("keypoints")
        expected = "four numbers: left, top, width, height"
        box = _from_bbox(bbox)
        if box is not None and box[2] > box[0] and box[3] > box[1]:
            return box
        other: Box | None = None
        if keypoints:
            expected += ", or at least two visible keypoints of the body"
            other = self._from_keypoints(location, keypoints, category, size)
        if other is None:
            other = _from_mask(annotation.get("segmentation"), size)
        # A box without area is a problem that the checks report.
        box = other or box
        if box is None:
            raise self._make_error(location, "bbox", expected, bbox)
        return box

    def _from_keypoints(
        self, location: str, keypoints: Any, category: Entry, size: Size | None
    ) -> Box | None:
        """Return the box of keypoints in COCO's form: x, y and visibility of each."""
        declared = category.get("keypoints")
        names = [str(name) for name in declared] if isinstance(declared, list) else []
        expected = "x, y and visibility of each keypoint"
        try:
            points = np.array(keypoints, np.float64).reshape(-1, 3)
        except (TypeError, ValueError):
            raise self._make_error(location, "keypoints", expected, keypoints) from None
        if not names:
            names = [""] * len(points)
        if len(names) != len(points):
            expected += f" of the {len(names)} in the category"
            raise self._make_error(location, "keypoints", expected, len(points))
        points[points[:, 2] <= 0] = np.nan
        body = points[select_body_keypoints(names, self._options.exclude_keypoints), :2]
        return compute_box(body, self._options, size)


def _by_id(entries: Sequence[Entry]) -> dict[int | str | None, Entry]:
    return {normalise_id(entry.get("id")): entry for entry in entries}


def _get_class_name(category: Entry) -> str:
    return str(category.get("name") or f"class {normalise_id(category.get('id'))}")


def _to_float(value: Any) -> float:
    """Return a finite number; NaN for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _list_attributes(annotation: Entry) -> list[Entry]:
    """Return the places of an annotation with attributes that COCO does not define."""
    places = (annotation.get(name) for name in _ATTRIBUTE_PLACES)
    return [place for place in places if isinstance(place, dict)]


def _find_identity(annotation: Entry) -> int | str | None:
    """Return the identity of an animal: of the annotation itself, else of its attributes."""
    return find_identity(annotation, *_list_attributes(annotation))


def _is_flagged(entry: Entry) -> bool:
    """Whether an annotation, or its attributes, have ``iscrowd`` set, as a number or as text."""
    values = [value for key, value in entry.items() if simplify_key(key) == "iscrowd"]
    return any(value is True or to_whole_number(value) == 1 for value in values)


def _load(path: Path) -> dict[str, list[Entry]]:
    """Return the lists of a COCO file; raises `FormatError` if it is not one."""
    content = load_json(path)
    kind = describe_json(content)
    if kind is not None:
        raise FormatError(path, "format", "COCO", kind)
    if not isinstance(content, dict):
        content = {}
    lists: dict[str, list[Entry]] = {}
    for key in (*_REQUIRED_LISTS, *_OPTIONAL_LISTS):
        value = content.get(key, [] if key in _OPTIONAL_LISTS else None)
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
    """Return the bounds of polygons or of a run-length encoded mask; None if it is neither."""
    if isinstance(segmentation, dict):
        return _from_run_lengths(segmentation, size)
    if not isinstance(segmentation, list) or not segmentation:
        return None
    # One polygon may come without the list of polygons around it.
    polygons = segmentation if isinstance(segmentation[0], list) else [segmentation]
    try:
        points = [np.array(polygon, np.float64).reshape(-1, 2) for polygon in polygons]
    except (TypeError, ValueError):
        return None
    return compute_box(np.concatenate(points), ReadOptions(margin=0.0))


def _from_run_lengths(segmentation: Entry, size: Size | None) -> Box | None:
    """Return the bounds of a mask in COCO's run lengths, compressed (text) or not (numbers)."""
    declared = segmentation.get("size")
    if isinstance(declared, list) and len(declared) == 2:
        height, width = declared
    elif size is not None:
        width, height = size
    else:
        return None
    mask = import_extra("pycocotools.mask", "pycocotools")
    encoded = dict(segmentation) | {"size": [height, width]}
    try:
        if not isinstance(segmentation.get("counts"), str):
            encoded = mask.frPyObjects(encoded, height, width)
        return _from_bbox(mask.toBbox(encoded))
    except Exception:  # pycocotools raises many types for a damaged mask, also its own
        return None
