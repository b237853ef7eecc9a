"""The peers: roboflow's ``trackers`` (Apache-2), with their default settings and the frame rate.

The scores of all benchmarks are on the scale for which the default thresholds were made. A known
camera motion is given to the one peer that can use it, BoT-SORT, in place of its own estimate from
images, which are not available.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import supervision as sv
import trackers

from murid.core.types import Detections, Float64, TrackedDetections

PEERS: dict[str, Callable[[float], Any]] = {
    "SORT": lambda fps: trackers.SORTTracker(frame_rate=fps),
    "ByteTrack": lambda fps: trackers.ByteTrackTracker(frame_rate=fps),
    "OC-SORT": lambda fps: trackers.OCSORTTracker(frame_rate=fps),
    "BoT-SORT": lambda fps: trackers.BoTSORTTracker(frame_rate=fps, enable_cmc=False),
    "C-BIoU": lambda fps: trackers.CBIoUTracker(frame_rate=fps),
}
_NO_IMAGE = np.zeros((1, 1, 3), np.uint8)


class Peer:
    """A peer behind the interface of `murid.Tracker`."""

    def __init__(self, name: str, fps: float, motion: Float64 | None) -> None:
        self._tracker = PEERS[name](fps)
        self._moves = name == "BoT-SORT" and motion is not None
        if self._moves:
            self._tracker.enable_cmc = True
            self._tracker.cmc = _KnownMotion(motion)

    def follow(self, frames: list[Detections]) -> list[TrackedDetections]:
        """Track the animals frame by frame."""
        return [self._step(detections) for detections in frames]

    def _step(self, detections: Detections) -> TrackedDetections:
        rows = np.arange(len(detections))
        given = sv.Detections(detections.boxes, confidence=detections.scores, data={"row": rows})
        found = (
            self._tracker.update(given, _NO_IMAGE) if self._moves else self._tracker.update(given)
        )
        ids = np.full(len(detections), -1, np.int64)
        if len(found):
            ids[found.data["row"]] = found.tracker_id
        return TrackedDetections(detections, ids)


class _KnownMotion:
    """Camera motion from a table rather than from images."""

    def __init__(self, motion: Any) -> None:
        self._motion = iter(motion)

    def estimate(self, *_: object) -> Any:
        return next(self._motion)
