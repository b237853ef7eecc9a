"""Settings and live tracks as plain numbers and arrays, which compiled code takes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from murid.core.types import Float32, Float64, Int64
from murid.tracking import kalman
from murid.tracking.config import TrackingConfig

BOXES = ("detection", "kalman", "mean")
"""What `Settings.output` counts."""


class Settings(NamedTuple):
    """Numbers that decide, all floats but the last three; below 0 = off, where None is allowed in `TrackingConfig`."""

    score_threshold: float
    birth_threshold: float
    low_score_threshold: float
    min_relative_score: float
    min_relative_birth_score: float
    stage1_max_cost: float
    stage2_max_cost: float
    neighbour_gate: float
    size_weight: float
    score_weight: float
    min_merged_overlap: float
    low_score_max_cost: float
    tentative_max_cost: float
    appearance_weight: float
    embedding_momentum: float
    velocity_kept: float
    growth_kept: float
    fps: float
    output: int
    max_tracks: int
    max_lost_frames: int


class State(NamedTuple):
    """Live tracks, as `TrackBank`, with room for more; covariances ``(cap, 4, 3)`` are place, both, velocity.

    ``counters`` are the tracks that are there, the frames so far, the next id and whether new
    tracks are tentative; ``sums`` those of `Tracker` for the usual score; ``noise`` ``(4, 4)`` what
    `Motion` says, by coordinate: start of place and velocity, step of place and velocity, in
    heights of the box; ``constants`` ``(2,)`` of the aspect ratio.
    """

    ids: Int64
    states: Int64
    hits: Int64
    first_frames: Int64
    last_frames: Int64
    means: Float64
    blocks: Float64
    embeddings: Float32
    counters: Int64
    sums: Float64
    noise: Float64
    constants: Float64


def can_follow(config: TrackingConfig) -> bool:
    """Whether these settings are compiled: those of murid's own association, not those of the paper's."""
    own = (
        config.stage1_cost == "overlap"
        and config.stage2_cost == "near"
        and config.stage1_max_cost < 1
    )
    return own and config.duplicate_max_cost is None


def make_settings(
    config: TrackingConfig, fps: float, motion: kalman.Motion, max_lost_frames: int
) -> Settings:
    """Settings as numbers."""

    def number(value: float | None) -> float:
        return -1.0 if value is None else float(value)

    return Settings(
        number(config.scores.detection),
        number(config.scores.new_track),
        number(config.scores.low),
        number(config.scores.relative_detection),
        number(config.scores.relative_new_track),
        number(config.stage1_max_cost),
        number(config.stage2_max_cost + config.stage2_max_cost_per_s / fps),
        number(config.neighbour_gate),
        number(config.size_weight),
        number(config.score_weight),
        number(config.min_merged_overlap),
        number(config.low_score_max_cost),
        number(config.tentative_max_cost),
        number(config.appearance_weight),
        number(config.embedding_momentum),
        number(motion.velocity_kept),
        number(motion.growth_kept),
        number(fps),
        BOXES.index(config.output_boxes),
        -1 if config.max_tracks is None else config.max_tracks,
        max_lost_frames,
    )


def make_state(motion: kalman.Motion, tentative: bool, embedding_size: int) -> State:
    """No track yet."""
    start, step = motion.start_std, motion.process_std
    n = 16
    ids, states, hits, first_frames, last_frames = np.zeros((5, n), np.int64)
    return State(
        ids,
        states,
        hits,
        first_frames,
        last_frames,
        np.zeros((n, 8)),
        np.zeros((n, 4, 3)),
        np.zeros((n, embedding_size), np.float32),
        np.array([0, 0, 1, int(tentative)], np.int64),
        np.zeros(2),
        np.column_stack([start[:4], start[4:], step[:4], step[4:]]),
        motion.process_constant[[2, 6]].astype(np.float64),
    )
