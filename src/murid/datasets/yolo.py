"""YOLO in and out: one text file a image, of ``class centre_x centre_y width height`` in shares of the image.

Images lie below ``images/``, labels at the same place below ``labels/``; ``data.yaml`` names the
classes and the parts (``train``, ``val``, ``test``). Where it has ``kpt_shape``, rows go on with
key points, and these are passed over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.boxes import clip, compute_centres
from murid.core.extras import import_extra
from murid.core.files import make_directory, write_text
from murid.datasets.labels import LabelledFrame, LabelledSequence, Problem
from murid.datasets.media import find_images, measure_image
from murid.datasets.mot_text import read_lines
from murid.datasets.raw_labels import ANIMAL, Label, RawLabels, ReadOptions, Size, to_name
from murid.datasets.writing import get_image_path, merge_classes, require_sizes, write_new
from murid.errors import FormatError

SPLITS = ("train", "val", "test")
COLUMNS = ("class", "centre x", "centre y", "width", "height")


@dataclass(frozen=True)
class _Layout:
    """Where a data set keeps its images, what its classes are called, how many columns its rows have."""

    path: Path
    folders: list[Path]
    names: dict[int, str] = field(default_factory=dict)
    n_columns: int = len(COLUMNS)


def recognise(path: Path) -> bool:
    """Whether this is a ``data.yaml``, or a directory with one or with ``images`` and ``labels``."""
    if path.is_file():
        return path.suffix.lower() in (".yaml", ".yml")
    return _find_yaml(path) is not None or all(
        (path / name).is_dir() for name in ("images", "labels")
    )


def find(path: Path, _options: ReadOptions) -> list[Path]:
    """The data set itself."""
    return [path]


def read(path: Path, options: ReadOptions) -> list[RawLabels]:
    """Read each folder of images as one sequence; raises `FormatError` if ``data.yaml`` is damaged."""
    yaml = path if path.is_file() else _find_yaml(path)
    layout = _read_yaml(yaml, options.split) if yaml else _read_folder(path, options.split)
    folders = sorted(
        {
            inner
            for folder in layout.folders
            for inner in (folder, *_walk(folder))
            if find_images(inner)
        }
    )
    drafts = [_read_images(folder, layout) for folder in folders]
    return drafts or [RawLabels(layout.path.stem, layout.path, recording=False)]


def _find_yaml(path: Path) -> Path | None:
    found = [
        path / name for name in ("data.yaml", "dataset.yaml", "data.yml") if (path / name).is_file()
    ]
    return found[0] if found else None


def _walk(folder: Path) -> Iterator[Path]:
    return (inner for inner in folder.rglob("*") if inner.is_dir())


def _read_folder(path: Path, split: str | None) -> _Layout:
    listed = next(
        (
            file
            for file in (path / "classes.txt", path / "labels" / "classes.txt")
            if file.is_file()
        ),
        None,
    )
    names = dict(enumerate(listed.read_text(encoding="utf-8").split("\n"))) if listed else {}
    names = {number: name.strip() for number, name in names.items() if name.strip()}
    return _Layout(path, [path / "images" / (split or "")], names)


def _read_yaml(path: Path, split: str | None) -> _Layout:
    yaml = import_extra("yaml", "pyyaml")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FormatError(
            path, "file", "a readable data.yaml", " ".join(str(error).split())
        ) from error
    names = content.get("names") if isinstance(content, dict) else None
    names = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(names, dict) or not names:
        raise FormatError(path, "names", "the names of the classes", repr(names))
    root = path.parent / str(content.get("path", ""))
    root = root if root.is_dir() else path.parent
    entries = [content[key] for key in SPLITS if content.get(key) and split in (None, key)]
    folders = [_find_folder(path, root, str(one)) for entry in entries for one in _to_list(entry)]
    points = content.get("kpt_shape") or (0, 0)
    return _Layout(
        path,
        folders,
        {int(k): str(v) for k, v in names.items()},
        len(COLUMNS) + points[0] * points[1],
    )


def _to_list(entry: Any) -> list[Any]:
    return entry if isinstance(entry, list) else [entry]


def _find_folder(path: Path, root: Path, name: str) -> Path:
    """A part of the data set; some tools write it as if from a folder beside, with ``../``."""
    for folder in (root / name, path.parent / name.removeprefix("../")):
        if folder.is_dir():
            return folder
    raise FormatError(path, name, "a folder of images", "nothing there")


def _read_images(folder: Path, layout: _Layout) -> RawLabels:
    labels = _find_labels(folder)
    inner = folder.parts[_find_images(folder) + 1 :]
    classes = tuple(layout.names.values())
    draft = RawLabels(
        to_name("-".join(inner) or folder.parent.name), labels, recording=False, class_names=classes
    )
    files = find_images(folder)
    for frame, image in enumerate(files):
        _read_image(draft, frame, image, labels / f"{image.stem}.txt", layout)
    draft.frames = list(draft.image_paths)
    known = {image.stem for image in files} | {"classes"}
    for file in sorted(labels.glob("*.txt")) if labels != folder else ():
        if file.stem not in known:
            draft.problems.append(
                Problem(file, "", "image", f"a image {file.stem} in {folder}", "none")
            )
    return draft


def _find_images(folder: Path) -> int:
    """Position of the last part called ``images``; the last part itself where none is."""
    parts = folder.parts
    return len(parts) - 1 - parts[::-1].index("images") if "images" in parts else len(parts) - 1


def _find_labels(folder: Path) -> Path:
    place, parts = _find_images(folder), folder.parts
    return Path(*parts[:place], "labels", *parts[place + 1 :]) if "images" in parts else folder


def _read_image(draft: RawLabels, frame: int, image: Path, file: Path, layout: _Layout) -> None:
    size = measure_image(image)
    if not file.is_file():
        expected = f"{file.name} beside the other labels, empty if no animal is there"
        draft.problems.append(Problem(image, "", "labels", expected, "none"))
        return
    draft.image_paths[frame] = image
    if size is None:
        return
    draft.measured[frame] = size
    for number, line in read_lines(file):
        try:
            draft.labels.append(_parse(file, number, line, frame, size, layout))
        except FormatError as error:
            draft.incomplete.add(frame)
            draft.problems.append(Problem.from_error(error))


def _parse(file: Path, number: int, line: str, frame: int, size: Size, layout: _Layout) -> Label:
    cells = line.split()
    if len(cells) != layout.n_columns:
        raise FormatError(
            file, f"line {number}, columns", f"{layout.n_columns}, between spaces", str(len(cells))
        )
    values = [_parse_number(file, number, *pair) for pair in zip(COLUMNS, cells, strict=False)]
    kind, x, y, width, height = values
    if kind % 1 or kind < 0 or (layout.names and kind not in layout.names):
        expected = (
            f"one of {', '.join(map(str, layout.names))}"
            if layout.names
            else "a whole number from 0"
        )
        raise FormatError(file, f"line {number}, class", expected, cells[0])
    name = layout.names.get(int(kind), ANIMAL if kind == 0 else f"class {int(kind)}")
    box = (
        (x - width / 2) * size[0],
        (y - height / 2) * size[1],
        (x + width / 2) * size[0],
        (y + height / 2) * size[1],
    )
    return Label(frame, box, file, f"line {number}", class_name=name)


def _parse_number(file: Path, number: int, column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FormatError(file, f"line {number}, {column}", "a number", repr(cell))
    return value


place = get_image_path


def write(directory: Path, sequences: Sequence[LabelledSequence]) -> None:
    """Write a text file a image and ``data.yaml``; boxes are cut to the image, ids are lost.

    Raises
    ------
    FormatError
        If the size of a image is not known.
    StorageError
        If it cannot be written.
    """
    classes = merge_classes(sequences, first=0)
    for sequence in sequences:
        require_sizes(sequence)
        make_directory(directory / "labels" / sequence.name)
        numbers = [classes[name] for name in sequence.class_names]
        for frame, (width, height) in zip(sequence, sequence.sizes.tolist(), strict=True):
            file = directory / "labels" / sequence.name / f"{frame.index + 1:06d}.txt"
            write_new(file, "".join(_format(frame, (width, height), numbers)))
    write_text(
        directory / "data.yaml",
        f"path: .\ntrain: images\nval: images\nnames: {json.dumps(list(classes))}\n",
    )


def _format(frame: LabelledFrame, size: Size, numbers: Sequence[int]) -> Iterator[str]:
    boxes = clip(frame.boxes.astype(np.float64), *size)
    shares = np.column_stack([compute_centres(boxes), boxes[:, 2:] - boxes[:, :2]]) / [*size, *size]
    for kind, share in zip(frame.class_ids.tolist(), shares.tolist(), strict=True):
        yield " ".join([str(numbers[kind]), *(f"{value:.7f}" for value in share)]) + "\n"
