"""Which boxes others cover, and which of their edges."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from murid.core.boxes import compute_areas
from murid.core.types import DetectionTable, Float32, Int64, UInt8

COVERED = 0.15
"""Share of a box that another one may cover if its looks and place are to be trusted."""
NEAR = 0.05
"""Body lengths by which an edge may miss another box and still be covered by it."""
_BLOCK = 1 << 18


def find_unoccluded(
    table: DetectionTable, usable: NDArray[np.bool_], most: float = COVERED
) -> NDArray[np.bool_]:
    """Whether each detection ``(N,)`` is usable and no more of it covered by another one than a share of its box."""
    clear = usable.copy()
    for a, b in _pair(table, usable):
        merged = _overlap(table.boxes[a], table.boxes[b]).prod(axis=1)
        for one in (a, b):
            clear[one[merged > most * compute_areas(table.boxes[one])]] = False
    return clear


def find_occluded_edges(table: DetectionTable, usable: NDArray[np.bool_], body_px: float) -> UInt8:
    """Measure how much of each edge of a box lies in the box of another one that is usable.

    Returns
    -------
    ndarray
        ``(N, 4)`` uint8: share of the left, upper, right and lower edge in one other box, 255 for
        all of it.
    """
    covers, margin = np.zeros((len(table), 4), np.uint8), np.float32(NEAR * body_px)
    for pair in _pair(table, usable):
        for own, other in (pair, pair[::-1]):
            boxes, others = table.boxes[own], table.boxes[other]
            shares = 255 * _overlap(boxes, others) / np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-3)
            for edge in range(4):
                axis, at = edge % 2, boxes[:, edge]
                inside = (others[:, axis] - margin <= at) & (at <= others[:, axis + 2] + margin)
                share = np.where(inside, shares[:, 1 - axis], 0).astype(np.uint8)
                covers[own, edge] = np.maximum(covers[own, edge], share)
    return covers


def _pair(table: DetectionTable, usable: NDArray[np.bool_]) -> Iterator[tuple[Int64, Int64]]:
    """Yield rows of usable detections of one frame, each pair once; no row is twice on one side of what is yielded."""
    rows = np.flatnonzero(usable)
    frames = table.frame_numbers[rows]
    for shift in range(1, int(np.diff(table.frame_offsets).max(initial=0))):
        for low in range(0, len(rows) - shift, _BLOCK):
            high = min(low + _BLOCK, len(rows) - shift)
            same = low + np.flatnonzero(frames[low + shift : high + shift] == frames[low:high])
            if len(same):
                yield rows[same], rows[same + shift]


def _overlap(a: Float32, b: Float32) -> Float32:
    """Width and height ``(n, 2)`` of what boxes share, pair by pair."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    merged: Float32 = np.maximum(high - low, np.float32(0))
    return merged
