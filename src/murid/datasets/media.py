"""Find the images and videos of labelled data, and read their sizes without decoding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PureWindowsPath
from typing import NamedTuple
from urllib.parse import unquote

from murid.core.extras import import_extra
from murid.datasets.raw_labels import Size
from murid.errors import SourceError
from murid.video import open_source

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".avi", ".mov", ".mkv", ".m4v", ".mpg", ".mpeg", ".webm", ".wmv"}
)

# EXIF tag for orientation, and its values for images stored turned by 90 or 270 degrees.
_EXIF_ORIENTATION = 0x0112
_TURNED = frozenset({5, 6, 7, 8})


class VideoInfo(NamedTuple):
    """Facts about a video; `n_frames` is 0 if unknown."""

    size: Size
    n_frames: int
    fps: float


def read_image_size(path: Path) -> Size | None:
    """Return upright width and height from the header; None if the file is not an image."""
    pillow = import_extra("PIL.Image", "pillow")
    try:
        with pillow.open(path) as image:
            width, height = image.size
            is_turned = image.getexif().get(_EXIF_ORIENTATION) in _TURNED
    except (OSError, SyntaxError, ValueError):
        return None
    return (height, width) if is_turned else (width, height)


def read_video_info(path: Path) -> VideoInfo | None:
    """Return upright size, length and frame rate; None if it is not a video.

    They are those of the stream that is tracked, which is not always the first one.
    """
    try:
        info = open_source(path).info
    except SourceError:
        return None
    return VideoInfo((info.width, info.height), info.n_frames or 0, info.fps)


def is_hidden(path: Path) -> bool:
    """Whether a file is hidden, such as the ``._a.png`` that macOS writes beside ``a.png``."""
    return path.name.startswith(".")


def find_images(directory: Path) -> list[Path]:
    """Return the images of a folder in natural order of names; empty if there is no folder.

    Hidden files are no images.
    """
    if not directory.is_dir():
        return []
    images = [file for file in directory.iterdir() if _has_suffix(file, IMAGE_SUFFIXES)]
    return sorted(images, key=_natural_key)


def _has_suffix(file: Path, suffixes: frozenset[str]) -> bool:
    return file.suffix.lower() in suffixes and not is_hidden(file)


def _natural_key(file: Path) -> list[tuple[int, str]]:
    """Return a sort key under which ``f2.png`` comes before ``f10.png``."""
    return [
        (int(part), "") if part.isdigit() else (-1, part.lower())
        for part in re.split(r"(\d+)", file.name)
    ]


def find_video(directory: Path, stem: str | None = None) -> Path | None:
    """Return the video of this stem in a folder, else the only video; None if there is neither."""
    if not directory.is_dir():
        return None
    videos = [file for file in directory.iterdir() if _has_suffix(file, VIDEO_SUFFIXES)]
    named = [file for file in videos if stem is not None and file.stem == stem]
    candidates = named or videos
    return candidates[0] if len(candidates) == 1 else None


def number_images(files: Sequence[Path]) -> dict[int, Path]:
    """Return the images by frame, from 0: by the last number in each name, else by their order.

    Numbers may start from 0 or from 1; a missing image leaves a gap. The order is used where a name
    has no number, or two have the same.
    """
    numbers = []
    for file in files:
        found = re.findall(r"\d+", file.stem)
        numbers.append(int(found[-1]) if found else None)
    known = [number for number in numbers if number is not None]
    if len(set(known)) < len(files):
        return dict(enumerate(files))
    first = 0 if 0 in known else 1
    return {number - first: file for number, file in zip(known, files, strict=True)}


def find_file(name: str, roots: Iterable[Path]) -> Path | None:
    """Return a file that labels name by its path, which may be of another machine.

    It is searched below each root by this path and by its file name, also with the codes of web
    addresses, such as ``%20`` for a space; None if it is not found.
    """
    file_name = PureWindowsPath(name).name
    for root in roots:
        places = (name, name.replace("\\", "/"), file_name, unquote(name), unquote(file_name))
        for candidate in (root / place for place in places):
            if candidate.is_file():
                return candidate
    return None
