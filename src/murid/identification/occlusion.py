"""Occlusion: which boxes are covered by others, and which of their edges."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from murid.core.boxes import compute_areas
from murid.core.types import Bool, DetectionTable, Float32, Int64, UInt8

# A detection is unoccluded if no other box covers more than this share of its box. A larger share
# yields more detections, which show more of other animals.
MAX_COVERED_SHARE = 0.15
# The same below this many frames per second, where there are few detections between two contacts,
# and a detection that shows a little of another animal tells more than none.
LOW_FPS = 3.0
MAX_COVERED_SHARE_AT_LOW_FPS = 0.35
# An edge counts as inside another box up to this distance outside of it, in body lengths, since
# boxes are not exact.
EDGE_MARGIN = 0.05
# Pairs of boxes that are compared at once: bounds memory.
_BLOCK = 1 << 18


def choose_max_covered_share(fps: float) -> float:
    """Return the share of an unoccluded box that another may cover, for a frame rate."""
    return MAX_COVERED_SHARE_AT_LOW_FPS if fps < LOW_FPS else MAX_COVERED_SHARE


def find_unoccluded(
    table: DetectionTable, usable: Bool, max_covered_share: float = MAX_COVERED_SHARE
) -> Bool:
    """Return whether each detection ``(N,)`` is usable and covered by no other usable one.

    Parameters
    ----------
    table : DetectionTable
    usable : ndarray
        ``(N,)`` bool: whether each detection may be an animal.
    max_covered_share : float
        Share of a box that each of the others may cover.
    """
    unoccluded = usable.copy()
    for first, second in _pair_boxes(table, usable):
        intersections = compute_overlaps(table.boxes[first], table.boxes[second]).prod(axis=1)
        for rows in (first, second):
            areas = compute_areas(table.boxes[rows])
            unoccluded[rows[intersections > max_covered_share * areas]] = False
    return unoccluded


def find_occluded_edges(table: DetectionTable, usable: Bool, body_px: float) -> UInt8:
    """Return how much of each edge of a box lies inside another usable box.

    Returns
    -------
    ndarray
        ``(N, 4)`` uint8: share of the left, upper, right and lower edge that lies inside one other
        box, from 0 to 255 for the whole edge; of several boxes, the largest share.
    """
    occluded = np.zeros((len(table), 4), np.uint8)
    margin = np.float32(EDGE_MARGIN * body_px)
    for first, second in _pair_boxes(table, usable):
        for rows, other_rows in ((first, second), (second, first)):
            boxes = table.boxes[rows]
            others = table.boxes[other_rows]
            sizes = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-3)
            overlap_shares = 255 * compute_overlaps(boxes, others) / sizes
            for edge in range(4):
                # A vertical edge has one x, and is covered along y; a horizontal one vice versa.
                axis = edge % 2
                position = boxes[:, edge]
                inside = others[:, axis] - margin <= position
                inside &= position <= others[:, axis + 2] + margin
                shares = np.where(inside, overlap_shares[:, 1 - axis], 0).astype(np.uint8)
                occluded[rows, edge] = np.maximum(occluded[rows, edge], shares)
    return occluded


def _pair_boxes(table: DetectionTable, usable: Bool) -> Iterator[tuple[Int64, Int64]]:
    """Yield the rows of all pairs of usable detections of one frame, each pair once.

    Within one of the yielded arrays no row occurs twice.
    """
    rows = np.flatnonzero(usable)
    frames = table.frame_numbers[rows]
    # Pair each row with the next, then with the one after that, and so on.
    max_shift = int(np.diff(table.frame_offsets).max(initial=0)) - 1
    for shift in range(1, max_shift + 1):
        for low in range(0, len(rows) - shift, _BLOCK):
            high = min(low + _BLOCK, len(rows) - shift)
            same_frame = frames[low + shift : high + shift] == frames[low:high]
            first = low + np.flatnonzero(same_frame)
            if len(first):
                yield rows[first], rows[first + shift]


def compute_overlaps(first: Float32, second: Float32) -> Float32:
    """Return width and height ``(n, 2)`` of the intersections of boxes, pair by pair."""
    low = np.maximum(first[:, :2], second[:, :2])
    high = np.minimum(first[:, 2:], second[:, 2:])
    overlaps: Float32 = np.maximum(high - low, np.float32(0))
    return overlaps
