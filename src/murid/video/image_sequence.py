"""Read the frames of an image sequence: a folder or a glob of images."""

from __future__ import annotations

import configparser
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from murid.core import Frame
from murid.core.types import Float64, UInt8
from murid.errors import SourceError
from murid.video.info import UnreadableFrame, VideoInfo
from murid.video.read_timeout import READ_TIMEOUT_S, read_bytes
from murid.video.sampling import spread_evenly

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})

# Images have no frame rate of their own; this is a common one of cameras.
_DEFAULT_FPS = 30.0


class ImageSequenceSource:
    """Images of one size, in natural order of their names: ``f2.png`` before ``f10.png``.

    Parameters
    ----------
    name : str
        The path or glob that the user gave, for messages.
    files : sequence of Path
        The image files, in any order.
    fps : float or None
        Frames per second; None assumes 30.
    read_timeout_s : float
        Seconds to wait for a stalled disk.

    Raises
    ------
    SourceError
        If there are no images, or none can be decoded; when they are read, if one is gone or the
        disk stalls.
    """

    truncated: str | None = None

    def __init__(
        self,
        name: str,
        files: Sequence[Path],
        fps: float | None = None,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        if not files:
            expected = f"files ending in {', '.join(sorted(IMAGE_SUFFIXES))}"
            raise SourceError(name, "images", expected, "none")
        self._files = sorted(files, key=natural_key)
        self._fps = fps or _DEFAULT_FPS
        self._timeout_s = read_timeout_s
        decoded = (image for file in self._files if (image := self._read(file)) is not None)
        first = next(decoded, None)
        if first is None:
            got = f"none of {len(files)}"
            raise SourceError(name, "images", "at least one that can be decoded", got)
        height, width = first.shape[:2]
        image_format = self._files[0].suffix.lstrip(".")
        self.info = VideoInfo(
            name,
            width,
            height,
            self._fps,
            len(self._files),
            image_format,
            fps_is_assumed=fps is None,
        )

    @property
    def times_s(self) -> Float64:
        """``(F,)`` float64: the time of each frame in seconds, ascending."""
        return np.arange(len(self._files)) / self._fps

    def iterate(self, start: int = 0) -> Iterator[Frame | UnreadableFrame]:
        """Yield the frames from index `start` on; raises `SourceError` for one of another size."""
        for index in range(start, len(self._files)):
            yield self._load(index)

    def sample(self, n_frames: int) -> Iterator[Frame]:
        """Yield up to `n_frames` decoded frames, spread evenly."""
        for index in spread_evenly(len(self._files), n_frames).tolist():
            frame = self._load(index)
            if isinstance(frame, Frame):
                yield frame

    def compute_fingerprint(self) -> dict[str, Any]:
        """Return the number and size of the files, and a SHA-256.

        The hash covers the names and sizes of all files, and the content of the first and last one.
        """
        try:
            sizes = [file.stat().st_size for file in self._files]
            listing = [f"{file.name} {size}" for file, size in zip(self._files, sizes, strict=True)]
            digest = hashlib.sha256("\n".join(listing).encode())
            for file in (self._files[0], self._files[-1]):
                digest.update(read_bytes(file, self._timeout_s))
        except OSError as error:
            got = error.strerror or str(error)
            raise SourceError(self.info.path, "images", "readable files", got) from error
        return {
            "size_bytes": sum(sizes),
            "n_frames": len(self._files),
            "fps": self._fps,
            "sha256": digest.hexdigest(),
            "width": self.info.width,
            "height": self.info.height,
        }

    def _load(self, index: int) -> Frame | UnreadableFrame:
        file = self._files[index]
        image = self._read(file)
        time_s = index / self._fps
        if image is None:
            return UnreadableFrame(index, time_s, f"{file.name} cannot be decoded")
        height, width = image.shape[:2]
        if (height, width) != (self.info.height, self.info.width):
            expected = f"{self.info.width}x{self.info.height} like the first image"
            raise SourceError(file, "size", expected, f"{width}x{height}")
        return Frame(index, time_s, image)

    def _read(self, file: Path) -> UInt8 | None:
        """Return the image ``(h, w, 3)`` uint8 RGB in a file; None if it cannot be decoded."""
        content = np.frombuffer(read_bytes(file, self._timeout_s), np.uint8)
        image = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
        if image is None:
            return None
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def is_image_file(file: Path) -> bool:
    """Whether a file has the suffix of an image and is not hidden.

    Hidden files such as the ``._`` companions that macOS writes are not images.
    """
    return file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".")


def find_image_sequence(directory: Path) -> tuple[list[Path], float | None]:
    """Return the image files in a folder and their frame rate, None if it is unknown.

    The images may be in the subfolder ``img1``, and the frame rate in ``seqinfo.ini``, as in
    MOTChallenge.
    """
    for folder in (directory, directory / "img1"):
        files = (
            [file for file in folder.iterdir() if is_image_file(file)] if folder.is_dir() else []
        )
        if files:
            fps = _read_fps(directory / "seqinfo.ini") or _read_fps(folder.parent / "seqinfo.ini")
            return files, fps
    return [], None


def natural_key(file: Path) -> list[tuple[int, str]]:
    """Return a sort key by which numbers in file names count as numbers, and case is ignored."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part.lower())
        for part in re.split(r"(\d+)", file.name)
    ]


def _read_fps(path: Path) -> float | None:
    """Return the frame rate in a MOTChallenge ``seqinfo.ini``; None if it has none."""
    if not path.is_file():
        return None
    parser = configparser.ConfigParser()
    try:
        parser.read(path)
        fps = parser.getfloat("Sequence", "frameRate", fallback=0.0)
    except (configparser.Error, ValueError, UnicodeDecodeError) as error:
        got = str(error).splitlines()[0]
        raise SourceError(path, "frameRate", "a number of frames per second", got) from error
    return fps if fps > 0 else None
