"""Pure tracklets: runs of detections that cannot have changed animals, cut wherever they might have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from murid.core.boxes import compute_areas, compute_centres
from murid.core.types import DetectionTable, Float32, Int32, Int64

NEXT_BEST = 2.0
"""A link is unambiguous if every other one is this many times as far …"""
LEAST_LEAD = 0.1
"""… and further by this many body lengths."""
CONTACT = 1.0
"""Body lengths between the centres of animals that may touch."""
LEAST_EVENT = 3
"""Frames that a tracklet lasts at least if its ends are to put its neighbours in doubt."""
_BLOCK_FRAMES = 8192


@dataclass(frozen=True, eq=False, slots=True)
class Tracklets:
    """Runs of detections in consecutive frames, ordered by their first frame.

    Attributes
    ----------
    offsets : ndarray
        ``(T + 1,)`` int64: tracklet ``k`` holds ``rows[offsets[k]:offsets[k + 1]]``.
    rows : ndarray
        ``(M,)`` int32 rows of the detections, ascending in time within a tracklet.
    first_frames, last_frames : ndarray
        ``(T,)`` int64.
    """

    offsets: Int64
    rows: Int32
    first_frames: Int64
    last_frames: Int64

    def __len__(self) -> int:
        return len(self.first_frames)

    @property
    def lengths(self) -> Int64:
        """``(T,)`` int64 frames of each."""
        return np.diff(self.offsets)

    @property
    def numbers(self) -> Int64:
        """``(M,)`` int64: which tracklet each of `rows` belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths)


def measure_body_px(boxes: Float32, scores: Float32) -> float:
    """Length of a body in pixels: the median longer side of the better half of the boxes; 1 without any."""
    if not len(boxes):
        return 1.0
    good = scores >= np.median(scores)
    return max(1.0, float(np.median((boxes[good, 2:] - boxes[good, :2]).max(axis=1))))


def compute_reach(fps: float) -> float:
    """Body lengths that a box may move by between two frames."""
    return min(1.0, 0.25 + 6 / fps)


def find_tracklets(
    table: DetectionTable, usable: NDArray[np.bool_], body_px: float, reach: float
) -> Tracklets:
    """Chain detections of consecutive frames where there is no doubt about who is who.

    Two detections are chained if each is the other's nearest, the nearest by far, and no further
    than an animal gets.

    Parameters
    ----------
    table : DetectionTable
        All detections of the recording.
    usable : ndarray
        ``(N,)`` bool: which of them may be an animal.
    body_px : float
        Length of a body.
    reach : float
        Body lengths that a box may move by between two frames.
    """
    rows = np.flatnonzero(usable & (compute_areas(table.boxes) > 0))
    frames = table.frame_numbers[rows]
    boxes = table.boxes[rows] / np.float32(body_px)
    starts = np.searchsorted(frames, np.arange(table.n_frames + 1))
    followers = np.full(len(rows), -1, np.int64)
    for first in range(0, table.n_frames - 1, _BLOCK_FRAMES):
        heads, tails = _find_links(
            boxes, starts, first, min(first + _BLOCK_FRAMES, table.n_frames - 1), reach
        )
        followers[heads] = tails
    followers[_find_doubtful(_gather(rows, frames, followers), rows, frames, boxes, starts)] = -1
    return _gather(rows, frames, followers)


def _find_doubtful(
    whole: Tracklets, rows: Int64, frames: Int64, boxes: Float32, starts: Int64
) -> Int64:
    """Heads of the links beside which another animal vanished or appeared: the box may have changed animals there."""
    lasting = np.flatnonzero(whole.lengths >= LEAST_EVENT)
    begun = np.searchsorted(rows, whole.rows[whole.offsets[lasting]])
    ended = np.searchsorted(rows, whole.rows[whole.offsets[lasting + 1] - 1])
    before = np.full(len(rows), -1)
    order = np.searchsorted(rows, whole.rows)
    same = whole.numbers[1:] == whole.numbers[:-1]
    before[order[1:][same]] = order[:-1][same]
    heads = before[_find_neighbours(begun, frames, boxes, starts)]
    return np.concatenate([_find_neighbours(ended, frames, boxes, starts), heads[heads >= 0]])


def _find_neighbours(events: Int64, frames: Int64, boxes: Float32, starts: Int64) -> Int64:
    """Rows of other detections in the frame of each event and in contact with it."""
    counts = np.diff(starts)[frames[events]]
    own = np.repeat(events, counts)
    others = np.repeat(starts[frames[events]], counts) + count_up(counts)
    centres = compute_centres(boxes)
    near = np.hypot(*(centres[own] - centres[others]).T) < CONTACT
    neighbours: Int64 = others[near & (own != others)]
    return neighbours


def count_up(counts: Int64) -> Int64:
    """0, 1, … for each count, laid end to end."""
    total: Int64 = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return total


def _find_links(
    boxes: Float32, starts: Int64, first: int, last: int, reach: float
) -> tuple[Int64, Int64]:
    """Rows of unambiguous pairs from the frames ``first`` … ``last - 1`` to the next ones."""
    counts = np.diff(starts)
    here = np.arange(starts[first], starts[last])
    frames = np.repeat(np.arange(first, last), counts[first:last])
    n_next = counts[frames + 1]
    heads = np.repeat(here, n_next)
    tails = np.repeat(starts[frames + 1], n_next) + count_up(n_next)
    distances = np.sqrt(np.square(boxes[heads] - boxes[tails]).sum(axis=1) / 2)
    kept = _is_clear(heads, distances) & _is_clear(tails, distances) & (distances <= reach)
    return heads[kept], tails[kept]


def _is_clear(groups: Int64, distances: Float32) -> NDArray[np.bool_]:
    """Whether each pair is the nearest of its group, and by far."""
    order = np.lexsort((distances, groups))
    grouped, sorted_ = groups[order], distances[order]
    first = np.append(True, grouped[1:] != grouped[:-1])[: len(order)]
    second = np.append(first[:-1] & ~first[1:], False)[: len(order)]
    others = np.full(len(order), np.inf)
    others[np.flatnonzero(second)] = sorted_[np.flatnonzero(second) + 1]
    clear = np.zeros(len(order), bool)
    clear[order] = first & (others >= NEXT_BEST * sorted_) & (others >= sorted_ + LEAST_LEAD)
    return clear


def _gather(rows: Int64, frames: Int64, followers: Int64) -> Tracklets:
    """Follow the links from row to row."""
    heads = np.flatnonzero(followers >= 0)
    firsts, starts = np.arange(len(rows)), np.ones(len(rows), bool)
    firsts[followers[heads]], starts[followers[heads]] = heads, False
    # Rows ascend in time: the first of a tracklet is reached by going back twice as far each time.
    while not np.array_equal(further := firsts[firsts], firsts):
        firsts = further
    numbers = (np.cumsum(starts) - 1)[firsts]
    order = np.argsort(numbers, kind="stable")
    offsets = np.append(0, np.cumsum(np.bincount(numbers))).astype(np.int64)
    ordered = frames[order]
    return Tracklets(
        offsets, rows[order].astype(np.int32), ordered[offsets[:-1]], ordered[offsets[1:] - 1]
    )


def to_shapes(boxes: Float32, body_px: float) -> Float32:
    """Centre x, centre y in body lengths, and logarithms of width and height in body lengths, ``(n, 4)``."""
    sizes = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-3) / np.float32(body_px)
    return np.concatenate([compute_centres(boxes) / np.float32(body_px), np.log(sizes)], axis=1)
