"""Find the images, labels and class names of a YOLO data set.

``data.yaml`` names the classes and, for each part (``train``, ``val``, ``test``), folders of images
or text files that list images. Its paths are often those of another machine, or relative to a
folder that is not there, so the end of a path is searched too. Darknet has ``obj.data`` instead.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any

from murid.core.extras import import_extra
from murid.datasets.ids import to_whole_number
from murid.datasets.labels import Problem
from murid.datasets.media import find_images, is_hidden
from murid.datasets.raw_labels import to_name
from murid.datasets.text import read_lines
from murid.errors import FormatError

# Keys of each part in `data.yaml`; Roboflow calls its folder `valid`, and some files also the key.
_PARTS = {"train": ("train",), "val": ("val", "valid"), "test": ("test",)}

_YAML_NAMES = ("data.yaml", "dataset.yaml", "data.yml")
_DARKNET_NAME = "obj.data"
# Some tools write the class names to one of these files instead of a `data.yaml`.
_CLASS_FILES = ("classes.txt", "labels/classes.txt", "obj.names")

# A path of another machine is found by its end, if that has at least so many parts: a single
# `images` could be that of any part of the data set.
_MIN_PARTS = 2


@dataclass(frozen=True)
class ImageSet:
    """Images that are read as one sequence.

    Attributes
    ----------
    name : str
        Name of the sequence.
    path : Path
        Folder of the labels, or the file that lists the images.
    images : list of Path
    labels : list of Path
        Label file of each image, which may not exist.
    folder : Path or None
        Folder of the images; None if a file lists them.
    problems : list of Problem
        Listed images that are not there.
    """

    name: str
    path: Path
    images: list[Path]
    labels: list[Path]
    folder: Path | None = None
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """A data set: sets of images, class names, and facts about its rows.

    Attributes
    ----------
    path : Path
    sets : list of ImageSet
    class_names : dict of int to str
        Empty if there are none.
    n_keypoint_values : int
        Values of keypoints in each row, after the box; 0 = none, or not known.
    notes : list of str
    """

    path: Path
    sets: list[ImageSet]
    class_names: dict[int, str] = field(default_factory=dict)
    n_keypoint_values: int = 0
    notes: list[str] = field(default_factory=list)


def recognise(path: Path) -> bool:
    """Whether this is a ``data.yaml``, or a directory in one of the layouts of YOLO."""
    if path.is_file():
        return path.suffix.lower() in (".yaml", ".yml") or path.name == _DARKNET_NAME
    if _find_description(path) is not None or bool(_find_part_folders(path)):
        return True
    return _find_class_file(path) is not None and bool(find_images(path))


def _name_split(split: str | None) -> str | None:
    """Return the name of a part by any of its keys: ``val`` for ``valid``."""
    return next((part for part, keys in _PARTS.items() if split in keys), split)


def read_layout(path: Path, split: str | None) -> Layout:
    """Return the layout of a data set; raises `FormatError` if its description is damaged."""
    split = _name_split(split)
    description = path if path.is_file() else _find_description(path)
    if description is None:
        return _read_folder(path, split)
    if description.name == _DARKNET_NAME:
        return _read_darknet(description, split)
    return _read_yaml(description, split)


def _find_description(path: Path) -> Path | None:
    for name in (*_YAML_NAMES, _DARKNET_NAME):
        if (path / name).is_file():
            return path / name
    return None


def _find_part_folders(path: Path) -> list[Path]:
    """Return folders ``images`` that have ``labels`` beside them, here or in folders of parts."""
    candidates = [path, *sorted(inner for inner in path.glob("*") if inner.is_dir())]
    return [
        folder / "images"
        for folder in candidates
        if (folder / "images").is_dir() and (folder / "labels").is_dir()
    ]


def _find_class_file(path: Path) -> Path | None:
    files = (path / name for name in _CLASS_FILES)
    return next((file for file in files if file.is_file()), None)


def _read_class_file(path: Path) -> dict[int, str]:
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    return {k: line.strip() for k, line in enumerate(lines) if line.strip()}


def _read_folder(path: Path, split: str | None) -> Layout:
    """Return the layout of a data set without a description."""
    class_file = _find_class_file(path)
    class_names = {} if class_file is None else _read_class_file(class_file)
    folders = _find_part_folders(path) or [path]
    if split is not None:
        within = [folder / name for folder in folders for name in _PARTS.get(split, (split,))]
        named = [folder for folder in folders if folder.parent.name in _PARTS.get(split, (split,))]
        folders = [folder for folder in within if folder.is_dir()] or named
    if not folders:
        raise FormatError(path, "split", f"images of {split!r}", "none")
    return Layout(path, _list_sets(folders), class_names)


def _read_yaml(path: Path, split: str | None) -> Layout:
    content = _load_yaml(path)
    root = path.parent / str(content.get("path") or "")
    bases = (root, path.parent) if root.is_dir() else (path.parent,)
    named: list[tuple[str, str]] = []
    for part, keys in _PARTS.items():
        entry = next((content[key] for key in keys if content.get(key)), None)
        if entry and split in (None, part):
            entries = entry if isinstance(entry, list) else [entry]
            named += [(part, str(each)) for each in entries]
    if split is not None and not named:
        raise FormatError(path, "split", f"a path of {split!r}", "none")
    sets, notes = _find_parts(path, bases, named)
    return Layout(
        path,
        sets,
        class_names=_read_class_names(path, content),
        n_keypoint_values=_count_keypoint_values(path, content),
        notes=notes,
    )


def _load_yaml(path: Path) -> Mapping[str, Any]:
    yaml = import_extra("yaml", "pyyaml")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        got = " ".join(str(error).split())
        raise FormatError(path, "file", "a readable data.yaml", got) from error
    return content if isinstance(content, dict) else {}


def _read_class_names(path: Path, content: Mapping[str, Any]) -> dict[int, str]:
    names = content.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    numbers = {}
    if isinstance(names, dict):
        numbers = {to_whole_number(number): str(name) for number, name in names.items()}
    if not numbers or None in numbers:
        raise FormatError(path, "names", "the names of the classes", repr(names))
    return {number: name for number, name in numbers.items() if number is not None}


def _count_keypoint_values(path: Path, content: Mapping[str, Any]) -> int:
    shape = content.get("kpt_shape")
    if not shape:
        return 0
    if isinstance(shape, list) and len(shape) == 2 and all(isinstance(n, int) for n in shape):
        return int(shape[0] * shape[1])
    expected = "two numbers: keypoints, and values of each"
    raise FormatError(path, "kpt_shape", expected, repr(shape))


def _read_darknet(path: Path, split: str | None) -> Layout:
    """Return the layout of ``obj.data``, as CVAT writes it: ``train = data/train.txt`` and more."""
    content = {}
    for _, line in read_lines(path):
        key, _, value = line.partition("=")
        content[key.strip()] = value.strip()
    class_file = _find_below((path.parent,), content.get("names", "obj.names"), Path.is_file, 1)
    class_names = {} if class_file is None else _read_class_file(class_file)
    named = [
        (part, content[key])
        for part, keys in _PARTS.items()
        for key in keys
        if key in content and split in (None, part)
    ]
    sets, notes = _find_parts(path, (path.parent,), named, min_parts=1)
    return Layout(path, sets, class_names, notes=notes)


def _find_parts(
    path: Path, bases: Sequence[Path], named: Sequence[tuple[str, str]], min_parts: int = _MIN_PARTS
) -> tuple[list[ImageSet], list[str]]:
    """Return the images of named parts, and a note about each part that is not there.

    Exporters name parts that they have not written. Raises `FormatError` if none is there.
    """
    folders: list[Path] = []
    lists: list[Path] = []
    missing = []
    for part, name in named:
        found = _find_below(bases, name, Path.exists, min_parts)
        if found is None:
            missing.append((part, name))
        elif found.is_dir():
            folders.append(found)
        else:
            lists.append(found)
    if missing and not folders and not lists:
        part, name = missing[0]
        expected = "a folder of images, or a file that lists them"
        raise FormatError(path, name, expected, "nothing there")
    sets = _list_sets(folders)
    for file in dict.fromkeys(lists):
        sets.append(_read_list(file, bases))
    notes = [
        f"{path.name} names {part}: {name}, which is not there; the other parts are read"
        for part, name in missing
    ]
    return sets, notes


def _find_below(
    bases: Sequence[Path], name: str, is_wanted: Callable[[Path], bool], min_parts: int
) -> Path | None:
    """Return what a path means below some folders; None if it is not there.

    The path may be relative, start with ``../``, or be absolute on another machine: then parts at
    its start are left out, down to `min_parts`.
    """
    pure = PureWindowsPath(name)
    parts = [part for part in pure.parts if part != pure.anchor]
    candidates = [base / name.replace("\\", "/") for base in bases]
    while parts and parts[0] == "..":
        parts = parts[1:]
    n_leading = max(1, len(parts) - min_parts + 1)
    candidates += [base.joinpath(*parts[k:]) for k in range(n_leading) for base in bases]
    found = next((candidate for candidate in candidates if is_wanted(candidate)), None)
    # The same folder under two names is one.
    return None if found is None else Path(os.path.normpath(found))


def _list_sets(folders: Sequence[Path]) -> list[ImageSet]:
    """Return the images of folders, and of folders in them, one set a folder."""
    everywhere = set(folders)
    for folder in folders:
        everywhere.update(inner for inner in folder.rglob("*") if inner.is_dir())
    return [_list_folder(folder) for folder in sorted(everywhere) if find_images(folder)]


def _list_folder(folder: Path) -> ImageSet:
    images = find_images(folder)
    place, inner = _find_labels(folder)
    labels = [place / f"{image.stem}.txt" for image in images]
    name = to_name("-".join(inner) or folder.parent.name)
    return ImageSet(name, place, images, labels, folder)


def _read_list(path: Path, bases: Sequence[Path]) -> ImageSet:
    """Return the images that a text file lists, one a line."""
    images = []
    labels = []
    problems = []
    for line, text in read_lines(path):
        image = _find_below((path.parent, *bases), text.strip(), Path.is_file, _MIN_PARTS)
        if image is None:
            expected = f"an image below {path.parent}"
            problems.append(Problem(path, f"line {line}", "image", expected, text.strip()))
        elif not is_hidden(image):
            images.append(image)
            labels.append(_find_labels(image.parent)[0] / f"{image.stem}.txt")
    return ImageSet(to_name(path.stem), path, images, labels, problems=problems)


def _find_labels(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """Return the folder of the labels of a folder of images, and its path below ``images``.

    Labels are at the same path with the last ``images`` replaced by ``labels``. They are beside the
    images if no part of the path is ``images``, or there is no such folder.
    """
    parts = folder.parts
    if "images" not in parts:
        return folder, ()
    position = len(parts) - 1 - parts[::-1].index("images")
    inner = parts[position + 1 :]
    labels = Path(*parts[:position], "labels", *inner)
    has_labels_beside = not labels.is_dir() and any(folder.glob("*.txt"))
    return (folder if has_labels_beside else labels), inner


def find_labels_without_image(image_set: ImageSet) -> Iterator[Path]:
    """Yield label files in the folder of a set that belong to none of its images."""
    if image_set.folder is None or image_set.path == image_set.folder:
        return
    known = {file.name for file in image_set.labels}
    for file in sorted(image_set.path.glob("*.txt")):
        if file.name not in known and file.name != "classes.txt" and not is_hidden(file):
            yield file
