"""Frames from pictures: a folder or a glob."""

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
from murid.core.types import UInt8
from murid.errors import SourceError
from murid.video.info import UnreadableFrame, VideoInfo
from murid.video.read_timeout import READ_TIMEOUT_S, read_whole

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})
_DEFAULT_FPS = 30.0


class PictureSource:
    """Pictures of one size in natural order of their names: ``f2.png`` before ``f10.png``.

    Parameters
    ----------
    name : str
        What the user gave, for messages.
    files : sequence of Path
        The pictures, in any order.
    fps : float
        Frames per second, which pictures do not know.
    read_timeout_s : float
        Seconds for which a disk that gives nothing is waited for.

    Raises
    ------
    SourceError
        If there are no pictures, or none can be decoded; when they are read, if one has gone or the
        disk stalls.
    """

    truncated: str | None = None

    def __init__(
        self,
        name: str,
        files: Sequence[Path],
        fps: float = _DEFAULT_FPS,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        if not files:
            raise SourceError(
                name, "pictures", f"files ending in {', '.join(sorted(SUFFIXES))}", "none"
            )
        self._files = sorted(files, key=_natural_key)
        self._fps, self._patience_s = fps, read_timeout_s
        first = next(
            (image for file in self._files if (image := self._read(file)) is not None), None
        )
        if first is None:
            raise SourceError(
                name, "pictures", "at least one that can be decoded", f"none of {len(files)}"
            )
        height, width = first.shape[:2]
        self.info = VideoInfo(
            name, width, height, fps, len(self._files), self._files[0].suffix.lstrip(".")
        )

    def iterate(self, start: int = 0) -> Iterator[Frame | UnreadableFrame]:
        """Yield the pictures from index `start` on; raises `SourceError` for one of another size."""
        for index in range(start, len(self._files)):
            yield self._load(index)

    def sample(self, n_frames: int) -> Iterator[Frame]:
        """Yield up to `n_frames` decoded pictures, spread evenly."""
        picks = np.unique(np.linspace(0, len(self._files) - 1, n_frames).round().astype(int))
        return (frame for k in picks if isinstance(frame := self._load(int(k)), Frame))

    def compute_fingerprint(self) -> dict[str, Any]:
        """Return number, sizes and names of the files, and SHA-256 over these and the first and last picture."""
        try:
            sizes = [file.stat().st_size for file in self._files]
            digest = hashlib.sha256(
                "\n".join(f"{f.name} {s}" for f, s in zip(self._files, sizes, strict=True)).encode()
            )
            for file in (self._files[0], self._files[-1]):
                digest.update(read_whole(file, self._patience_s))
        except OSError as error:
            raise SourceError(
                self.info.path, "pictures", "readable files", error.strerror or str(error)
            ) from error
        shape = {"width": self.info.width, "height": self.info.height}
        counts = {"size_bytes": sum(sizes), "n_frames": len(self._files), "fps": self._fps}
        return counts | {"sha256": digest.hexdigest()} | shape

    def _load(self, index: int) -> Frame | UnreadableFrame:
        image, time_s = self._read(self._files[index]), index / self._fps
        if image is None:
            return UnreadableFrame(index, time_s, f"{self._files[index].name} cannot be decoded")
        expected = (self.info.height, self.info.width)
        if image.shape[:2] != expected:
            got = f"{image.shape[1]}x{image.shape[0]}"
            raise SourceError(
                self._files[index],
                "size",
                f"{expected[1]}x{expected[0]} like the first picture",
                got,
            )
        return Frame(index, time_s, image)

    def _read(self, file: Path) -> UInt8 | None:
        packed = np.frombuffer(read_whole(file, self._patience_s), np.uint8)
        image = cv2.imdecode(packed, cv2.IMREAD_COLOR) if len(packed) else None
        return (
            None if image is None else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
        )


def is_picture(file: Path) -> bool:
    """Whether a file's name is a picture's; hidden ones, such as the ``._`` companions of macOS, are none."""
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def find_pictures(directory: Path) -> tuple[list[Path], float]:
    """Pictures in a folder, or in its ``img1`` as MOTChallenge has it, and the frame rate of its ``seqinfo.ini``."""
    for place in (directory, directory / "img1"):
        files = list(filter(is_picture, place.iterdir())) if place.is_dir() else []
        if files:
            return files, _read_rate(directory / "seqinfo.ini") or _read_rate(
                place.parent / "seqinfo.ini"
            ) or _DEFAULT_FPS
    return [], _DEFAULT_FPS


def _read_rate(path: Path) -> float | None:
    if not path.is_file():
        return None
    parser = configparser.ConfigParser()
    try:
        parser.read(path)
        rate = parser.getfloat("Sequence", "frameRate", fallback=0.0)
    except (configparser.Error, ValueError, UnicodeDecodeError) as error:
        raise SourceError(
            path, "frameRate", "a number of frames per second", str(error).splitlines()[0]
        ) from error
    return rate if rate > 0 else None


def _natural_key(file: Path) -> list[Any]:
    return [int(part) if part.isdigit() else part.lower() for part in re.split(r"(\d+)", file.name)]
