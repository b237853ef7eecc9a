"""Pictures as a camera gives them: read in a thread of their own, of which only the newest is kept."""

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

DEFAULT_FPS = 30.0
STREAM_STALL_S = 5.0
"""Seconds without a picture after which a network stream is taken for lost, and opened again."""

_MOST_FPS = 1000.0
_RETRY_S = 0.5
_PATIENT_S = 0.2


@dataclass(frozen=True, eq=False, slots=True)
class Captured:
    """A picture ``(h, w, 3)`` uint8 RGB, the moment at which it was there (`time.monotonic`), and its number."""

    image: UInt8
    captured_s: float
    number: int


class Camera(Protocol):
    """Gives pictures one by one, each when it is there."""

    fps: float

    def read(self) -> UInt8 | None:
        """Wait for the next picture; None where there is none any more."""
        ...

    def close(self) -> None:
        """Let go of the device."""
        ...


class _Device:
    """A camera or a network stream, through OpenCV."""

    def __init__(self, source: str) -> None:
        before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        if "://" in source:
            limit_ms = round(1000 * STREAM_STALL_S)
            limits = [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                limit_ms,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                limit_ms,
            ]
            self._capture = cv2.VideoCapture(source, cv2.CAP_ANY, limits)
        else:
            self._capture = cv2.VideoCapture(int(source) if source.isdigit() else source)
        cv2.utils.logging.setLogLevel(before)
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(source, "camera", "a camera or stream that can be opened", "none")
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps = fps if 1 <= fps <= _MOST_FPS else DEFAULT_FPS

    def read(self) -> UInt8 | None:
        good, image = self._capture.read()
        return np.ascontiguousarray(image[..., ::-1]) if good else None

    def close(self) -> None:
        self._capture.release()


class _PacedFile:
    """A video file that gives its frames at the times at which they were filmed."""

    def __init__(self, path: Path) -> None:
        source = VideoFileSource(path)
        self.fps = source.info.fps
        self._frames = (frame for frame in source.iterate() if isinstance(frame, Frame))
        self._first_s: float | None = None
        self._started: float | None = None

    def read(self) -> UInt8 | None:
        frame = next(self._frames, None)
        if frame is None:
            return None
        if self._first_s is None:  # the clock starts when the second one is asked for
            self._first_s = frame.time_s
            return frame.image
        if self._started is None:
            self._started = time.monotonic() - self._first_s
        time.sleep(max(0.0, self._started + frame.time_s - time.monotonic()))
        return frame.image

    def close(self) -> None:
        self._frames.close()


class CameraStream:
    """Read a camera in a thread; what is not taken before the next picture comes is dropped and counted.

    The first picture is read at once, the others from when the feed is first iterated over.

    A camera that gives nothing more is opened again, for as long as the patience lasts; then the
    feed ends, as it does when the camera hangs for so long.

    Parameters
    ----------
    open_camera : callable
        Opens the camera; raises `SourceError` if it cannot.
    read_timeout_s : float
        Seconds for which a lost camera is waited for; 0 ends the feed at once, as at the end of a
        file.

    Attributes
    ----------
    n_captured, n_dropped, n_lost : int
        Pictures that came, those of them that were never taken, and how often the camera was lost.
    failure : str or None
        Why the feed ended, where it was neither stopped nor at its end.

    Raises
    ------
    SourceError
        If the camera cannot be opened in the first place, or gives no first picture.
    """

    def __init__(self, open_camera: Callable[[], Camera], read_timeout_s: float = 0.0) -> None:
        self._open, self._patience_s = open_camera, read_timeout_s
        self._camera = open_camera()
        self.fps = self._camera.fps
        first = self._camera.read()
        if first is None:
            self._camera.close()
            raise SourceError("camera", "pictures", "at least one", "none")
        self.size: tuple[int, ...] = first.shape[:2]
        self._newest: Captured | None = Captured(first, time.monotonic(), 0)
        self._changed, self._stopped, self._ended = Condition(), Event(), False
        self.n_captured, self.n_dropped, self.n_lost = 1, 0, 0
        self.failure: str | None = None
        self._heard_s = time.monotonic()
        self._thread: Thread | None = None

    def __iter__(self) -> Iterator[Captured]:
        """Yield the newest picture each time, until the feed ends or is stopped."""
        if self._thread is None:
            if self._newest is not None:
                self._newest = replace(self._newest, captured_s=time.monotonic())
            self._heard_s = time.monotonic()
            self._thread = Thread(target=self._fill, name="murid-camera", daemon=True)
            self._thread.start()
        while True:
            with self._changed:
                # A camera that hangs must not keep a user from stopping.
                while not self._changed.wait_for(
                    lambda: self._newest is not None or self._ended, _PATIENT_S
                ):
                    if self._stopped.is_set() or self._hangs():
                        return
                if self._newest is None or self._stopped.is_set():
                    return
                captured, self._newest = self._newest, None
            yield captured

    def _hangs(self) -> bool:
        if not 0 < self._patience_s < time.monotonic() - self._heard_s:
            return False
        self.failure = f"the camera gave nothing for {self._patience_s:g} s"
        return True

    def stop(self) -> None:
        """End the feed; safe in a signal handler, and more than once."""
        self._stopped.set()

    def close(self) -> None:
        """End the feed and let go of the camera."""
        self.stop()
        if self._thread is None:
            self._camera.close()
        else:
            self._thread.join(timeout=2 * _RETRY_S + 2)

    def _fill(self) -> None:
        try:
            while not self._stopped.is_set():
                image = self._camera.read()
                if image is None:
                    if not self._reopen():
                        break
                elif image.shape[:2] == self.size:
                    self._put(image)
        except Exception as error:  # what was seen until then is to be kept
            self.failure = str(error)
        finally:
            self._camera.close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _put(self, image: UInt8) -> None:
        with self._changed:
            self.n_dropped += self._newest is not None
            self._heard_s = time.monotonic()
            self._newest = Captured(image, self._heard_s, self.n_captured)
            self.n_captured += 1
            self._changed.notify_all()

    def _reopen(self) -> bool:
        """Wait for a lost camera; False when patience is at its end."""
        self._camera.close()
        until = time.monotonic() + self._patience_s
        self.n_lost += self._patience_s > 0
        while time.monotonic() < until and not self._stopped.wait(_RETRY_S):
            self._heard_s = time.monotonic()
            try:
                self._camera = self._open()
            except SourceError:
                continue
            return True
        if self._patience_s and not self._stopped.is_set():
            self.failure = f"the camera did not come back within {self._patience_s:g} s"
        return False


def open_camera(
    source: str, *, as_live: bool = False, read_timeout_s: float = 30.0
) -> closing[CameraStream]:
    """Open a camera by its number, a stream by its address, or a file that plays at its own pace.

    Parameters
    ----------
    source : str
        ``"0"``, ``"rtsp://…"``, or a path if `as_live`.
    as_live : bool
        Whether the source is a file.
    read_timeout_s : float
        Seconds for which a lost camera is waited for; a file just ends.

    Returns
    -------
    context manager of Feed

    Raises
    ------
    SourceError
        If it cannot be opened or gives no picture.
    """
    if as_live:
        return closing(CameraStream(lambda: _PacedFile(Path(source))))
    if not source.isdigit() and "://" not in source and not source.startswith("/dev/"):
        expected = "the number of a camera, an address such as rtsp://…, or a file with --as-live"
        raise SourceError(source, "camera", expected, "something else")
    return closing(CameraStream(lambda: _Device(source), read_timeout_s))
