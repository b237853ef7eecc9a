"""Read LabelMe: one JSON file of ``shapes`` beside each image.

A ``group_id`` joins the parts of one animal, so shapes of one image with the same label and group
are one box. Where no image has a group twice, there are no parts to join, and the group is read as
the identity of the animal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.plurals import format_count
from murid.datasets.ids import IdentityNumbers, normalise_id, to_whole_number
from murid.datasets.json_files import load_json, read_start
from murid.datasets.labels import Problem
from murid.datasets.media import find_file, find_images, is_hidden
from murid.datasets.raw_labels import DEFAULT_CLASS, Box, Label, RawLabels, ReadOptions, to_name
from murid.errors import FormatError

# Shapes with a box of an animal. Points and lines have none.
_OUTLINES = ("rectangle", "polygon", "mask")
_CIRCLE = "circle"

# Number of files of a folder that are looked at to recognise it.
_N_LOOKED_AT = 10

Shape = Mapping[str, Any]


def recognise(path: Path) -> bool:
    """Whether this is a LabelMe file, or a directory with some in it or in its folders."""
    return _is_labelme(path) if path.is_file() else bool(_find_folders(path))


def _find_folders(path: Path) -> list[Path]:
    """Return the directory if it has JSON files, else those folders in it that have some."""
    folders = [path] if _list_json_files(path) else sorted(path.glob("*/"))
    return [folder for folder in folders if _has_labelme_files(folder)]


def _has_labelme_files(folder: Path) -> bool:
    # One damaged file must not hide what the others are.
    files = _list_json_files(folder)[:_N_LOOKED_AT]
    return any(_is_labelme(file) for file in files)


def _is_labelme(path: Path) -> bool:
    if path.suffix.lower() != ".json":
        return False
    start = read_start(path)
    return '"shapes"' in start and '"annotations"' not in start


def _list_json_files(directory: Path) -> list[Path]:
    return sorted(file for file in directory.glob("*.json") if not is_hidden(file))


def find_files(path: Path, _options: ReadOptions) -> list[Path]:
    """Return the file, or the folders with files."""
    return [path] if path.is_file() else _find_folders(path)


def read(path: Path, _options: ReadOptions) -> list[RawLabels]:
    """Read the images of a directory, or one image, as one sequence."""
    files = [path] if path.is_file() else _list_json_files(path)
    folder = path.parent if path.is_file() else path
    raw = RawLabels(to_name(folder.name), path, is_recording=False)
    contents: dict[int, tuple[Path, Mapping[str, Any], list[Shape]]] = {}
    for file in files:
        try:
            content = load_json(file)
            shapes = _get_shapes(file, content)
        except FormatError as error:
            raw.problems.append(Problem.from_error(error))
            continue
        contents[len(contents)] = file, content, shapes
    every = [shapes for _, _, shapes in contents.values()]
    groups = [_get_group(shape) for shapes in every for shape in shapes]
    numbers = None if _have_parts(every) else IdentityNumbers(groups)
    n_left_out = 0
    for frame, (file, content, shapes) in contents.items():
        _find_image(raw, frame, file, content)
        n_left_out += _add_shapes(raw, frame, file, shapes, numbers)
    raw.frames = list(contents)
    if n_left_out:
        shapes_text = format_count(n_left_out, "shape")
        raw.notes.append(f"{raw.name}: left out {shapes_text} without a box: points and lines")
    if numbers is not None and any(group is not None for group in groups):
        raw.notes.append(f"{raw.name}: group_id is read as the identity of the animal")
    if path.is_dir():
        labelled = {image.name for image in raw.image_paths.values()}
        n_others = sum(image.name not in labelled for image in find_images(path))
        if n_others:
            images = format_count(n_others, "image")
            raw.notes.append(f"{raw.name}: {images} without a file of labels left out")
    # Labels may come without image files, but not with a part of them.
    if not any(image.is_file() for image in raw.image_paths.values()):
        raw.image_paths = {}
    return [raw]


def _get_shapes(file: Path, content: Any) -> list[Shape]:
    shapes = content.get("shapes") if isinstance(content, dict) else None
    if not isinstance(shapes, list) or not all(isinstance(shape, dict) for shape in shapes):
        got = type(shapes).__name__
        raise FormatError(file, "shapes", "a list of shapes, as LabelMe has it", got)
    return shapes


def _get_group(shape: Shape) -> int | str | None:
    return normalise_id(shape.get("group_id"))


def _get_label(shape: Shape) -> str:
    return str(shape.get("label") or DEFAULT_CLASS)


def _have_parts(every: list[list[Shape]]) -> bool:
    """Whether some image has two outlines of one label and group."""
    for shapes in every:
        outlines = [shape for shape in shapes if _has_outline(shape)]
        keys = [(_get_label(s), _get_group(s)) for s in outlines if _get_group(s) is not None]
        if len(set(keys)) < len(keys):
            return True
    return False


def _has_outline(shape: Shape) -> bool:
    return shape.get("shape_type", "polygon") in (*_OUTLINES, _CIRCLE)


def _find_image(raw: RawLabels, frame: int, file: Path, content: Mapping[str, Any]) -> None:
    """Find the image that a file names, else the one of its stem, and its size."""
    name = str(content.get("imagePath") or "")
    found = find_file(name, (file.parent,)) if name else None
    if found is None:
        same_stem = [image for image in find_images(file.parent) if image.stem == file.stem]
        found = same_stem[0] if same_stem else file.parent / (name or f"{file.stem}.png")
    raw.image_paths[frame] = found
    width = to_whole_number(content.get("imageWidth"))
    height = to_whole_number(content.get("imageHeight"))
    if width and height:
        raw.declared_sizes[frame] = width, height


def _add_shapes(
    raw: RawLabels, frame: int, file: Path, shapes: list[Shape], numbers: IdentityNumbers | None
) -> int:
    """Add a label for each animal, and return how many shapes have no box.

    Without `numbers`, shapes of one label and group are joined.
    """
    joined: dict[tuple[str, int | str], Label] = {}
    n_left_out = 0
    for k, shape in enumerate(shapes):
        if not _has_outline(shape):
            n_left_out += 1
            continue
        location = f"shapes[{k}]"
        try:
            box = _get_box(file, location, shape)
        except FormatError as error:
            raw.problems.append(Problem.from_error(error))
            raw.incomplete.add(frame)
            continue
        group = _get_group(shape)
        name = _get_label(shape)
        label = Label(frame, box, file, location, class_name=name)
        if numbers is not None:
            raw.labels.append(label._replace(track_id=numbers.get_number(group)))
        elif group is None:
            raw.labels.append(label)
        else:
            other = joined.get((name, group), label)
            joined[name, group] = other._replace(box=_unite(other.box, box))
    raw.labels += joined.values()
    return n_left_out


def _get_box(file: Path, location: str, shape: Shape) -> Box:
    """Return the bounds of a shape; a circle is given by its centre and a point on it."""
    is_circle = shape.get("shape_type") == _CIRCLE
    try:
        points = np.array(shape.get("points"), np.float64).reshape(-1, 2)
        if is_circle:
            centre, edge = points
            radius = math.dist(centre, edge)
            points = np.stack([centre - radius, centre + radius])
        left, top = points.min(axis=0).tolist()
        right, bottom = points.max(axis=0).tolist()
    except (TypeError, ValueError):
        expected = "two points or more, of two numbers each"
        got = repr(shape.get("points"))
        raise FormatError(file, f"{location}, points", expected, got) from None
    return left, top, right, bottom


def _unite(box: Box, other: Box) -> Box:
    left, top, right, bottom = box
    other_left, other_top, other_right, other_bottom = other
    return (
        min(left, other_left),
        min(top, other_top),
        max(right, other_right),
        max(bottom, other_bottom),
    )
