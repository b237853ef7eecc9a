"""Update the detector's background model during live tracking, in a background thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Thread

from murid.core import Frame
from murid.detection.detector import Detector
from murid.live.camera import CapturedImage

# Images that are kept for the background model. More cost memory (6 MB each at full HD) and make
# the model slower to fit.
MAX_IMAGES = 24

# With fewer images, animals that rest become part of the background too often.
_MIN_IMAGES = 8


class BackgroundUpdater:
    """Keeps images spread over the recording so far and, from time to time, fits a new detector.

    Parameters
    ----------
    load : callable
        Returns a new detector.
    detector : Detector
        The detector until the first update.
    times_s : sequence of float
        When to update, in seconds from the first image.
    interval_s : float
        Seconds between updates after the last of `times_s`.
    enabled : bool
        Whether to update at all.

    Attributes
    ----------
    detector : Detector
        The newest detector.
    """

    def __init__(
        self,
        load: Callable[[], Detector],
        detector: Detector,
        times_s: Sequence[float],
        interval_s: float,
        enabled: bool = True,
    ) -> None:
        self.detector = detector
        self._load = load
        self._interval_s = interval_s
        self._due_s = sorted(times_s) or [interval_s]
        self._is_enabled = enabled and detector.needs_background
        self._kept: list[Frame] = []
        self._spacing_s = self._due_s[0] / MAX_IMAGES
        self._started_s: float | None = None
        self._thread: Thread | None = None

    def add(self, captured: CapturedImage) -> None:
        """Consider an image; an update that is due runs in another thread."""
        if not self._is_enabled:
            return
        if self._started_s is None:
            self._started_s = captured.captured_s
        now_s = captured.captured_s - self._started_s
        if not self._kept or now_s >= self._kept[-1].time_s + self._spacing_s:
            self._kept.append(Frame(captured.number, now_s, captured.image))
        # Every second image goes, and further ones come half as often, so that the kept ones stay
        # spread over the whole time.
        if len(self._kept) > MAX_IMAGES:
            self._kept = self._kept[::2]
            self._spacing_s = 2 * self._spacing_s
        is_busy = self._thread is not None and self._thread.is_alive()
        if now_s >= self._due_s[0] and not is_busy and len(self._kept) >= _MIN_IMAGES:
            self._due_s = self._due_s[1:] or [now_s + self._interval_s]
            self._thread = Thread(
                target=self._update, args=(list(self._kept),), name="murid-background", daemon=True
            )
            self._thread.start()

    def _update(self, frames: list[Frame]) -> None:
        """Fit a new detector and replace the one in use when it is ready."""
        detector = self._load()
        detector.fit(frames)
        self.detector = detector
