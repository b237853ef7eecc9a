"""Types and array functions that all stages share: boxes, embeddings, tables of detections."""

from murid.core.types import (
    Detections,
    DetectionTable,
    Frame,
    TrackedDetections,
    Tracks,
    Trajectories,
)

__all__ = [
    "DetectionTable",
    "Detections",
    "Frame",
    "TrackedDetections",
    "Tracks",
    "Trajectories",
]
