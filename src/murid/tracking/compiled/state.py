"""Inputs of the compiled tracker as named tuples of numbers and arrays, which numba accepts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from murid.core.types import Bool, Float32, Float64, Int64
from murid.tracking.association import count_max_predicted_frames, count_pause_frames
from murid.tracking.challengers import (
    MAX_CHALLENGERS,
    count_max_gap_frames,
    count_min_challenge_frames,
)
from murid.tracking.config import TrackingConfig
from murid.tracking.kalman import MotionModel

# `KernelSettings.output_boxes` is an index into this tuple.
OUTPUT_BOXES = ("detection", "kalman", "mean")

# Tracks for which there is room at first; the arrays grow when needed.
_INITIAL_CAPACITY = 16


class KernelSettings(NamedTuple):
    """Fields of `TrackingConfig` as numbers, for the frame rate of a video; -1 stands for None.

    Numbers alone: a named tuple without arrays costs nothing in inner loops.
    """

    min_score: float
    min_new_track_score: float
    min_low_score: float
    relative_min_score: float
    relative_min_new_track_score: float
    stage1_max_cost: float
    stage2_max_cost: float
    stage2_max_cost_per_s: float
    neighbour_gate: float
    size_weight: float
    score_weight: float
    min_merged_overlap: float
    low_score_max_cost: float
    tentative_max_cost: float
    appearance_weight: float
    embedding_momentum: float
    fps: float
    output_boxes: int
    max_tracks: int
    max_lost_frames: int
    pause_frames: int
    max_predicted_frames: int
    confirm_new_tracks: int
    min_challenge_frames: int
    max_challenge_gap: int


class KernelMotion(NamedTuple):
    """Fields of `murid.tracking.kalman.MotionModel`; the standard deviations are ``(8,)``."""

    initial_std: Float64
    process_std: Float64
    process_constant_std: Float64
    velocity_factor: float
    growth_factor: float


class FrameDetections(NamedTuple):
    """The ``n`` detections of one frame, with measures of their boxes that are used often.

    Attributes
    ----------
    boxes, scores, embeddings : ndarray
        ``(n, 4)``, ``(n,)``, ``(n, d)`` float32; ``d = 0`` without embeddings.
    has_area : ndarray
        ``(n,)`` bool; other boxes match no track and start none.
    areas, log_areas, lengths : ndarray
        ``(n,)`` float32: area, its logarithm, and the longer side.
    """

    boxes: Float32
    scores: Float32
    embeddings: Float32
    has_area: Bool
    areas: Float32
    log_areas: Float32
    lengths: Float32


class ChallengerArrays(NamedTuple):
    """`murid.tracking.challengers.Challengers`, in arrays with room for all of them.

    Attributes
    ----------
    centres, lengths, hits, first_frames, last_frames : ndarray
        As in `Challengers`, with room for `MAX_CHALLENGERS`.
    evidence : ndarray
        ``(capacity, 4)`` float64, as in `TrackArrays`.
    matched : ndarray
        ``(capacity,)`` int64: detection of each challenger in the latest frame, -1 = none.
    n : ndarray
        ``(1,)`` int64: number of challengers.
    """

    centres: Float64
    lengths: Float64
    hits: Int64
    evidence: Float64
    first_frames: Int64
    last_frames: Int64
    matched: Int64
    n: Int64


class TrackArrays(NamedTuple):
    """Current tracks, as in `TrackBank`, in arrays with room for more.

    Attributes
    ----------
    ids, states, hits, first_frames, last_frames : ndarray
        ``(capacity,)`` int64.
    means : ndarray
        ``(capacity, 8)`` float64 Kalman means.
    covariances : ndarray
        ``(capacity, 4, 3)`` float64: for each of x, y, a and h the variance, the covariance with
        its velocity, and the variance of the velocity. All other covariances are zero for a
        static camera.
    embeddings : ndarray
        ``(capacity, d)`` float32 unit rows.
    n_tracks, frame, next_id : ndarray
        ``(1,)`` int64: number of tracks, frame intervals so far, id of the next new track.
    evidence : ndarray
        ``(capacity, 4)`` float64: mean centre x and y, away hits and sum of scores, as in
        `TrackBank`; written only if the number of animals is known.
    typical_score_sums : ndarray
        ``(2,)`` float64: sum of cubes and sum of squares of all scores so far.
    """

    ids: Int64
    states: Int64
    hits: Int64
    first_frames: Int64
    last_frames: Int64
    means: Float64
    covariances: Float64
    embeddings: Float32
    n_tracks: Int64
    frame: Int64
    next_id: Int64
    evidence: Float64
    typical_score_sums: Float64


def is_supported(config: TrackingConfig) -> bool:
    """Return whether the compiled tracker supports a configuration.

    The stages of the paper and the removal of duplicates are not compiled. Stage 1 considers only
    boxes that overlap, so its maximum cost must be below 1.
    """
    return (
        config.stage1_cost == "overlap"
        and config.stage1_max_cost < 1
        and config.stage2_cost == "near"
        and config.duplicate_max_cost is None
    )


def make_settings(config: TrackingConfig, fps: float, max_lost_frames: int) -> KernelSettings:
    """Return the settings of the compiled tracker for a configuration and a frame rate."""
    scores = config.scores
    return KernelSettings(
        min_score=float(scores.detection),
        min_new_track_score=float(scores.new_track),
        min_low_score=_to_number(scores.low),
        relative_min_score=float(scores.relative_detection),
        relative_min_new_track_score=float(scores.relative_new_track),
        stage1_max_cost=float(config.stage1_max_cost),
        stage2_max_cost=float(config.stage2_max_cost),
        stage2_max_cost_per_s=float(config.stage2_max_cost_per_s),
        neighbour_gate=_to_number(config.neighbour_gate),
        size_weight=float(config.size_weight),
        score_weight=float(config.score_weight),
        min_merged_overlap=_to_number(config.min_merged_overlap),
        low_score_max_cost=float(config.low_score_max_cost),
        tentative_max_cost=float(config.tentative_max_cost),
        appearance_weight=float(config.appearance_weight),
        embedding_momentum=float(config.embedding_momentum),
        fps=float(fps),
        output_boxes=OUTPUT_BOXES.index(config.output_boxes),
        max_tracks=-1 if config.max_tracks is None else config.max_tracks,
        max_lost_frames=max_lost_frames,
        pause_frames=count_pause_frames(fps),
        max_predicted_frames=count_max_predicted_frames(fps),
        confirm_new_tracks=int(config.confirm_new_tracks),
        min_challenge_frames=count_min_challenge_frames(fps),
        max_challenge_gap=count_max_gap_frames(fps),
    )


def make_motion(motion: MotionModel) -> KernelMotion:
    """Return a motion model for compiled code."""
    return KernelMotion(
        initial_std=motion.initial_std,
        process_std=motion.process_std,
        process_constant_std=motion.process_constant_std,
        velocity_factor=float(motion.velocity_factor),
        growth_factor=float(motion.growth_factor),
    )


def make_track_arrays(embedding_size: int) -> TrackArrays:
    """Return arrays without tracks, before the first frame."""
    capacity = _INITIAL_CAPACITY
    return TrackArrays(
        ids=np.zeros(capacity, np.int64),
        states=np.zeros(capacity, np.int64),
        hits=np.zeros(capacity, np.int64),
        first_frames=np.zeros(capacity, np.int64),
        last_frames=np.zeros(capacity, np.int64),
        means=np.zeros((capacity, 8)),
        covariances=np.zeros((capacity, 4, 3)),
        embeddings=np.zeros((capacity, embedding_size), np.float32),
        n_tracks=np.zeros(1, np.int64),
        frame=np.zeros(1, np.int64),
        next_id=np.ones(1, np.int64),
        evidence=np.zeros((capacity, 4)),
        typical_score_sums=np.zeros(2),
    )


def make_challenger_arrays() -> ChallengerArrays:
    """Return arrays without challengers."""
    capacity = MAX_CHALLENGERS
    return ChallengerArrays(
        centres=np.zeros((capacity, 2)),
        lengths=np.zeros(capacity),
        hits=np.zeros(capacity, np.int64),
        evidence=np.zeros((capacity, 4)),
        first_frames=np.zeros(capacity, np.int64),
        last_frames=np.zeros(capacity, np.int64),
        matched=np.zeros(capacity, np.int64),
        n=np.zeros(1, np.int64),
    )


def _to_number(value: float | None) -> float:
    """Return a number for compiled code, which has no None: -1, which no field allows."""
    return -1.0 if value is None else float(value)
