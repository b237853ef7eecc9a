"""The stages of one frame's association: who may match whom, at which cost, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Detections, Float64, Matches, TrackBank
from murid.tracking import costs
from murid.tracking.assignment import assign
from murid.tracking.config import TrackingConfig
from murid.tracking.lifecycle import TrackState

Mask = NDArray[np.bool_]

RETURN_REACH = 0.5
"""Where the number of animals is known: body lengths from its last place within which a lost one
may come back."""
RETURN_SPEED = 2.0
"""Body lengths by which that reach grows in a second, so that a lost animal is found anywhere in
the end."""


@dataclass(frozen=True, eq=False, slots=True)
class Stage:
    """One round of matching among what earlier rounds left over.

    Attributes
    ----------
    tracks, detections : ndarray
        ``(m,)`` and ``(n,)`` bool: who takes part.
    compute_costs : callable
        Gives the costs ``(m, n)`` of all tracks and detections; called only if both sides have
        someone left.
    limit : float
        Highest cost of a match.
    """

    tracks: Mask
    detections: Mask
    compute_costs: Callable[[], Float64]
    limit: float


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Lowest scores of detections in the main stages, in that of low scores, and of those that may start a track."""

    main: float
    low: float
    birth: float


def associate(
    bank: TrackBank,
    detections: Detections,
    config: TrackingConfig,
    thresholds: Thresholds,
    frame: int,
    fps: float,
) -> Matches:
    """Match predicted tracks with the detections of a frame, stage by stage.

    Parameters
    ----------
    bank : TrackBank
        Tracks, predicted to this frame.
    detections : Detections
        What was seen in it, every box with an area.
    config : TrackingConfig
        Settings.
    thresholds : Thresholds
        Scores that count in this frame.
    frame : int
        Number of this frame.
    fps : float
        Frames per second.
    """
    free_tracks = np.full(len(bank), True)
    free_detections = np.full(len(detections), True)
    found: list[Matches] = []
    for stage in plan_stages(bank, detections, config, thresholds, frame, fps):
        rows, columns = (
            np.flatnonzero(free_tracks & stage.tracks),
            np.flatnonzero(free_detections & stage.detections),
        )
        if not len(rows) or not len(columns):
            continue
        matches = assign(stage.compute_costs()[np.ix_(rows, columns)], stage.limit, rows, columns)
        free_tracks[matches.track_rows] = False
        free_detections[matches.detection_rows] = False
        found.append(matches)
    return Matches(
        np.concatenate([np.zeros(0, np.int64), *(m.track_rows for m in found)]),
        np.concatenate([np.zeros(0, np.int64), *(m.detection_rows for m in found)]),
        np.concatenate([np.zeros(0), *(m.costs for m in found)]),
        np.flatnonzero(free_tracks),
        np.flatnonzero(free_detections),
    )


def plan_stages(
    bank: TrackBank,
    detections: Detections,
    config: TrackingConfig,
    thresholds: Thresholds,
    frame: int,
    fps: float,
) -> Iterator[Stage]:
    """Give the stages in order: first and second as in the paper, low scores, tentative tracks, late returns."""
    tracked, lost = bank.states == TrackState.TRACKED, bank.states == TrackState.LOST
    high = detections.scores >= thresholds.main
    iou_costs = cache(lambda: costs.compute_iou_costs(bank, detections))
    traits = cache(lambda: _trait_costs(bank, detections, config))
    if config.stage1_cost == "fused":
        gating_dims = config.motion.gating_dims
        fused = partial(
            costs.compute_fused_costs, bank, detections, config.appearance_weight, gating_dims
        )
        yield Stage(tracked | lost, high, fused, config.stage1_max_cost)
    else:
        yield Stage(tracked | lost, high, lambda: iou_costs() + traits(), config.stage1_max_cost)
    if config.stage2_cost == "iou":
        yield Stage(tracked, high, iou_costs, config.stage2_max_cost)
    else:
        limit = config.stage2_max_cost + config.stage2_max_cost_per_s / fps
        yield Stage(
            tracked | lost, high, lambda: _near_costs(bank, detections, config) + traits(), limit
        )
    if config.scores.low is not None:
        low = ~high & (detections.scores >= thresholds.low)
        yield Stage(tracked, low, iou_costs, config.low_score_max_cost)
    yield Stage(bank.states == TrackState.TENTATIVE, high, iou_costs, config.tentative_max_cost)
    if config.max_tracks is not None:
        gaps_s = (frame - bank.last_frames) / fps
        confident = detections.scores >= thresholds.birth
        yield Stage(lost, confident, lambda: _return_costs(bank, detections, gaps_s), 1.0)


def _trait_costs(bank: TrackBank, detections: Detections, config: TrackingConfig) -> Float64:
    """Costs ``(m, n)`` of what does not depend on place: size, score and appearance."""
    traits: Float64 = config.size_weight * costs.compute_size_costs(bank, detections)
    traits += config.score_weight * (1 - detections.scores)
    if detections.embeddings is not None:
        traits += config.appearance_weight * costs.compute_appearance_costs(bank, detections)
    return traits


def _near_costs(bank: TrackBank, detections: Detections, config: TrackingConfig) -> Float64:
    near = costs.compute_near_costs(bank, detections)
    if config.neighbour_gate is None:
        return near
    return np.where(costs.find_far(bank, detections, config.neighbour_gate), np.inf, near)


def _return_costs(bank: TrackBank, detections: Detections, gaps_s: Float64) -> Float64:
    """Centre distances ``(m, n)`` as shares of the reach of each lost track."""
    reach = RETURN_REACH + RETURN_SPEED * gaps_s
    shares: Float64 = costs.compute_centre_costs(bank, detections) / reach[:, None]
    return shares
