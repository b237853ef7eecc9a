"""Read single frames in any order, as someone does who looks through a recording."""

from __future__ import annotations

from collections.abc import Iterator

from murid.core import Frame
from murid.errors import SourceError
from murid.video.info import FrameSource, UnreadableFrame

# Frames up to which decoding onwards is cheaper than starting again at a key frame.
_MAX_SKIPPED_FRAMES = 30


class FrameReader:
    """Reads frames of a source one by one; the next frame costs the decoding of one frame.

    Numbers are exact. It keeps a decoder open, and is for one thread at a time.

    Parameters
    ----------
    source : FrameSource
    """

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self._frames_from = source.open_for_display()
        self._frames: Iterator[Frame | UnreadableFrame] | None = None
        self._next_number = 0

    def read(self, number: int) -> Frame | UnreadableFrame:
        """Return the frame with a number; raises `SourceError` if there is none."""
        n_skipped = number - self._next_number
        if self._frames is None or not 0 <= n_skipped <= _MAX_SKIPPED_FRAMES:
            self._frames = self._frames_from(number)
        for frame in self._frames if number >= 0 else ():
            self._next_number = frame.index + 1
            if frame.index == number:
                return frame
        self._frames = None
        expected = f"a number from 0, below {self._source.info.n_frames}"
        raise SourceError(self._source.info.path, "frame", expected, str(number))
