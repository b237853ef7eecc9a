"""The words of murid as types and array functions: NumPy only, no files."""

from murid.core.types import (
    Detections,
    DetectionTable,
    Frame,
    Identities,
    Matches,
    TrackBank,
    TrackedDetections,
    Tracks,
    Trajectories,
)

__all__ = [
    "DetectionTable",
    "Detections",
    "Frame",
    "Identities",
    "Matches",
    "TrackBank",
    "TrackedDetections",
    "Tracks",
    "Trajectories",
]
