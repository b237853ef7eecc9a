"""What is known of a source of frames, and what a source can do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from murid.core import Frame


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """A source of frames in numbers.

    Attributes
    ----------
    path : str
        As the user gave it.
    width, height : int
        Pixels, upright.
    fps : float
        Average frames per second.
    n_frames : int or None
        Frames that are there; None if only reading to the end can tell.
    codec : str
        Name of the codec or of the picture format.
    """

    path: str
    width: int
    height: int
    fps: float
    n_frames: int | None
    codec: str


@dataclass(frozen=True, slots=True)
class UnreadableFrame:
    """A frame that cannot be decoded; it keeps its index and time.

    Attributes
    ----------
    index : int
        Position in the video, from 0.
    time_s : float
        Seconds from the start.
    reason : str
        Why, in words.
    """

    index: int
    time_s: float
    reason: str


class FrameSource(Protocol):
    """Frames in order, from any place, as often as asked."""

    @property
    def info(self) -> VideoInfo:
        """What is known before reading."""
        ...

    @property
    def truncated(self) -> str | None:
        """Why the source is shorter than it says, or None."""
        ...

    def iterate(self, start: int = 0) -> Iterator[Frame | UnreadableFrame]:
        """Yield the frames from index `start` on, in order and without gaps."""
        ...

    def sample(self, n_frames: int) -> Iterator[Frame]:
        """Yield up to `n_frames` decoded frames spread evenly over the source."""
        ...

    def compute_fingerprint(self) -> dict[str, Any]:
        """Return what tells this source from another, as plain values: size, frames, hash of head and tail."""
        ...
