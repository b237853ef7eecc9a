"""Choice between the compiled tracker and the reference implementation in NumPy."""

from __future__ import annotations

from typing import Protocol

from murid.core.types import Detections, DetectionTable, Float64, TrackedDetections, Tracks
from murid.tracking.config import TrackingConfig
from murid.tracking.tracker import Tracker


class AnyTracker(Protocol):
    """Interface that `Tracker` and `CompiledTracker` have in common."""

    def step(self, detections: Detections, *, time_s: float | None = None) -> TrackedDetections:
        """Track the detections of the next frame."""
        ...

    def follow(self, table: DetectionTable, *, times_s: Float64 | None = None) -> Tracks:
        """Track the next chunk of frames."""
        ...


def make_tracker(config: TrackingConfig, fps: float, *, camera_moves: bool = False) -> AnyTracker:
    """Return the fastest tracker that supports the configuration.

    `Tracker` is used for the method of the paper, for a moving camera, and if numba is not
    installed. Both trackers assign the same ids.

    Raises
    ------
    ConfigError
        If `fps` is not a positive number.
    """
    if camera_moves:
        return Tracker(config, fps)
    try:
        from murid.tracking.compiled.state import is_supported
        from murid.tracking.compiled.tracker import CompiledTracker
    except ImportError:
        return Tracker(config, fps)
    return CompiledTracker(config, fps) if is_supported(config) else Tracker(config, fps)
