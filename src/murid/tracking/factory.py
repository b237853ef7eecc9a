"""Which tracker follows a recording: the compiled one where it can, else the one that it is held against."""

from __future__ import annotations

from typing import Protocol

from murid.core.types import Detections, DetectionTable, TrackedDetections, Tracks
from murid.tracking.config import TrackingConfig
from murid.tracking.tracker import Tracker


class AnyTracker(Protocol):
    """What both can do."""

    def step(self, detections: Detections) -> TrackedDetections:
        """Take the detections of the next frame."""
        ...

    def follow(self, table: DetectionTable) -> Tracks:
        """Take the next stretch of a recording."""
        ...


def make_tracker(config: TrackingConfig, fps: float, *, camera_moves: bool = False) -> AnyTracker:
    """Return a tracker for a recording; raises `ConfigError` if `fps` is not a positive number.

    Both give the same tracks. Settings of the paper's association, a camera that moves, and a
    Python for which there is no numba need `Tracker`.
    """
    if camera_moves:
        return Tracker(config, fps)
    try:
        from murid.tracking.compiled.state import can_follow
        from murid.tracking.compiled.tracker import CompiledTracker
    except ImportError:
        return Tracker(config, fps)
    return CompiledTracker(config, fps) if can_follow(config) else Tracker(config, fps)
