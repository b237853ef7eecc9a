"""Images and videos beside labels: where they are, which frame each is, and their size, without decoding them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from murid.core.extras import import_extra
from murid.datasets.raw_labels import Size
from murid.video.image_sequence import IMAGE_SUFFIXES, natural_key

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".avi", ".mov", ".mkv", ".m4v", ".mpg", ".mpeg", ".webm", ".wmv"}
)

_EXIF_ORIENTATION = 0x0112
_TURNED = frozenset({5, 6, 7, 8})


class VideoSize(NamedTuple):
    """A video by its header; 0 frames = unknown."""

    size: Size
    n_frames: int
    fps: float


def measure_image(path: Path) -> Size | None:
    """Upright width and height of a image, by its header alone; None if it is none."""
    pillow = import_extra("PIL.Image", "pillow")
    try:
        with pillow.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(_EXIF_ORIENTATION) in _TURNED
    except (OSError, SyntaxError, ValueError):
        return None
    return (height, width) if turned else (width, height)


def measure_video(path: Path) -> VideoSize | None:
    """Upright size, length and rate of a video, by its header alone; None if it is none."""
    import cv2

    capture = cv2.VideoCapture(str(path)) if path.is_file() else None
    if capture is None or not capture.isOpened():
        return None
    facts = [capture.get(key) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)]
    n_frames, fps = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return VideoSize((round(facts[0]), round(facts[1])), max(0, round(n_frames)), float(fps))


def find_images(directory: Path) -> list[Path]:
    """Images of a folder in natural order of their names; none if there is no such folder."""
    if not directory.is_dir():
        return []
    return sorted(
        (f for f in directory.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES), key=natural_key
    )


def find_video(directory: Path, stem: str | None = None) -> Path | None:
    """The video of this stem in a folder, or the only one there is; None otherwise."""
    videos = (
        [f for f in directory.iterdir() if f.suffix.lower() in VIDEO_SUFFIXES]
        if directory.is_dir()
        else []
    )
    named = [f for f in videos if stem is not None and f.stem == stem]
    chosen = named or videos
    return chosen[0] if len(chosen) == 1 else None


def number_images(files: Sequence[Path]) -> dict[int, Path]:
    """Frame, from 0, of each image: the last number in its name, or its place where names have no numbers.

    Names may count from 0 or from 1; a image that is missing leaves a gap.
    """
    numbers = [int(found[-1]) if (found := re.findall(r"\d+", file.stem)) else -1 for file in files]
    if -1 in numbers or len(set(numbers)) < len(files):
        return dict(enumerate(files))
    first = 0 if 0 in numbers else 1
    return {number - first: file for number, file in zip(numbers, files, strict=True)}


def locate(name: str, roots: Iterable[Path]) -> Path | None:
    """Where a file is that labels call by a path of another machine: below one of the roots, or there by its name."""
    short = PureWindowsPath(name).name
    for root in roots:
        for candidate in (root / name, root / name.replace("\\", "/"), root / short):
            if candidate.is_file():
                return candidate
    return None
