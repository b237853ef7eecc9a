"""The empty scene, learnt from what a camera has seen so far, beside the tracking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Thread

from murid.core import Frame
from murid.detection.detector import Detector
from murid.live.camera import Captured

MOST_FRAMES = 24
_FEWEST_FRAMES = 8


class BackgroundUpdater:
    """Keeps pictures spread over the time so far, and now and then makes a detector that knows the scene from them.

    Parameters
    ----------
    load : callable
        Makes a new detector.
    detector : Detector
        The one to begin with.
    times_s : sequence of float
        When to learn, seconds from the first picture.
    again_s : float
        How often from then on.
    learn : bool
        Whether to learn at all.
    """

    def __init__(
        self,
        load: Callable[[], Detector],
        detector: Detector,
        times_s: Sequence[float],
        again_s: float,
        learn: bool = True,
    ) -> None:
        self.detector = detector
        self._load, self._again_s = load, again_s
        self._due = sorted(times_s) or [again_s]
        self._learn = learn and detector.needs_background
        self._kept: list[Frame] = []
        self._spacing_s = self._due[0] / MOST_FRAMES
        self._begun: float | None = None
        self._thread: Thread | None = None

    def see(self, captured: Captured) -> None:
        """Take note of a picture; learning, when it is due, happens in another thread."""
        if not self._learn:
            return
        self._begun = captured.captured_s if self._begun is None else self._begun
        now = captured.captured_s - self._begun
        if not self._kept or now >= self._kept[-1].time_s + self._spacing_s:
            self._kept.append(Frame(captured.number, now, captured.image))
        if (
            len(self._kept) > MOST_FRAMES
        ):  # every other one goes: what is left is spread over all the time
            self._kept, self._spacing_s = self._kept[::2], 2 * self._spacing_s
        busy = self._thread is not None and self._thread.is_alive()
        if now >= self._due[0] and not busy and len(self._kept) >= _FEWEST_FRAMES:
            self._due = self._due[1:] or [now + self._again_s]
            self._thread = Thread(
                target=self._renew, args=(list(self._kept),), name="murid-scene", daemon=True
            )
            self._thread.start()

    def _renew(self, frames: list[Frame]) -> None:
        detector = self._load()
        detector.fit(frames)
        self.detector = detector
