"""Video information and the protocol of frame sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from murid.core import Frame
from murid.core.types import Float64, Int64


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """Size, frame rate and length of a frame source.

    Attributes
    ----------
    path : str
        The path as the user gave it.
    width, height : int
        Pixels, after rotation to upright.
    fps : float
        Frames per second: the reciprocal of the median interval between frames.
    n_frames : int or None
        Number of frames; None if it is unknown before all are read.
    codec : str
        Name of the codec or of the image format.
    fps_is_assumed : bool
        Whether the source has no frame times of its own, so that `fps` is a guess: folders of
        images, and raw streams such as ``.h264``, which at most name a nominal rate.
    stream : int
        Number of the video stream in the file, from 0 among all its streams.
    bit_depth : int
        Bits per channel that the frames use before they become uint8.
    rotation_deg : int
        Rotation that made the frames upright: 0, 90, 180 or 270 degrees counter-clockwise.
    is_mirrored : bool
        Whether the frames were mirrored as well, as players show them.
    pixel_aspect : float
        Width of a pixel divided by its height, after rotation to upright.
    first_image_frame : int
        Frames before the first image of a sequence, if the numbers in its names count frames from 0
        or from 1; 0 for other sources.
    """

    path: str
    width: int
    height: int
    fps: float
    n_frames: int | None
    codec: str
    fps_is_assumed: bool = False
    stream: int = 0
    bit_depth: int = 8
    rotation_deg: int = 0
    is_mirrored: bool = False
    pixel_aspect: float = 1.0
    first_image_frame: int = 0

    def describe(self) -> dict[str, Any]:
        """Return what the manifest of a run keeps: all fields but path, size and length."""
        kept = asdict(self)
        for name in ("path", "width", "height", "n_frames"):
            del kept[name]
        return kept


@dataclass(frozen=True, slots=True)
class UnreadableFrame:
    """A frame that cannot be decoded; it keeps its index and time.

    Attributes
    ----------
    index : int
        Frame number in the video, from 0.
    time_s : float
        Seconds from the start.
    reason : str
        Why it cannot be decoded, in words.
    """

    index: int
    time_s: float
    reason: str


FramesFrom = Callable[[int], Iterator[Frame | UnreadableFrame]]
"""Yields the frames from a number on."""


class FrameSource(Protocol):
    """A source of frames that can be read repeatedly, from any frame on."""

    @property
    def info(self) -> VideoInfo:
        """Size, frame rate and length."""
        ...

    @property
    def times_s(self) -> Float64:
        """``(F,)`` float64: the time of each frame in seconds, ascending."""
        ...

    @property
    def truncated(self) -> str | None:
        """Why there are fewer frames than the file announces, or None."""
        ...

    def iterate(self, start: int = 0) -> Iterator[Frame | UnreadableFrame]:
        """Yield the frames from index `start` on, in order and without gaps."""
        ...

    def open_for_display(self) -> FramesFrom:
        """Return a function that yields frames as `iterate` does, and reaches the first sooner.

        It is for one thread, and what it yields ends when it is called again.
        """
        ...

    def read(self, numbers: Int64) -> Iterator[Frame]:
        """Yield the frames with some numbers, ascending, as far as they can be decoded."""
        ...

    def sample(self, n_frames: int) -> Iterator[Frame]:
        """Yield up to `n_frames` decoded frames spread evenly over the source."""
        ...

    def compute_fingerprint(self) -> dict[str, Any]:
        """Return plain values that identify the source: sizes, frame rate and a hash."""
        ...
