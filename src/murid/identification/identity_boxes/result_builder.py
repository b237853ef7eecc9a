"""Build the result: boxes of the identities, filled in gaps and smoothed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from murid.core.ranges import find_run_starts
from murid.core.records import ArrayRecord
from murid.core.types import Bool, DetectionTable, Float32, Int32, Int64, UInt8
from murid.identification.config import IdentificationConfig
from murid.identification.foreground import ReadForeground
from murid.identification.identity_boxes.assigned_detections import AssignedDetections
from murid.identification.identity_boxes.box_smoothing import (
    HELD_WEIGHT,
    smooth_boxes,
    weight_boxes,
)
from murid.identification.identity_boxes.contacts import find_merged
from murid.identification.identity_boxes.foreground_path import (
    DetectedBoxes,
    GapBoxes,
    hold_to_foreground,
)
from murid.identification.identity_boxes.gap_filling import InterpolatedBoxes, fill_gaps
from murid.identification.occlusion import find_occluded_edges
from murid.identification.result import DoubtfulCrossings, IdentificationResult

# Quantile of the scores that counts as the score of a good detection in this recording. If it is
# lower, poor boxes have more influence on the smoothed boxes.
GOOD_SCORE_QUANTILE = 0.9


@dataclass(frozen=True, eq=False, slots=True)
class _IdentityBoxes(ArrayRecord):
    """Boxes of one identity, in the order of time; columns as in `IdentificationResult`.

    `weights` ``(n,)`` float32 and `occluded_edges` ``(n, 4)`` uint8 serve the smoothing.
    """

    frames: Int32
    rows: Int32
    boxes: Float32
    scores: Float32
    identity_probabilities: Float32
    merged: Bool
    sources: UInt8
    weights: Float32
    occluded_edges: UInt8


def build_result(
    table: DetectionTable,
    order: Int32,
    assigned: AssignedDetections,
    *,
    fps: float,
    body_px: float,
    config: IdentificationConfig,
    crossings: DoubtfulCrossings,
    note: str | None,
    read_foreground: ReadForeground | None = None,
) -> IdentificationResult:
    """Return the boxes of all identities, with gaps filled and boxes smoothed.

    Parameters
    ----------
    table : DetectionTable
        All detections of the recording.
    order : ndarray
        ``(N,)`` int32 rows of the table, in the order to which the rows in `assigned` refer.
    assigned : AssignedDetections
    fps, body_px : float
        Frames per second; body length in pixels.
    config : IdentificationConfig
    crossings, note
        Further parts of the result.
    read_foreground : callable, optional
        Yields the foreground of frames, to which boxes in gaps are held.
    """
    is_assigned = np.zeros(len(table), bool)
    is_assigned[order[assigned.rows]] = True
    occluded_edges = find_occluded_edges(table, is_assigned, body_px)
    good_score = _find_good_score(table.scores[is_assigned])
    # Fill the gaps of each identity. Then all frames are known, and with them the index of each row
    # in the result.
    bounds = [*find_run_starts(assigned.identity_ids).tolist(), len(assigned.rows)]
    parts = [assigned.select(slice(start, stop)) for start, stop in pairwise(bounds)]
    interpolated = [_fill_gaps(part, table, order, fps, body_px, config) for part in parts]
    detected_boxes = [
        DetectedBoxes(part.frames.astype(np.int64), table.boxes[order[part.rows]]) for part in parts
    ]
    if read_foreground is None:
        gaps = [GapBoxes.from_interpolated(gap.select(~gap.is_far)) for gap in interpolated]
    else:
        gaps = hold_to_foreground(
            detected_boxes, interpolated, read_foreground, body_px=body_px, fps=fps
        )
    del interpolated
    merged = find_merged(detected_boxes, [part.merged for part in parts], gaps)
    del detected_boxes
    frames = [
        np.sort(np.append(part.frames, gap.frames)) for part, gap in zip(parts, gaps, strict=True)
    ]
    indices = _interleave(frames)
    # Complete the identities one by one: in a day of video, copies of all would take much memory.
    result = _allocate_result(sum(map(len, indices)), crossings, note)
    for part, gap, own_merged, own in zip(parts, gaps, merged, indices, strict=True):
        detected = _look_up_boxes(
            part, table, order, occluded_edges, good_score, own_merged.detected
        )
        complete = _insert_gap_boxes(detected, gap, own_merged.gap)
        if config.smooth_boxes:
            smooth_boxes(
                complete.frames, complete.boxes, complete.weights, complete.occluded_edges, fps
            )
        result.frames[own] = complete.frames
        result.rows[own] = complete.rows
        result.identity_ids[own] = part.identity_ids[0]
        result.boxes[own] = complete.boxes
        result.scores[own] = complete.scores
        result.identity_probabilities[own] = complete.identity_probabilities
        result.merged[own] = complete.merged
        result.sources[own] = complete.sources
    return result


def _find_good_score(scores: Float32) -> float:
    """Return the score of a good detection, given those of all assigned detections."""
    return float(np.quantile(scores, GOOD_SCORE_QUANTILE)) if len(scores) else 1.0


def _allocate_result(
    n_rows: int, crossings: DoubtfulCrossings, note: str | None
) -> IdentificationResult:
    """Return a result with columns that are still to be filled."""
    return IdentificationResult(
        frames=np.empty(n_rows, np.int64),
        rows=np.empty(n_rows, np.int64),
        identity_ids=np.empty(n_rows, np.int64),
        boxes=np.empty((n_rows, 4), np.float32),
        scores=np.empty(n_rows, np.float32),
        identity_probabilities=np.empty(n_rows, np.float32),
        merged=np.empty(n_rows, bool),
        sources=np.empty(n_rows, np.uint8),
        crossings=crossings,
        note=note,
    )


def _look_up_boxes(
    part: AssignedDetections,
    table: DetectionTable,
    order: Int32,
    occluded_edges: UInt8,
    good_score: float,
    merged: Bool,
) -> _IdentityBoxes:
    """Return the detected boxes of one identity; `merged` ``(n,)`` as of `find_merged`."""
    rows = order[part.rows]
    scores = table.scores[rows]
    return _IdentityBoxes(
        frames=part.frames,
        rows=rows,
        boxes=table.boxes[rows],
        scores=scores,
        identity_probabilities=part.identity_probabilities,
        merged=merged,
        sources=part.sources,
        weights=weight_boxes(scores, good_score, part.merged),
        occluded_edges=occluded_edges[rows],
    )


def _fill_gaps(
    part: AssignedDetections,
    table: DetectionTable,
    order: Int32,
    fps: float,
    body_px: float,
    config: IdentificationConfig,
) -> InterpolatedBoxes:
    """Interpolate in the gaps of one identity, occluded gaps with a limit of their own."""
    max_gap_s = np.where(part.occluded_after[:-1], config.max_occluded_gap_s, config.max_gap_s)
    boxes = table.boxes[order[part.rows]]
    return fill_gaps(part.frames, boxes, body_px=body_px, fps=fps, max_gap_s=max_gap_s)


def _interleave(frames: list[Int64]) -> list[Int64]:
    """Return the indices of the rows of each identity when all rows are by frame and then identity.

    `frames` holds the frames of each identity, ascending.
    """
    n_frames = max((int(own.max(initial=-1)) for own in frames), default=-1) + 1
    counts = np.zeros(n_frames, np.int64)
    for own in frames:
        counts += np.bincount(own, minlength=n_frames)
    next_indices = np.cumsum(counts) - counts
    indices = []
    for own in frames:
        indices.append(next_indices[own])
        next_indices[own] += 1
    return indices


def _insert_gap_boxes(detected: _IdentityBoxes, gap: GapBoxes, merged: Bool) -> _IdentityBoxes:
    """Return the boxes of one identity, detected and in gaps, in the order of time.

    A box in a gap has row -1, score 0, and the lower of the probabilities around the gap.
    """
    after = np.minimum(gap.before + 1, len(detected.frames) - 1)
    probabilities = detected.identity_probabilities
    n_added = len(gap)
    added = _IdentityBoxes(
        frames=gap.frames.astype(np.int32),
        rows=np.full(n_added, -1, np.int32),
        boxes=gap.boxes,
        scores=np.zeros(n_added, np.float32),
        identity_probabilities=np.minimum(probabilities[gap.before], probabilities[after]),
        merged=merged,
        sources=detected.sources[gap.before],
        weights=HELD_WEIGHT * gap.trust,
        occluded_edges=np.zeros((n_added, 4), np.uint8),
    )
    both = _IdentityBoxes.concatenate([detected, added])
    return both.select(np.argsort(both.frames, kind="stable"))
