"""Track several mice or rats in video and keep their identities.

>>> import murid
>>> run = murid.track("cage.mp4", animals=4)  # doctest: +SKIP
>>> run.trajectories().position  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from murid.core import (
        Detections,
        DetectionTable,
        Frame,
        TrackedDetections,
        Tracks,
        Trajectories,
    )
    from murid.detection.config import DetectionConfig
    from murid.errors import MuridError
    from murid.metrics import Metrics
    from murid.pipeline.enroll import enroll
    from murid.pipeline.run import Run
    from murid.pipeline.track import track
    from murid.tracking import Tracker, TrackingConfig

_HOMES = {
    "DetectionConfig": "murid.detection.config",
    "DetectionTable": "murid.core",
    "Detections": "murid.core",
    "Frame": "murid.core",
    "Metrics": "murid.metrics",
    "MuridError": "murid.errors",
    "Run": "murid.pipeline.run",
    "TrackingConfig": "murid.tracking",
    "TrackedDetections": "murid.core",
    "Tracker": "murid.tracking",
    "Tracks": "murid.core",
    "Trajectories": "murid.core",
    "enroll": "murid.pipeline.enroll",
    "track": "murid.pipeline.track",
}

__all__ = [
    "DetectionConfig",
    "DetectionTable",
    "Detections",
    "Frame",
    "Metrics",
    "MuridError",
    "Run",
    "TrackedDetections",
    "Tracker",
    "TrackingConfig",
    "Tracks",
    "Trajectories",
    "enroll",
    "track",
]


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that ``import murid`` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'murid' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
