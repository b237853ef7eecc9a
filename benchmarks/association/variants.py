"""Variants of murid in the benchmark: the paper's DAM, the default, ablations, and identities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise, repeat
from typing import Any

import numpy as np
from noise import Float64
from sequences import Sequence

from murid.core.types import Detections, DetectionTable, TrackedDetections
from murid.identification import link_tracklets
from murid.tracking import MotionConfig, ScoreConfig, Tracker, TrackingConfig, track_bidirectionally


class Linked:
    """Identities as of `murid track --animals N`, from bidirectional tracks."""

    def __init__(self, sequence: Sequence) -> None:
        self._sequence = sequence

    def follow(self, frames: list[Detections]) -> list[TrackedDetections]:
        """Return the identities in all frames."""
        table = DetectionTable.from_frames(frames)
        n = self._sequence.n_animals
        fps = self._sequence.fps
        found = link_tracklets(
            table, n, fps, bidirectional_tracks=track_bidirectionally(table, n, fps)
        )
        bounds = np.searchsorted(found.frames, np.arange(len(frames) + 1))
        return [
            TrackedDetections(
                Detections(found.boxes[a:b], found.scores[a:b]), found.identity_ids[a:b]
            )
            for a, b in pairwise(bounds)
        ]


class Dam:
    """DAM on a sequence, with its camera motion if known."""

    def __init__(self, config: TrackingConfig, sequence: Sequence, motion: Float64 | None) -> None:
        self._tracker = Tracker(config, sequence.fps)
        self._motion = motion

    def follow(self, frames: list[Detections]) -> list[TrackedDetections]:
        """Track the animals frame by frame."""
        motion = repeat(None) if self._motion is None else self._motion
        return [
            self._tracker.step(detections, m) for detections, m in zip(frames, motion, strict=False)
        ]


Make = Callable[[Sequence], Dam | Linked]


def _vary(**changes: Any) -> Make:
    return lambda s: Dam(replace(TrackingConfig(), **changes), s, s.motion)


DAM: dict[str, Make] = {
    "DAM paper": lambda s: Dam(TrackingConfig.paper(), s, None),
    "DAM": _vary(),
    "DAM, N known": lambda s: Dam(TrackingConfig(max_tracks=s.n_animals), s, s.motion),
    "linked, N known": lambda s: Linked(s),
}
# Skipped if the number of animals is unknown.
NEEDS_N_ANIMALS = ("DAM, N known", "linked, N known")
ABLATION: dict[str, Make] = {
    "DAM": _vary(),
    "no second pass for low scores": _vary(scores=ScoreConfig(low=None)),
    "fixed score thresholds": _vary(
        scores=ScoreConfig(relative_detection=0.0, relative_new_track=0.0)
    ),
    "no weight of size": _vary(size_weight=0.0, stage1_max_cost=0.8),
    "no weight of score": _vary(score_weight=0.0, stage1_max_cost=0.8),
    "merged boxes count as any other": _vary(min_merged_overlap=None),
    "paper's second stage (IoU)": _vary(stage2_cost="iou", stage2_max_cost=0.5),
    "no neighbour gate": _vary(neighbour_gate=None),
    "velocity does not die away": _vary(motion=MotionConfig(velocity_decay_s=None)),
    "boxes go on growing": _vary(motion=MotionConfig(predict_growth=True)),
    "aspect ratio as of pedestrians": _vary(motion=MotionConfig(aspect_ratio_std=0.01)),
    "without camera motion": lambda s: Dam(TrackingConfig(), s, None),
    "doubles removed": _vary(duplicate_max_cost=0.15),
    "detection's own box": _vary(output_boxes="detection"),
    "Kalman filter's box": _vary(output_boxes="kalman"),
}
