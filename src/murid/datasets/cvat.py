"""Read CVAT's own XML, "CVAT for images 1.1" and "CVAT for video 1.1".

For images, each ``image`` contains its shapes. For a video, each ``track`` is one animal and has a
shape for each frame. CVAT writes all of them, others only keyframes: then shapes between keyframes
are interpolated, as CVAT does, until the animal leaves the image (``outside="1"``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from murid.core.plurals import format_count
from murid.core.types import Float64
from murid.datasets.ids import IdentityNumbers, find_identity, normalise_id, to_whole_number
from murid.datasets.keyframes import interpolate_keyframes
from murid.datasets.keypoints import compute_box, select_body_keypoints
from murid.datasets.labels import Problem
from murid.datasets.media import (
    VIDEO_SUFFIXES,
    find_file,
    find_images,
    find_video,
    is_hidden,
    number_images,
)
from murid.datasets.raw_labels import (
    DEFAULT_CLASS,
    Box,
    Label,
    RawLabels,
    ReadOptions,
    Size,
    to_name,
)
from murid.datasets.xml_files import find_root, get_text, load_xml
from murid.errors import FormatError

ROOT = "annotations"

# Shapes that have no box of an animal: lines, boxes in space, words about the whole image.
_IGNORED_SHAPES = ("polyline", "cuboid", "tag")
_SHAPES = ("box", "polygon", "mask", "ellipse", "points", "skeleton")

# More frames than this, four days at 30 frames/s, are a damaged number.
_MAX_FRAMES = 10_000_000

# Names of the file that CVAT writes, and of the folder of its images.
_FILE_NAME = "annotations.xml"
_IMAGE_FOLDERS = ("", "images")


@dataclass(frozen=True, eq=False)
class _Keypoints:
    """Names of keypoints, and their places ``(k, 2)`` in pixels; NaN = not visible."""

    names: list[str]
    points: Float64


def recognise(path: Path) -> bool:
    """Whether this is CVAT's XML, or a directory with ``annotations.xml``."""
    return bool(_find_files(path))


def find_files(path: Path, _options: ReadOptions) -> list[Path]:
    """Return the XML files at a path."""
    return _find_files(path)


def _find_files(path: Path) -> list[Path]:
    files = [path] if path.is_file() else sorted(path.glob("*.xml"))
    files = files or [path / "annotations" / _FILE_NAME]
    return [file for file in files if not is_hidden(file) and find_root(file) == ROOT]


def read(path: Path, options: ReadOptions) -> list[RawLabels]:
    """Read the images or the video of a task.

    Raises
    ------
    FormatError
        If the file is not CVAT's XML, or has the tracks of several tasks.
    """
    return [_Reader(path, options).read()]


