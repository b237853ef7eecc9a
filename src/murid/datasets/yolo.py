"""Read YOLO labels: one text file per image, of ``class centre_x centre_y width height``.

Coordinates are fractions of the width and height of the image. Images are below ``images/``, labels
at the same path below ``labels/``; ``data.yaml`` names the classes and the splits (``train``,
``val``, ``test``). Where it has ``kpt_shape``, rows also have keypoints, which are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from murid.core.extras import import_extra
from murid.datasets.labels import Problem
from murid.datasets.media import find_images, read_image_size
from murid.datasets.raw_labels import (
    DEFAULT_CLASS,
    Box,
    Label,
    RawLabels,
    ReadOptions,
    Size,
    to_name,
)
from murid.datasets.text import parse_number, read_lines
from murid.errors import FormatError

SPLITS = ("train", "val", "test")
COLUMNS = ("class", "centre x", "centre y", "width", "height")

_YAML_NAMES = ("data.yaml", "dataset.yaml", "data.yml")
# Some tools write the class names to one of these files instead of a `data.yaml`.
_CLASS_FILES = ("classes.txt", "labels/classes.txt")


@dataclass(frozen=True)
class _Layout:
    """Folders of images in a data set, its class names, and the number of columns of a row."""

    path: Path
    folders: list[Path]
    class_names: dict[int, str] = field(default_factory=dict)
    n_columns: int = len(COLUMNS)


def recognise(path: Path) -> bool:
    """Whether this is a ``data.yaml``, or a directory with one or with ``images``, ``labels``."""
    if path.is_file():
        return path.suffix.lower() in (".yaml", ".yml")
    has_folders = (path / "images").is_dir() and (path / "labels").is_dir()
    return has_folders or _find_yaml(path) is not None


def find_files(path: Path, _options: ReadOptions) -> list[Path]:
    """Return the data set itself."""
    return [path]


def read(path: Path, options: ReadOptions) -> list[RawLabels]:
    """Read each folder of images as one sequence.

    Raises `FormatError` if ``data.yaml`` is damaged.
    """
    yaml = path if path.is_file() else _find_yaml(path)
    layout = _read_yaml(yaml, options.split) if yaml else _read_folder(path, options.split)
    folders = set()
    for folder in layout.folders:
        folders.add(folder)
        folders.update(inner for inner in folder.rglob("*") if inner.is_dir())
    sequences = [_read_images(folder, layout) for folder in sorted(folders) if find_images(folder)]
    return sequences or [RawLabels(layout.path.stem, layout.path, is_recording=False)]


def _find_yaml(path: Path) -> Path | None:
    for name in _YAML_NAMES:
        if (path / name).is_file():
            return path / name
    return None


def _read_folder(path: Path, split: str | None) -> _Layout:
    """Return the layout of a data set without ``data.yaml``."""
    class_names = {}
    for name in _CLASS_FILES:
        if (path / name).is_file():
            lines = (path / name).read_text(encoding="utf-8").split("\n")
            class_names = {k: line.strip() for k, line in enumerate(lines) if line.strip()}
            break
    return _Layout(path, [path / "images" / (split or "")], class_names)


def _read_yaml(path: Path, split: str | None) -> _Layout:
    content = _load_yaml(path)
    names = content.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        raise FormatError(path, "names", "the names of the classes", repr(names))
    root = path.parent / str(content.get("path", ""))
    if not root.is_dir():
        root = path.parent
    folders = []
    for key in SPLITS:
        entry = content.get(key)
        if entry and split in (None, key):
            listed = entry if isinstance(entry, list) else [entry]
            folders += [_find_folder(path, root, str(name)) for name in listed]
    n_keypoints, n_values = content.get("kpt_shape") or (0, 0)
    return _Layout(
        path,
        folders,
        class_names={int(number): str(name) for number, name in names.items()},
        n_columns=len(COLUMNS) + n_keypoints * n_values,
    )


def _load_yaml(path: Path) -> Mapping[str, Any]:
    yaml = import_extra("yaml", "pyyaml")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        got = " ".join(str(error).split())
        raise FormatError(path, "file", "a readable data.yaml", got) from error
    return content if isinstance(content, dict) else {}


def _find_folder(path: Path, root: Path, name: str) -> Path:
    """Return a folder of images; some tools write it relative to a sibling folder, with ``../``."""
    for folder in (root / name, path.parent / name.removeprefix("../")):
        if folder.is_dir():
            return folder
    raise FormatError(path, name, "a folder of images", "nothing there")


def _read_images(folder: Path, layout: _Layout) -> RawLabels:
    """Read the labels of the images of one folder."""
    labels, inner = _find_labels(folder)
    raw = RawLabels(
        to_name("-".join(inner) or folder.parent.name),
        labels,
        is_recording=False,
        class_names=tuple(layout.class_names.values()),
    )
    images = find_images(folder)
    for frame, image in enumerate(images):
        _read_image(raw, frame, image, labels / f"{image.stem}.txt", layout)
    raw.frames = list(raw.image_paths)
    if labels != folder:
        image_stems = {image.stem for image in images}
        for file in sorted(labels.glob("*.txt")):
            if file.stem not in image_stems and file.stem != "classes":
                expected = f"an image {file.stem} in {folder}"
                raw.problems.append(Problem(file, "", "image", expected, "none"))
    return raw


def _find_labels(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """Return the folder of the labels of a folder of images, and its path below ``images``.

    Labels are at the same path with the last ``images`` replaced by ``labels``, or beside the
    images if no part of the path is ``images``.
    """
    parts = folder.parts
    if "images" not in parts:
        return folder, ()
    position = len(parts) - 1 - parts[::-1].index("images")
    inner = parts[position + 1 :]
    return Path(*parts[:position], "labels", *inner), inner


def _read_image(raw: RawLabels, frame: int, image: Path, labels: Path, layout: _Layout) -> None:
    size = read_image_size(image)
    if not labels.is_file():
        expected = f"{labels.name} beside the other labels, empty if no animal is there"
        raw.problems.append(Problem(image, "", "labels", expected, "none"))
        return
    raw.image_paths[frame] = image
    if size is None:
        return
    raw.image_sizes[frame] = size
    for line, text in read_lines(labels):
        try:
            raw.labels.append(_parse_label(labels, line, text, frame, size, layout))
        except FormatError as error:
            raw.incomplete.add(frame)
            raw.problems.append(Problem.from_error(error))


def _parse_label(
    path: Path, line: int, text: str, frame: int, size: Size, layout: _Layout
) -> Label:
    cells = text.split()
    if len(cells) != layout.n_columns:
        expected = f"{layout.n_columns}, between spaces"
        raise FormatError(path, f"line {line}, columns", expected, str(len(cells)))
    class_id, x, y, width, height = (
        parse_number(path, line, column, cell) for column, cell in zip(COLUMNS, cells, strict=False)
    )
    names = layout.class_names
    if class_id % 1 or class_id < 0 or (names and class_id not in names):
        expected = f"one of {', '.join(map(str, names))}" if names else "a whole number from 0"
        raise FormatError(path, f"line {line}, class", expected, cells[0])
    unnamed = DEFAULT_CLASS if class_id == 0 else f"class {int(class_id)}"
    class_name = names.get(int(class_id), unnamed)
    box = _to_pixels(x, y, width, height, size)
    return Label(frame, box, path, f"line {line}", class_name=class_name)


def _to_pixels(x: float, y: float, width: float, height: float, size: Size) -> Box:
    """Return the xyxy box of a centre and a size in fractions of the image."""
    image_width, image_height = size
    return (
        (x - width / 2) * image_width,
        (y - height / 2) * image_height,
        (x + width / 2) * image_width,
        (y + height / 2) * image_height,
    )
