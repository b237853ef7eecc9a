"""H.264 video out, whole or not at all."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np

from murid.core.files import replace_on_success
from murid.core.types import UInt8
from murid.errors import ArrayError, StorageError


class VideoSink:
    """Write frames to an ``.mp4`` of constant frame rate; use as a context manager.

    The file appears under its name when the block ends well; after an error nothing is left. Sides
    that are odd are padded by one pixel, as H.264 asks.

    Parameters
    ----------
    path : str or Path
    fps : float
        Frames per second.
    width, height : int
        Size of the frames that will come, pixels.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """

    def __init__(self, path: str | Path, fps: float, width: int, height: int) -> None:
        self._path, self._size = Path(path), (height, width)
        self._fps = Fraction(fps).limit_denominator(1001)

    def __enter__(self) -> VideoSink:
        self._stack = ExitStack()
        temporary = self._stack.enter_context(replace_on_success(self._path))
        try:
            self._container = av.open(str(temporary), "w", format="mp4")
        except (av.error.FFmpegError, OSError) as error:
            with self._stack:
                raise StorageError(
                    self._path, "file", "a place that can be written to", str(error)
                ) from error
        self._stream: Any = self._container.add_stream("libx264", rate=self._fps)
        self._stream.pix_fmt = "yuv420p"
        self._stream.height, self._stream.width = (side + side % 2 for side in self._size)
        self._stream.options = {"crf": "20", "preset": "veryfast"}
        return self

    def write(self, image: UInt8) -> None:
        """Add a frame ``(h, w, 3)`` uint8 RGB; raises `ArrayError` for another size, and `StorageError`."""
        if image.shape != (*self._size, 3):
            raise ArrayError("image", f"shape {(*self._size, 3)}", f"shape {image.shape}")
        pad = [(0, side % 2) for side in self._size]
        even = np.pad(image, [*pad, (0, 0)], mode="edge") if any(p for _, p in pad) else image
        self._encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24"))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._encode(None)
        except StorageError as failure:
            kind, error = type(failure), failure
            raise
        finally:
            try:
                self._container.close()
            except av.error.FFmpegError as failure:
                if error is None:
                    kind, error = type(failure), failure
            self._stack.__exit__(kind, error, trace)

    def _encode(self, frame: Any) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise StorageError(
                self._path, "file", "a place that can be written to", str(error)
            ) from error
