"""Open a frame source: a video file, a folder of images, or a glob of images."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from murid.core import Frame
from murid.core.plurals import format_count
from murid.errors import SourceError
from murid.video.file import VideoFileSource
from murid.video.image_sequence import (
    IMAGE_SUFFIXES,
    ImageSequenceSource,
    describe_image_suffixes,
    find_image_sequence,
    is_image_file,
)
from murid.video.info import FrameSource
from murid.video.read_timeout import READ_TIMEOUT_S

# Names of common video files, to tell a folder of videos from one of images.
_VIDEO_SUFFIXES = (".avi", ".h264", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".webm", ".wmv")


def open_source(source: str | Path, read_timeout_s: float = READ_TIMEOUT_S) -> FrameSource:
    """Open a source of frames.

    Parameters
    ----------
    source : str or Path
        A video file, a folder of images (or one that contains ``img1``), a glob of images, or one
        image.
    read_timeout_s : float
        Seconds to wait for a stalled disk, here and when frames are read.

    Returns
    -------
    FrameSource

    Raises
    ------
    SourceError
        If nothing is there, nothing in it can be decoded, or the disk stalls.
    """
    path = Path(source)
    if path.is_dir():
        files, fps = find_image_sequence(path)
        if not files:
            raise SourceError(source, "images", describe_image_suffixes(), _describe_folder(path))
        return ImageSequenceSource(str(source), files, fps, read_timeout_s)
    if glob.has_magic(str(source)) and not path.exists():
        matches = [Path(name) for name in glob.glob(str(source))]  # noqa: PTH207 (absolute patterns)
        files = [file for file in matches if is_image_file(file)]
        left_out = _list_other_images(files)
        return ImageSequenceSource(
            str(source), files, read_timeout_s=read_timeout_s, left_out=left_out
        )
    if path.suffix.lower() in IMAGE_SUFFIXES:
        if not path.is_file():
            raise SourceError(path, "file", "an image", "nothing there")
        return ImageSequenceSource(str(source), [path], read_timeout_s=read_timeout_s)
    return VideoFileSource(path, read_timeout_s)


def _describe_folder(folder: Path) -> str:
    """Return in words what is in a folder without images."""
    if (folder / "manifest.json").exists():
        return "none, but a run directory, whose video was tracked"
    videos = sorted(file for file in folder.iterdir() if file.suffix.lower() in _VIDEO_SUFFIXES)
    if videos:
        example = f"{folder}/*{videos[0].suffix}"
        return f"none, but videos (murid track '{example}' tracks each of them)"
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    if not names:
        return "an empty folder"
    return f"none among {format_count(len(names), 'entry', 'entries')}, such as {names[0]}"


def _list_other_images(files: Sequence[Path]) -> list[Path]:
    """Return the images that are beside some images and not among them."""
    chosen = set(files)
    return [
        file
        for folder in {file.parent for file in files}
        for file in folder.iterdir()
        if is_image_file(file) and file not in chosen
    ]


def sample_frames(source: FrameSource, n_frames: int) -> Iterator[Frame]:
    """Return an iterator over up to `n_frames` decoded frames, spread evenly over a source.

    The frames are decoded one at a time, when they are asked for.

    Raises
    ------
    SourceError
        If no frame can be decoded.
    """
    frames = source.sample(n_frames)
    first = next(frames, None)
    if first is None:
        raise SourceError(source.info.path, "frames", "at least one that can be decoded", "none")
    return chain([first], frames)
