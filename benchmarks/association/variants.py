"""The variants of DAM that the bench runs: the paper's, the default, and the default with one ingredient changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from beds import Sequence
from noise import Float64

from murid.core.types import Detections, TrackedDetections
from murid.tracking import TrackConfig, Tracker


class Dam:
    """DAM on a sequence, told how the camera moves where that is known."""

    def __init__(self, config: TrackConfig, sequence: Sequence, motion: Float64 | None) -> None:
        self._tracker = Tracker(config, sequence.fps)
        self._motion = None if motion is None else iter(motion)

    def step(self, detections: Detections) -> TrackedDetections:
        """Follow the animals into the next frame."""
        return self._tracker.step(detections, None if self._motion is None else next(self._motion))


Make = Callable[[Sequence], Dam]


def _vary(**changes: Any) -> Make:
    return lambda s: Dam(replace(TrackConfig(), **changes), s, s.motion)


DAM: dict[str, Make] = {
    "DAM paper": lambda s: Dam(TrackConfig.paper(), s, None),
    "DAM": _vary(),
    "DAM, N known": lambda s: Dam(TrackConfig(max_tracks=s.n_animals), s, s.motion),
}
ABLATION: dict[str, Make] = {
    "DAM": _vary(),
    "no second pass for low scores": _vary(low_score_threshold=None),
    "fixed score thresholds": _vary(score_share=0.0, birth_share=0.0),
    "no weight of size": _vary(size_weight=0.0, first_limit=0.8),
    "no weight of score": _vary(score_weight=0.0, first_limit=0.8),
    "merged boxes count as any other": _vary(merged_share=None),
    "paper's second stage (IoU)": _vary(second_cost="iou", second_limit=0.5),
    "no isolation": _vary(isolation=None),
    "velocity does not die away": _vary(coast_s=None),
    "boxes go on growing": _vary(grows=True),
    "aspect ratio as of pedestrians": _vary(aspect_noise=0.01),
    "without camera motion": lambda s: Dam(TrackConfig(), s, None),
    "doubles removed": _vary(duplicate_limit=0.15),
    "detection's own box": _vary(output_boxes="detection"),
    "Kalman filter's box": _vary(output_boxes="kalman"),
}
