"""Read Pascal VOC: one XML file per image, with a box for each ``object``.

Files are in ``Annotations/`` with the images in ``JPEGImages/``, beside their images, or, from
Roboflow, in a folder for each part of the data set.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from murid.core.plurals import format_count
from murid.datasets.ids import IdentityNumbers, find_identity, to_whole_number
from murid.datasets.labels import Problem
from murid.datasets.media import find_file, find_images, is_hidden
from murid.datasets.raw_labels import DEFAULT_CLASS, Label, RawLabels, ReadOptions, to_name
from murid.datasets.text import parse_number
from murid.datasets.xml_files import find_root, get_text, load_xml
from murid.errors import FormatError

ROOT = "annotation"

_ANNOTATION_FOLDER = "Annotations"
_IMAGE_FOLDERS = ("JPEGImages", "images")
_SIDES = ("xmin", "ymin", "xmax", "ymax")


def recognise(path: Path) -> bool:
    """Whether this is a VOC file, or a directory with some in it or in its parts."""
    return bool(_find_folders(path))


def find_files(path: Path, options: ReadOptions) -> list[Path]:
    """Return the folders of annotations; raises `FormatError` if the split is not one of them."""
    folders = _find_folders(path)
    chosen = [each for each in folders if options.split is None or options.split in each.name]
    if not chosen:
        raise FormatError(path, "split", f"a folder with {options.split!r} in its name", "none")
    return chosen


def _find_folders(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if find_root(path) == ROOT else []
    annotations = path / _ANNOTATION_FOLDER
    # CVAT keeps the folders of the images, as in Annotations/camera1 and JPEGImages/camera1.
    candidates = (path, annotations, *sorted(path.glob("*/")), *sorted(annotations.glob("*/")))
    folders = [folder for folder in candidates if _find_annotations(folder)]
    return list(dict.fromkeys(folders))


def _find_annotations(folder: Path) -> list[Path]:
    """Return the XML files of a folder; empty if the first is not VOC."""
    files = sorted(file for file in folder.glob("*.xml") if not is_hidden(file))
    return files if files and find_root(files[0]) == ROOT else []


def read(path: Path, _options: ReadOptions) -> list[RawLabels]:
    """Read the images of a folder, or one image, as one sequence."""
    files = [path] if path.is_file() else _find_annotations(path)
    folder = path.parent if path.is_file() else path
    base = folder
    inner = Path()
    if folder.name == _ANNOTATION_FOLDER:
        base = folder.parent
    elif folder.parent.name == _ANNOTATION_FOLDER:
        base = folder.parent.parent
        inner = Path(folder.name)
    name = base.name if inner == Path() else inner.name
    raw = RawLabels(to_name(name), path, is_recording=False)
    roots = [folder, *(base / name / inner for name in _IMAGE_FOLDERS), base / inner]
    images: dict[int, tuple[Path, Element]] = {}
    for file in files:
        try:
            images[len(images)] = file, load_xml(file)
        except FormatError as error:
            raw.problems.append(Problem.from_error(error))
    objects = [each for _, image in images.values() for each in image.iterfind("object")]
    numbers = IdentityNumbers([find_identity(_list_attributes(each)) for each in objects])
    for frame, (file, image) in images.items():
        raw.image_paths[frame] = _find_image(file, image, roots)
        size = image.find("size")
        if size is not None:
            width = to_whole_number(get_text(size, "width"))
            height = to_whole_number(get_text(size, "height"))
            if width and height:
                raw.declared_sizes[frame] = width, height
        for number, each in enumerate(image.iterfind("object"), 1):
            _add_object(raw, file, frame, number, each, numbers)
    raw.frames = list(images)
    _note_unlabelled(raw, roots)
    # Labels may come without image files, but not with a part of them.
    if not any(image.is_file() for image in raw.image_paths.values()):
        raw.image_paths = {}
    return [raw]


def _note_unlabelled(raw: RawLabels, roots: Sequence[Path]) -> None:
    """Count images that have no annotation, and are left out."""
    labelled = {image.name for image in raw.image_paths.values()}
    folder = next((folder for folder in roots if find_images(folder)), None)
    images = [] if folder is None or raw.path.is_file() else find_images(folder)
    n_others = sum(image.name not in labelled for image in images)
    if n_others:
        images_text = format_count(n_others, "image")
        raw.notes.append(f"{raw.name}: {images_text} without a file of labels left out")


def _find_image(file: Path, image: Element, roots: Sequence[Path]) -> Path:
    """Return the image that a file names, else the one of its stem."""
    name = get_text(image, "filename")
    found = find_file(name, roots) if name else None
    if found is not None:
        return found
    for folder in roots:
        for candidate in folder.glob(f"{file.stem}.*"):
            if candidate in find_images(folder):
                return candidate
    return file.parent / (name or f"{file.stem}.jpg")


def _add_object(
    raw: RawLabels, file: Path, frame: int, number: int, each: Element, numbers: IdentityNumbers
) -> None:
    location = f"object {number}"
    try:
        left, top, right, bottom = (_get_side(file, location, each, side) for side in _SIDES)
    except FormatError as error:
        raw.problems.append(Problem.from_error(error))
        raw.incomplete.add(frame)
        return
    track_id = numbers.get_number(find_identity(_list_attributes(each)))
    name = get_text(each, "name") or DEFAULT_CLASS
    box = (left, top, right, bottom)
    raw.labels.append(Label(frame, box, file, location, track_id, name))


def _get_side(file: Path, location: str, each: Element, side: str) -> float:
    return parse_number(file, location, side, get_text(each, f"bndbox/{side}"))


def _list_attributes(each: Element) -> dict[str, str]:
    """Return the attributes of an object by name, as CVAT writes them."""
    found = each.iterfind("attributes/attribute")
    return {get_text(pair, "name"): get_text(pair, "value") for pair in found}
