"""Open whatever holds frames: a video file, a folder of pictures, a glob of pictures."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from murid.core import Frame
from murid.errors import SourceError
from murid.video.file import FileSource
from murid.video.image_sequence import SUFFIXES, PictureSource, find_pictures, is_picture
from murid.video.info import FrameSource
from murid.video.read_timeout import READ_TIMEOUT_S


def open_source(source: str | Path, read_timeout_s: float = READ_TIMEOUT_S) -> FrameSource:
    """Open a source of frames.

    Parameters
    ----------
    source : str or Path
        A video file, a folder of pictures (or one with ``img1`` inside), a glob of pictures, or one
        picture.
    read_timeout_s : float
        Seconds for which a disk that gives nothing is waited for, then and when frames are read.

    Returns
    -------
    FrameSource

    Raises
    ------
    SourceError
        If there is nothing there, nothing in it can be decoded, or the disk stalls.
    """
    path = Path(source)
    if path.is_dir():
        return PictureSource(str(source), *find_pictures(path), read_timeout_s)
    if glob.has_magic(str(source)) and not path.exists():
        files = [Path(name) for name in glob.glob(str(source))]  # noqa: PTH207 (absolute patterns)
        return PictureSource(
            str(source), list(filter(is_picture, files)), read_timeout_s=read_timeout_s
        )
    if path.suffix.lower() in SUFFIXES:
        if not path.is_file():
            raise SourceError(path, "file", "a picture", "nothing there")
        return PictureSource(str(source), [path], read_timeout_s=read_timeout_s)
    return FileSource(path, read_timeout_s)


def sample_frames(source: FrameSource, n_frames: int) -> Iterator[Frame]:
    """Return up to `n_frames` decoded frames spread evenly over a source, one in memory at a time.

    Raises
    ------
    SourceError
        If none can be decoded.
    """
    frames = source.sample(n_frames)
    first = next(frames, None)
    if first is None:
        raise SourceError(source.info.path, "frames", "at least one that can be decoded", "none")
    return chain([first], frames)
