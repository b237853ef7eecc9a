"""The stages of one frame's association: who may match whom, at which cost, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Detections, Float64, Matches, TrackBank
from murid.track import costs
from murid.track.assignment import assign
from murid.track.config import TrackConfig
from murid.track.lifecycle import TrackState

Mask = NDArray[np.bool_]

REACH = 1.0
"""Body lengths around its last place within which a lost animal may return at once."""
SPEED = 4.0
"""Body lengths per second by which that reach grows."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One round of matching among what earlier rounds left over.

    Attributes
    ----------
    tracks, detections : ndarray
        ``(m,)`` and ``(n,)`` bool: who takes part.
    compute_costs : callable
        From tracks and detections to costs ``(m, n)``.
    limit : float
        Highest cost of a match.
    """

    tracks: Mask
    detections: Mask
    compute_costs: Callable[[TrackBank, Detections], Float64]
    limit: float


def associate(bank: TrackBank, detections: Detections, config: TrackConfig, gaps_s: Float64) -> Matches:
    """Match predicted tracks with the detections of a frame, stage by stage.

    Parameters
    ----------
    bank : TrackBank
        Tracks, predicted to this frame.
    detections : Detections
        What was seen in it.
    config : TrackConfig
        Settings.
    gaps_s : ndarray
        ``(m,)`` float64 seconds since each track was last seen.

    Returns
    -------
    Matches
        Detections without area take no part, and are not among the unmatched ones.
    """
    free_tracks = np.ones(len(bank), np.bool_)
    free_detections = (detections.boxes[:, 2:] > detections.boxes[:, :2]).all(axis=1)
    done = []
    for stage in _plan(bank, detections, config, gaps_s):
        rows, columns = np.flatnonzero(free_tracks & stage.tracks), np.flatnonzero(free_detections & stage.detections)
        if not len(rows) or not len(columns):
            continue
        matches = assign(stage.compute_costs(bank[rows], detections[columns]), stage.limit, rows, columns)
        free_tracks[matches.track_rows] = free_detections[matches.detection_rows] = False
        done.append(matches)
    return Matches(
        _join([m.track_rows for m in done], np.int64),
        _join([m.detection_rows for m in done], np.int64),
        _join([m.costs for m in done], np.float64),
        np.flatnonzero(free_tracks),
        np.flatnonzero(free_detections),
    )


def _plan(bank: TrackBank, detections: Detections, config: TrackConfig, gaps_s: Float64) -> Iterator[Stage]:
    tracked, lost = bank.states == TrackState.TRACKED, bank.states == TrackState.LOST
    high = detections.scores >= config.score_threshold
    yield Stage(tracked | lost, high, _first_cost(config), config.first_limit)
    yield Stage(tracked, high, costs.compute_iou_costs, config.second_limit)
    if config.low_score_threshold is not None:
        low = ~high & (detections.scores >= config.low_score_threshold)
        yield Stage(tracked, low, costs.compute_iou_costs, config.low_score_limit)
    yield Stage(bank.states == TrackState.TENTATIVE, high, costs.compute_iou_costs, config.tentative_limit)
    if config.max_tracks is not None:
        confident = detections.scores >= config.birth_threshold
        reach = dict(zip(bank.ids.tolist(), (REACH + SPEED * gaps_s).tolist(), strict=True))
        yield Stage(lost, confident, lambda b, d: _return_costs(b, d, reach), 1.0)


def _first_cost(config: TrackConfig) -> Callable[[TrackBank, Detections], Float64]:
    if config.first_cost == "fused":
        return lambda b, d: costs.compute_fused_costs(b, d, config.appearance_weight, config.gate_dims)
    return lambda b, d: (
        costs.compute_centre_costs(b, d) + config.appearance_weight * costs.compute_appearance_costs(b, d)
    )


def _return_costs(bank: TrackBank, detections: Detections, reach: dict[int, float]) -> Float64:
    reaches = np.array([reach[i] for i in bank.ids.tolist()])
    relative: Float64 = costs.compute_centre_costs(bank, detections) / reaches[:, None]
    return relative


def _join(parts: list[Any], dtype: Any) -> Any:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
