"""Where the identities are: their detections, what is filled in between, and boxes that go together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from murid.core.types import DetectionTable, Float32, Int32, Int64
from murid.identification.box_smoothing import smooth_boxes, weight_boxes
from murid.identification.config import IdentificationConfig
from murid.identification.gap_filling import fill_gaps
from murid.identification.occlusion import find_occluded_edges
from murid.identification.result import DoubtfulCrossings, IdentificationResult

_GOOD = 0.9
"""Share of the scores below that of a good detection."""


@dataclass(frozen=True, eq=False, slots=True)
class Assigned:
    """Detections that are an identity's, by identity and then frame.

    Attributes
    ----------
    rows, frames, owners : ndarray
        ``(n,)`` int32 detections, their frames, and whose they are.
    merged : ndarray
        ``(n,)`` bool: whether its box may be of another animal as well.
    identity_probabilities : ndarray
        ``(n,)`` float32.
    occluded : ndarray
        ``(n,)`` bool: whether the animal was in the box of another one in the gap after it, if
        there is one.
    """

    rows: Int32
    frames: Int32
    owners: Int32
    merged: NDArray[np.bool_]
    identity_probabilities: Float32
    occluded: NDArray[np.bool_]


def place_identities(
    table: DetectionTable,
    order: Int32,
    taken: Assigned,
    *,
    fps: float,
    body_px: float,
    config: IdentificationConfig,
    crossings: DoubtfulCrossings,
    note: str | None,
) -> IdentificationResult:
    """Make the positions of identities of the detections that are theirs.

    Parameters
    ----------
    table : DetectionTable
        All detections of the recording.
    order : ndarray
        ``(N,)`` int32 their rows, in the order in which `taken` counts them.
    taken : Taken
    fps, body_px : float
    config : IdentificationConfig
    crossings, note
        What else is to be said.
    """
    bounds = [*np.flatnonzero(np.diff(taken.owners, prepend=-1)).tolist(), len(taken.owners)]
    owners = taken.owners[bounds[:-1]].tolist()
    parts, owned = [], np.zeros(len(table), bool)
    owned[order[taken.rows]] = True
    covers = find_occluded_edges(table, owned, body_px)
    usual = float(np.quantile(table.scores[owned], _GOOD)) if owned.any() else 1.0
    for a, b in pairwise(bounds):
        rows = order[taken.rows[a:b]]
        part = {
            "frames": taken.frames[a:b],
            "rows": rows,
            "boxes": table.boxes[rows],
            "scores": table.scores[rows],
            "identity_probabilities": taken.identity_probabilities[a:b],
            "merged": taken.merged[a:b],
            "covers": covers[rows],
        }
        parts.append(_complete(part, taken.occluded[a:b], usual, fps, body_px, config))
    places = _interleave([part["frames"] for part in parts])
    n = sum(map(len, places))
    columns: dict[str, Any] = {"identity_ids": np.empty(n, np.int64)}
    for owner, own in zip(owners, places, strict=True):
        columns["identity_ids"][own] = owner
    for name, (shape, dtype) in _COLUMNS.items():
        columns[name] = np.empty((n, *shape), dtype)
        for part, own in zip(parts, places, strict=True):
            columns[name][own] = part.pop(name)  # a day of them takes room
    return IdentificationResult(**columns, crossings=crossings, note=note)


def _interleave(frames: list[Int64]) -> list[Int64]:
    """Places of the rows of each identity when all are by frame and then identity."""
    n_frames = max((int(own.max(initial=-1)) for own in frames), default=-1) + 1
    counts = sum(
        (np.bincount(own, minlength=n_frames) for own in frames), np.zeros(n_frames, np.int64)
    )
    following = np.cumsum(counts) - counts
    places = []
    for own in frames:
        places.append(following[own])
        following[own] += 1
    return places


_COLUMNS = {
    "frames": ((), np.int64),
    "rows": ((), np.int64),
    "boxes": ((4,), np.float32),
    "scores": ((), np.float32),
    "identity_probabilities": ((), np.float32),
}


def _complete(
    part: dict[str, Any],
    occluded: NDArray[np.bool_],
    usual: float,
    fps: float,
    body_px: float,
    config: IdentificationConfig,
) -> dict[str, Any]:
    """Fill the gaps of one identity and smooth its boxes; `part` holds columns in the order of time."""
    longest_s = np.where(occluded[:-1], config.max_occluded_gap_s, config.max_gap_s)
    late, before, between = fill_gaps(
        part["frames"], part["boxes"], body_px=body_px, fps=fps, longest_s=longest_s
    )
    after = np.minimum(before + 1, len(part["frames"]) - 1)
    least = np.minimum(
        part["identity_probabilities"][before], part["identity_probabilities"][after]
    )
    nothing, unseen = np.zeros(len(late), np.float32), np.full(len(late), -1, np.int32)
    uncovered = np.zeros((len(late), 4), np.uint8)
    interpolated = [late.astype(np.int32), unseen, between, nothing, least, nothing > 0, uncovered]
    sort = np.argsort(np.concatenate([part["frames"], late]), kind="stable")
    whole = {
        name: np.concatenate([part[name], own])[sort]
        for name, own in zip(part, interpolated, strict=True)
    }
    merged, covers = whole.pop("merged"), whole.pop("covers")
    if config.smooth_boxes:
        weights = weight_boxes(whole["scores"], usual, whole["rows"] >= 0, merged)
        smooth_boxes(whole["frames"], whole["boxes"], weights, covers, fps)
    return whole
