"""Stages of data association: which tracks may match which detections, at which cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from murid.core.clock import to_frames
from murid.core.types import Bool, Detections, Float64
from murid.tracking import costs
from murid.tracking.assignment import Matches, assign
from murid.tracking.config import TrackingConfig
from murid.tracking.lifecycle import TrackState
from murid.tracking.track_bank import TrackBank

# Search radius, in body lengths, in which a lost track is recovered if the number of animals is
# known. It starts at half a body length and grows with the time since the last match, so that a
# track is recovered anywhere in the end. A larger radius recovers sooner, but confuses animals
# that are lost at the same time.
RECOVERY_RADIUS = 0.5
RECOVERY_RADIUS_PER_S = 2.0

# Time without frames after which tracks count as lost, as after frames without a detection. Shorter
# gaps are dropped frames, which only make the step longer. At low frame rates a single dropped
# frame is already longer: the minimum is so many missing frames.
PAUSE_S = 0.3
MIN_PAUSE_FRAMES = 2
# Longest time over which tracks are predicted across a gap. Their velocity has decayed by then.
MAX_PREDICTED_S = 2.0
MIN_PREDICTED_FRAMES = 3


def count_pause_frames(fps: float) -> int:
    """Return the largest number of missing frames that are no pause of the recording."""
    return int(to_frames(PAUSE_S, fps, MIN_PAUSE_FRAMES))


def count_max_predicted_frames(fps: float) -> int:
    """Return the number of frames over which tracks are predicted at most."""
    return int(to_frames(MAX_PREDICTED_S, fps, MIN_PREDICTED_FRAMES))


@dataclass(frozen=True, eq=False, slots=True)
class MatchingStage:
    """One round of matching among the tracks and detections that earlier rounds left unmatched.

    Attributes
    ----------
    tracks, detections : ndarray
        ``(m,)`` and ``(n,)`` bool: which of them take part.
    compute_costs : callable
        Returns the costs ``(m, n)`` of all tracks and detections. It is called only if tracks and
        detections are left.
    max_cost : float
        Maximum cost of a match.
    """

    tracks: Bool
    detections: Bool
    compute_costs: Callable[[], Float64]
    max_cost: float


@dataclass(frozen=True, slots=True)
class ScoreThresholds:
    """Minimum scores of detections in one frame.

    Attributes
    ----------
    detection : float
        In the main stages.
    low : float
        In the stage of low scores.
    new_track : float
        To start a track.
    """

    detection: float
    low: float
    new_track: float


def associate(
    bank: TrackBank,
    detections: Detections,
    config: TrackingConfig,
    thresholds: ScoreThresholds,
    frame: int,
    fps: float,
    n_steps: int = 1,
) -> Matches:
    """Match predicted tracks with the detections of a frame, stage by stage.

    Parameters
    ----------
    bank : TrackBank
        Tracks, predicted to this frame.
    detections : Detections
        Detections of this frame, each with a positive area.
    config : TrackingConfig
        Configuration.
    thresholds : ScoreThresholds
        Minimum scores in this frame.
    frame : int
        Number of this frame, counted in frame intervals.
    fps : float
        Frames per second.
    n_steps : int
        Frame intervals since the frame before, without pauses of the recording.
    """
    unmatched_tracks = np.full(len(bank), True)
    unmatched_detections = np.full(len(detections), True)
    parts: list[Matches] = []
    for stage in plan_stages(bank, detections, config, thresholds, frame, fps, n_steps):
        rows = np.flatnonzero(unmatched_tracks & stage.tracks)
        columns = np.flatnonzero(unmatched_detections & stage.detections)
        if not len(rows) or not len(columns):
            continue
        stage_costs = stage.compute_costs()[np.ix_(rows, columns)]
        matches = assign(stage_costs, stage.max_cost, rows, columns)
        unmatched_tracks[matches.track_rows] = False
        unmatched_detections[matches.detection_rows] = False
        parts.append(matches)

    return Matches(
        np.concatenate([np.zeros(0, np.int64), *(part.track_rows for part in parts)]),
        np.concatenate([np.zeros(0, np.int64), *(part.detection_rows for part in parts)]),
        np.concatenate([np.zeros(0), *(part.costs for part in parts)]),
        np.flatnonzero(unmatched_tracks),
        np.flatnonzero(unmatched_detections),
    )


def plan_stages(
    bank: TrackBank,
    detections: Detections,
    config: TrackingConfig,
    thresholds: ScoreThresholds,
    frame: int,
    fps: float,
    n_steps: int = 1,
) -> Iterator[MatchingStage]:
    """Yield the stages in order.

    The first and second stage are those of the paper (section III-C), then come detections with
    low scores (ByteTrack), tentative tracks (FairMOT) and the recovery of lost tracks.
    """
    tracked = bank.states == TrackState.TRACKED
    lost = bank.states == TrackState.LOST
    tentative = bank.states == TrackState.TENTATIVE
    high = detections.scores >= thresholds.detection

    # Several stages use these costs, so each is computed once, when first needed.
    iou_costs = cache(partial(costs.compute_iou_costs, bank, detections))
    trait_costs = cache(partial(_compute_trait_costs, bank, detections, config))

    # Stage 1: confirmed tracks and detections that overlap.
    if config.stage1_cost == "fused":
        weight = config.appearance_weight
        gating_dims = config.motion.gating_dims
        fused_costs = partial(costs.compute_fused_costs, bank, detections, weight, gating_dims)
        yield MatchingStage(tracked | lost, high, fused_costs, config.stage1_max_cost)
    else:
        yield MatchingStage(
            tracked | lost, high, lambda: iou_costs() + trait_costs(), config.stage1_max_cost
        )

    # Stage 2: tracks and detections that stage 1 left unmatched, by distance instead of overlap.
    if config.stage2_cost == "iou":
        yield MatchingStage(tracked, high, iou_costs, config.stage2_max_cost)
    else:
        max_cost = config.stage2_max_cost + config.stage2_max_cost_per_s * n_steps / fps
        near_costs = partial(_compute_near_costs, bank, detections, config)
        yield MatchingStage(tracked | lost, high, lambda: near_costs() + trait_costs(), max_cost)

    # Low scores, often of occluded animals, continue tracks but start none.
    if config.scores.low is not None:
        low = ~high & (detections.scores >= thresholds.low)
        yield MatchingStage(tracked, low, iou_costs, config.low_score_max_cost)

    # Tentative tracks come after confirmed ones, so that a false positive takes no animal.
    yield MatchingStage(tentative, high, iou_costs, config.tentative_max_cost)

    # If the number of animals is known, a confident detection is one of the lost animals.
    if config.max_tracks is not None:
        lost_s = (frame - bank.last_frames) / fps
        confident = detections.scores >= thresholds.new_track
        recovery_costs = partial(_compute_recovery_costs, bank, detections, lost_s)
        yield MatchingStage(lost, confident, recovery_costs, 1.0)


def _compute_trait_costs(
    bank: TrackBank, detections: Detections, config: TrackingConfig
) -> Float64:
    """Return costs ``(m, n)`` that do not depend on position: size, score and appearance."""
    traits: Float64 = config.size_weight * costs.compute_size_costs(bank, detections)
    traits += config.score_weight * (1 - detections.scores)
    if detections.embeddings is not None:
        traits += config.appearance_weight * costs.compute_appearance_costs(bank, detections)
    return traits


def _compute_near_costs(bank: TrackBank, detections: Detections, config: TrackingConfig) -> Float64:
    """Return position costs ``(m, n)``, infinite beyond the neighbour gate."""
    near = costs.compute_near_costs(bank, detections)
    if config.neighbour_gate is None:
        return near
    beyond = costs.find_beyond_neighbour_gate(bank, detections, config.neighbour_gate)
    return np.where(beyond, np.inf, near)


def _compute_recovery_costs(bank: TrackBank, detections: Detections, lost_s: Float64) -> Float64:
    """Return centre distances ``(m, n)`` as fractions of the search radius of each lost track."""
    radius = RECOVERY_RADIUS + RECOVERY_RADIUS_PER_S * lost_s
    fractions: Float64 = costs.compute_centre_costs(bank, detections) / radius[:, None]
    return fractions