class _Reader:
    """Reads one file; invalid shapes are collected as problems."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self._path = path
        self._options = options
        self._root = load_xml(path)
        tasks = {track.get("task_id") for track in self._root.iterfind("track")}
        if len(tasks) > 1:
            expected = "the tracks of one task (export the tasks one by one)"
            raise FormatError(path, "task_id", expected, f"{len(tasks)} tasks")
        self._roots = [path.parent / name for name in _IMAGE_FOLDERS]
        self._roots += [path.parent.parent / name for name in _IMAGE_FOLDERS]
        self._source = self._find_text("source")
        self._raw = RawLabels(to_name(self._choose_name()), path, is_recording=self._is_video())
        self._raw.class_names = tuple(self._list_class_names())
        self._n_ignored = 0
        self._n_interpolated = 0

    def read(self) -> RawLabels:
        """Return the labels of the task."""
        raw = self._raw
        if raw.is_recording:
            self._find_video()
        if self._root.find("track") is not None:
            self._read_tracks()
        self._read_images()
        if self._n_ignored:
            shapes = format_count(self._n_ignored, "shape")
            raw.notes.append(f"{raw.name}: left out {shapes} without a box: lines, cuboids, tags")
        if self._n_interpolated:
            boxes = "1 box" if self._n_interpolated == 1 else f"{self._n_interpolated} boxes"
            raw.notes.append(f"{raw.name}: {boxes} interpolated between keyframes, as CVAT does")
        return raw

    def _find_video(self) -> None:
        """Find the video that the task names, else the only one beside the file, with a note."""
        raw = self._raw
        if self._source:
            raw.video = find_file(self._source, self._roots)
        if raw.video is not None or any(map(find_images, self._roots)):
            return
        raw.video = find_video(self._path.parent)
        if raw.video is not None:
            missing = self._source or "a name of the video"
            raw.notes.append(
                f"{raw.name}: {missing} is not there, so {raw.video.name} is taken for the video"
            )

    def _find_text(self, name: str) -> str:
        """Return a fact about the task, which may be that of a job."""
        for place in (f"meta/task/{name}", f"meta/job/{name}", f"meta/{name}"):
            text = get_text(self._root, place)
            if text:
                return text
        return ""

    def _choose_name(self) -> str:
        name = self._find_text("name")
        if self._source:
            name = Path(self._source).stem
        return name or (
            self._path.parent.name if self._path.name == _FILE_NAME else self._path.stem
        )

    def _is_video(self) -> bool:
        has_tracks = self._root.find("track") is not None
        return has_tracks or Path(self._source).suffix.lower() in VIDEO_SUFFIXES

    def _list_class_names(self) -> Iterator[str]:
        for label in self._root.iterfind("meta//labels/label"):
            # The points of a skeleton are labels with a parent.
            if label.find("parent") is None:
                yield get_text(label, "name")

    def _read_images(self) -> None:
        """Add the labels of each ``image``: by their number in a video, else by their order."""
        raw = self._raw
        images = self._root.findall("image")
        identities = [find_identity(_list_attributes(shape)) for shape in self._root.iter()]
        numbers = IdentityNumbers(identities)
        frames = list(raw.frames)
        for position, image in enumerate(images):
            name = image.get("name", "")
            number = to_whole_number(image.get("id"))
            frame = number if raw.is_recording and number is not None else position
            frames.append(frame)
            size = _get_size(image)
            if size is not None:
                raw.declared_sizes[frame] = size
            if raw.video is None and name:
                raw.image_paths[frame] = find_file(name, self._roots) or self._roots[0] / name
            for shape in self._list_shapes(image):
                location = f"image {name}, {shape.tag}"
                track_id = numbers.get_number(find_identity(_list_attributes(shape)))
                self._add_shape(location, shape, frame, size, track_id)
        raw.frames = sorted(set(frames))
        # Labels may come without image files, but not with a part of them.
        if not any(image.is_file() for image in raw.image_paths.values()):
            raw.image_paths = {}

    def _list_shapes(self, place: Element) -> Iterator[Element]:
        """Yield the shapes of an image or a track that have a box."""
        for shape in place:
            if shape.tag in _SHAPES:
                yield shape
            elif shape.tag in _IGNORED_SHAPES:
                self._n_ignored += 1

    def _add_shape(
        self, location: str, shape: Element, frame: int, size: Size | None, track_id: int
    ) -> None:
        try:
            box = self._get_box(location, shape, size)
        except FormatError as error:
            self._raw.problems.append(Problem.from_error(error))
            self._raw.incomplete.add(frame)
            return
        name = shape.get("label") or DEFAULT_CLASS
        self._raw.labels.append(Label(frame, box, self._path, location, track_id, name))

    def _read_tracks(self) -> None:
        """Add the labels of each track; all frames of the task count as labelled."""
        raw = self._raw
        size = self._find_size()
        tracks = self._root.findall("track")
        identities = [normalise_id(track.get("id", k)) for k, track in enumerate(tracks)]
        numbers = IdentityNumbers(identities)
        shown = {frame for track in tracks for frame, shape in _list_track(track)}
        frames = self._list_frames(max(shown, default=-1))
        for track, identity in zip(tracks, identities, strict=True):
            self._read_track(track, numbers.get_number(identity), frames, size)
        raw.frames = frames
        if size is not None:
            raw.declared_sizes = dict.fromkeys(frames, size)
        if raw.video is None:
            self._find_images()

    def _list_frames(self, last: int) -> list[int]:
        """Return the frames of the task: its limits, and every how many frames it has."""
        start = to_whole_number(self._find_text("start_frame")) or 0
        stop = to_whole_number(self._find_text("stop_frame"))
        n_frames = to_whole_number(self._find_text("size"))
        step = to_whole_number(self._find_text("frame_filter").partition("step=")[2]) or 1
        if stop is None:
            stop = last if n_frames is None else start + (n_frames - 1) * step
        end = max(stop, last) + 1
        if end > _MAX_FRAMES or step < 1:
            expected = f"at most {_MAX_FRAMES} frames, and a step from 1"
            raise FormatError(self._path, "frames", expected, f"{end} in steps of {step}")
        return list(range(start, end, step))

    def _find_size(self) -> Size | None:
        for place in ("original_size", "size"):
            width = to_whole_number(self._find_text(f"{place}/width"))
            height = to_whole_number(self._find_text(f"{place}/height"))
            if width and height:
                return width, height
        return None

    def _find_images(self) -> None:
        """Find the images of the frames by the numbers in their names, as ``frame_000012.png``."""
        for folder in self._roots:
            images = find_images(folder)
            if images:
                self._raw.image_paths = number_images(images)
                return

    def _read_track(
        self, track: Element, track_id: int, frames: Sequence[int], size: Size | None
    ) -> None:
        """Add a label for each frame in which the animal is inside the image."""
        class_name = track.get("label") or DEFAULT_CLASS
        boxes: dict[int, Box | None] = {}
        for frame, shape in _list_track(track):
            location = f"track {track_id}, frame {frame}"
            if shape.get("outside") == "1":
                boxes[frame] = None
                continue
            try:
                boxes[frame] = self._get_box(location, shape, size)
            except FormatError as error:
                self._raw.problems.append(Problem.from_error(error))
                self._raw.incomplete.add(frame)
        self._n_ignored += sum(shape.tag in _IGNORED_SHAPES for shape in track)
        n_given = sum(box is not None for box in boxes.values())
        interpolated = interpolate_keyframes(boxes, frames)
        self._n_interpolated += len(interpolated) - n_given
        for frame, box in interpolated.items():
            location = f"track {track_id}, frame {frame}"
            self._raw.labels.append(Label(frame, box, self._path, location, track_id, class_name))

    def _get_box(self, location: str, shape: Element, size: Size | None) -> Box:
        """Return the upright box of a shape."""
        try:
            box = _SHAPE_READERS[shape.tag](shape)
        except (TypeError, ValueError):
            got = " ".join(f"{key}={value!r}" for key, value in shape.attrib.items())
            expected = f"the coordinates of a {shape.tag}"
            raise FormatError(self._path, f"{location}, {shape.tag}", expected, got) from None
        if not isinstance(box, _Keypoints):
            return box
        body = box.points[select_body_keypoints(box.names, self._options.exclude_keypoints)]
        keypoint_box = compute_box(body, self._options, size)
        if keypoint_box is None:
            expected = "at least two visible keypoints of the body"
            got = str(int(np.isfinite(body).all(axis=1).sum()))
            raise FormatError(self._path, f"{location}, {shape.tag}", expected, got)
        return keypoint_box


def _list_track(track: Element) -> Iterator[tuple[int, Element]]:
    """Yield frame and shape of a track; shapes without a frame are left out."""
    for shape in track:
        frame = to_whole_number(shape.get("frame"))
        if frame is not None and frame >= 0 and shape.tag in _SHAPES:
            yield frame, shape


def _get_size(image: Element) -> Size | None:
    width = to_whole_number(image.get("width"))
    height = to_whole_number(image.get("height"))
    return (width, height) if width and height else None


def _list_attributes(shape: Element) -> dict[str, str]:
    """Return the attributes that people have set for a shape, by name."""
    found = shape.iterfind("attribute")
    return {each.get("name", ""): (each.text or "").strip() for each in found if each.text}


def _read_box(shape: Element) -> Box:
    left, top, right, bottom = (_get_number(shape, name) for name in ("xtl", "ytl", "xbr", "ybr"))
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return _get_bounds(_rotate(corners, shape))


def _read_ellipse(shape: Element) -> Box:
    x, y, radius_x, radius_y = (_get_number(shape, name) for name in ("cx", "cy", "rx", "ry"))
    angles = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    outline = np.stack([x + radius_x * np.cos(angles), y + radius_y * np.sin(angles)], axis=1)
    return _get_bounds(_rotate(outline, shape))


def _read_polygon(shape: Element) -> Box:
    return _get_bounds(_read_points(shape))


def _read_mask(shape: Element) -> Box:
    left, top, width, height = (
        _get_number(shape, name) for name in ("left", "top", "width", "height")
    )
    return left, top, left + width, top + height


def _read_unnamed_keypoints(shape: Element) -> _Keypoints:
    points = _read_points(shape)
    return _Keypoints([""] * len(points), points)


def _read_skeleton(shape: Element) -> _Keypoints:
    names = []
    points = []
    for point in shape.iterfind("points"):
        is_outside = point.get("outside") == "1"
        names.append(point.get("label", ""))
        points.append([math.nan, math.nan] if is_outside else _read_points(point)[0].tolist())
    return _Keypoints(names, np.array(points, np.float64).reshape(-1, 2))


_SHAPE_READERS: dict[str, Callable[[Element], Box | _Keypoints]] = {
    "box": _read_box,
    "ellipse": _read_ellipse,
    "polygon": _read_polygon,
    "mask": _read_mask,
    "points": _read_unnamed_keypoints,
    "skeleton": _read_skeleton,
}


def _get_number(shape: Element, name: str) -> float:
    number = float(shape.get(name, ""))
    if not math.isfinite(number):
        raise ValueError(name)
    return number


def _read_points(shape: Element) -> Float64:
    """Return the points ``(k, 2)`` of a text such as ``1,2;3.5,4``."""
    pairs = [pair.split(",") for pair in shape.get("points", "").split(";")]
    points = np.array(pairs, np.float64).reshape(-1, 2)
    if not np.isfinite(points).all():
        raise ValueError("points")
    return points


def _get_bounds(points: Float64) -> Box:
    left, top = points.min(axis=0).tolist()
    right, bottom = points.max(axis=0).tolist()
    return left, top, right, bottom


def _rotate(points: Float64, shape: Element) -> Float64:
    """Return points rotated about the centre of their bounds by ``rotation``, in degrees."""
    angle = math.radians(float(shape.get("rotation", "0")))
    if not angle:
        return points
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    cos, sin = math.cos(angle), math.sin(angle)
    rotated = (points - centre) @ np.array([[cos, sin], [-sin, cos]])
    return np.asarray(rotated + centre, np.float64)
