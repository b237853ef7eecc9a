"""Write H.264 videos, completely or not at all."""

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

# Constant rate factor: lower values give better quality and larger files.
DEFAULT_CRF = 20

# It trades file size against speed.
_PRESET = "veryfast"

# Largest denominator of a frame rate or a pixel aspect: it allows 30000/1001 (NTSC).
_MAX_DENOMINATOR = 1001


class VideoWriter:
    """Writes frames to an ``.mp4`` of constant frame rate; use it as a context manager.

    The file appears under its name when the block ends without an exception. After an exception
    nothing is left. Odd sides are padded by one pixel, as H.264 requires.

    Parameters
    ----------
    path : str or Path
    fps : float
        Frames per second.
    width, height : int
        Size of the frames, pixels.
    pixel_aspect : float
        Width of a pixel divided by its height; players stretch the frames by it.
    crf : int
        Constant rate factor of H.264, 0 to 51: lower values give better quality and larger files.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        fps: float,
        width: int,
        height: int,
        pixel_aspect: float = 1.0,
        crf: int = DEFAULT_CRF,
    ) -> None:
        self._path = Path(path)
        self._fps = Fraction(fps).limit_denominator(_MAX_DENOMINATOR)
        self._height = height
        self._width = width
        self._options = {"crf": str(crf), "preset": _PRESET}
        self._pixel_aspect = Fraction(pixel_aspect).limit_denominator(_MAX_DENOMINATOR)

    def __enter__(self) -> VideoWriter:
        self._stack = ExitStack()
        temporary = self._stack.enter_context(replace_on_success(self._path))
        try:
            self._container = av.open(str(temporary), "w", format="mp4")
        except (av.error.FFmpegError, OSError) as error:
            with self._stack:
                raise self._make_error(error) from error
        self._stream: Any = self._container.add_stream("libx264", rate=self._fps)
        self._stream.pix_fmt = "yuv420p"
        self._stream.height = self._height + self._height % 2
        self._stream.width = self._width + self._width % 2
        self._stream.options = self._options
        if self._pixel_aspect != 1:
            self._stream.codec_context.sample_aspect_ratio = self._pixel_aspect
        return self

    def write(self, image: UInt8) -> None:
        """Add a frame ``(h, w, 3)`` uint8 RGB.

        Raises
        ------
        ArrayError
            If the frame has another size.
        StorageError
            If the file cannot be written.
        """
        shape = (self._height, self._width, 3)
        if image.shape != shape:
            raise ArrayError("image", f"shape {shape}", f"shape {image.shape}")
        if self._height % 2 or self._width % 2:
            padding = [(0, self._height % 2), (0, self._width % 2), (0, 0)]
            image = np.pad(image, padding, mode="edge")
        self._encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24"))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._encode(None)  # flushes the encoder
        except StorageError as failure:
            kind = type(failure)
            error = failure
            raise
        finally:
            try:
                self._container.close()
            except av.error.FFmpegError as failure:
                if error is None:
                    kind = type(failure)
                    error = failure
            # With an exception, the temporary file is removed; else it is renamed.
            self._stack.__exit__(kind, error, trace)

    def _encode(self, frame: Any) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise self._make_error(error) from error

    def _make_error(self, error: Exception) -> StorageError:
        return StorageError(self._path, "file", "a place that can be written to", str(error))
