"""Read a camera in a thread of its own, keeping only the newest image."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Condition, Event, Thread
from typing import Protocol

import cv2
import numpy as np

from murid.core import Frame
from murid.core.types import UInt8
from murid.errors import SourceError
from murid.video.file import VideoFileSource

# For cameras that report no frame rate, or an impossible one.
DEFAULT_FPS = 30.0
_MIN_FPS = 1.0
_MAX_FPS = 1000.0

# A network stream that gives no image for so many seconds counts as lost and is opened again. Some
# cameras pause for a second or two; a longer timeout loses more of the recording.
STREAM_STALL_S = 5.0

# Seconds between attempts to reopen a lost camera.
_RETRY_S = 0.5

# Seconds between checks of whether a stream that waits for an image was stopped.
_POLL_S = 0.2


@dataclass(frozen=True, eq=False, slots=True)
class CapturedImage:
    """An image of a camera.

    Attributes
    ----------
    image : ndarray
        ``(h, w, 3)`` uint8 RGB.
    captured_s : float
        When it arrived, on the clock of `time.monotonic`.
    number : int
        Its number among all images that arrived, from 0.
    """

    image: UInt8
    captured_s: float
    number: int


class Camera(Protocol):
    """A source of images that arrive one by one."""

    fps: float

    def read(self) -> UInt8 | None:
        """Wait for the next image ``(h, w, 3)`` uint8 RGB and return it; None at the end."""
        ...

    def close(self) -> None:
        """Release the device."""
        ...


class _OpenCvCamera:
    """A camera or a network stream, read with OpenCV."""

    def __init__(self, source: str) -> None:
        # OpenCV prints a message for each backend that cannot open the source.
        log_level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        if "://" in source:
            timeout_ms = round(1000 * STREAM_STALL_S)
            parameters = [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                timeout_ms,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                timeout_ms,
            ]
            self._capture = cv2.VideoCapture(source, cv2.CAP_ANY, parameters)
        else:
            self._capture = cv2.VideoCapture(int(source) if source.isdigit() else source)
        cv2.utils.logging.setLogLevel(log_level)
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(source, "camera", "a camera or stream that can be opened", "none")
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps = fps if _MIN_FPS <= fps <= _MAX_FPS else DEFAULT_FPS

    def read(self) -> UInt8 | None:
        is_read, image = self._capture.read()
        return np.ascontiguousarray(image[..., ::-1]) if is_read else None

    def close(self) -> None:
        self._capture.release()


class _RealTimeFile:
    """A video file whose frames arrive at the times at which they were recorded."""

    def __init__(self, path: Path) -> None:
        source = VideoFileSource(path)
        self.fps = source.info.fps
        self._frames = (frame for frame in source.iterate() if isinstance(frame, Frame))
        self._first_s: float | None = None
        self._started_s: float | None = None

    def read(self) -> UInt8 | None:
        frame = next(self._frames, None)
        if frame is None:
            return None
        # The first frame is only for the size; the clock starts when the second one is read.
        if self._first_s is None:
            self._first_s = frame.time_s
            return frame.image
        if self._started_s is None:
            self._started_s = time.monotonic() - self._first_s
        time.sleep(max(0.0, self._started_s + frame.time_s - time.monotonic()))
        return frame.image

    def close(self) -> None:
        self._frames.close()


class CameraStream:
    """Reads a camera in a thread; images that are not taken before the next one are dropped.

    The first image is read at once, the others from the first iteration on.

    A camera that gives no more images is reopened until the timeout is over. Then the stream ends.
    It also ends if a read hangs for that long.

    Parameters
    ----------
    open_camera : callable
        Opens the camera; raises `SourceError` if it cannot.
    read_timeout_s : float
        Seconds to wait for a lost camera; 0 ends the stream at once, as at the end of a file.

    Attributes
    ----------
    fps : float
        Frames per second, as the camera reports them.
    size : (int, int)
        Height and width of the images, pixels.
    n_captured : int
        Number of images that arrived.
    n_dropped : int
        Number of those that were not taken.
    n_lost : int
        How often the camera was lost.
    failure : str or None
        Why the stream ended, if it was neither stopped nor at its end.

    Raises
    ------
    SourceError
        If the camera cannot be opened in the first place, or gives no first image.
    """

    def __init__(self, open_camera: Callable[[], Camera], read_timeout_s: float = 0.0) -> None:
        self._open = open_camera
        self._timeout_s = read_timeout_s
        self._camera = open_camera()
        self.fps = self._camera.fps
        first = self._camera.read()
        if first is None:
            self._camera.close()
            raise SourceError("camera", "images", "at least one", "none")
        self.size: tuple[int, ...] = first.shape[:2]
        self.n_captured = 1
        self.n_dropped = 0
        self.n_lost = 0
        self.failure: str | None = None

        # `_changed` guards `_newest`, `_has_ended` and the counts of images.
        self._changed = Condition()
        self._newest: CapturedImage | None = CapturedImage(first, time.monotonic(), 0)
        self._has_ended = False
        self._stopped = Event()
        self._last_response_s = time.monotonic()
        self._thread: Thread | None = None

    def __iter__(self) -> Iterator[CapturedImage]:
        """Yield the newest image each time, until the stream ends or is stopped."""
        if self._thread is None:
            self._start()
        while True:
            with self._changed:
                # Waiting in steps, so that a user can stop a camera that hangs.
                while not self._changed.wait_for(
                    lambda: self._newest is not None or self._has_ended, _POLL_S
                ):
                    if self._stopped.is_set() or self._check_timeout():
                        return
                if self._newest is None or self._stopped.is_set():
                    return
                captured = self._newest
                self._newest = None
            yield captured

    def stop(self) -> None:
        """End the stream; safe in a signal handler, and more than once."""
        self._stopped.set()

    def close(self) -> None:
        """End the stream and release the camera."""
        self.stop()
        if self._thread is None:
            self._camera.close()
        else:
            self._thread.join(timeout=2 * _RETRY_S + 2)

    def _start(self) -> None:
        """Start the reading thread. The first image counts as captured now."""
        if self._newest is not None:
            self._newest = replace(self._newest, captured_s=time.monotonic())
        self._last_response_s = time.monotonic()
        self._thread = Thread(target=self._read_images, name="murid-camera", daemon=True)
        self._thread.start()

    def _check_timeout(self) -> bool:
        """Whether the camera has not responded for longer than the timeout; 0 = no timeout."""
        if not 0 < self._timeout_s < time.monotonic() - self._last_response_s:
            return False
        self.failure = f"the camera gave nothing for {self._timeout_s:g} s"
        return True

    def _read_images(self) -> None:
        """Read images until the camera ends or the stream is stopped."""
        try:
            while not self._stopped.is_set():
                image = self._camera.read()
                if image is None:
                    if not self._reopen():
                        break
                # A camera may come back with another size, which the tracker cannot use.
                elif image.shape[:2] == self.size:
                    self._put(image)
        except Exception as error:  # any failure must keep what was recorded so far
            self.failure = str(error)
        finally:
            self._camera.close()
            with self._changed:
                self._has_ended = True
                self._changed.notify_all()

    def _put(self, image: UInt8) -> None:
        """Make an image the newest one; the one before is dropped if it was not taken."""
        with self._changed:
            self.n_dropped += self._newest is not None
            self._last_response_s = time.monotonic()
            self._newest = CapturedImage(image, self._last_response_s, self.n_captured)
            self.n_captured += 1
            self._changed.notify_all()

    def _reopen(self) -> bool:
        """Wait for a lost camera and reopen it; returns False after the timeout."""
        self._camera.close()
        deadline_s = time.monotonic() + self._timeout_s
        self.n_lost += self._timeout_s > 0
        while time.monotonic() < deadline_s and not self._stopped.wait(_RETRY_S):
            # Attempts count as responses: only a hanging read is a timeout of `_check_timeout`.
            self._last_response_s = time.monotonic()
            try:
                self._camera = self._open()
            except SourceError:
                continue
            return True
        if self._timeout_s and not self._stopped.is_set():
            self.failure = f"the camera did not come back within {self._timeout_s:g} s"
        return False


def open_camera(
    source: str, *, as_live: bool = False, read_timeout_s: float = 30.0
) -> closing[CameraStream]:
    """Open a camera by its number, a stream by its address, or a video file in real time.

    Parameters
    ----------
    source : str
        ``"0"``, ``"rtsp://…"``, or a path if `as_live`.
    as_live : bool
        Whether the source is a file.
    read_timeout_s : float
        Seconds to wait for a lost camera; ignored for a file.

    Returns
    -------
    context manager of CameraStream

    Raises
    ------
    SourceError
        If it cannot be opened or gives no image.
    """
    if as_live:
        return closing(CameraStream(lambda: _RealTimeFile(Path(source))))
    is_camera = source.isdigit() or "://" in source or source.startswith("/dev/")
    if not is_camera:
        expected = "the number of a camera, an address such as rtsp://…, or a file with --as-live"
        raise SourceError(source, "camera", expected, "something else")
    return closing(CameraStream(lambda: _OpenCvCamera(source), read_timeout_s))
