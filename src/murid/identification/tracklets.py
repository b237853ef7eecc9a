"""Tracklets: runs of detections of one animal, cut wherever another animal may continue them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from murid.core.boxes import compute_areas, compute_centres
from murid.core.ranges import concatenate_ranges, find_run_starts
from murid.core.types import Bool, DetectionTable, Float32, Int32, Int64

# A link is unambiguous if the second nearest detection is this many times as far away, and further
# by this many body lengths. Larger values cut more often; smaller ones chain two animals.
MIN_DISTANCE_RATIO = 2.0
MIN_DISTANCE_MARGIN = 0.1
# Below this frame rate, an animal may be where another one was in the frame before. Then only boxes
# that move less than this (in body lengths) are chained: those of resting animals. The rest are
# tracklets of one detection, which appearance tells apart.
MIN_FOLLOWED_FPS = 6.0
RESTING_DISPLACEMENT = 0.1
# Body lengths between the centres of animals that may touch.
CONTACT_DISTANCE = 1.0
# Only the ends of tracklets with this many frames cut tracklets beside them. Shorter ones are often
# clutter, which would cut every tracklet into pieces.
MIN_FRAMES = 3
# Frames that are linked at once: bounds memory.
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
        """``(T,)`` int64 number of frames of each tracklet."""
        return np.diff(self.offsets)

    @property
    def numbers(self) -> Int64:
        """``(M,)`` int64 tracklet that each of `rows` belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths)


def measure_body_px(boxes: Float32, scores: Float32) -> float:
    """Return the body length in pixels: the median longer side of the boxes with the better scores.

    Parameters
    ----------
    boxes : ndarray
        ``(n, 4)`` float32 xyxy pixels.
    scores : ndarray
        ``(n,)`` float32. Boxes below the median score are not used.

    Returns
    -------
    float
        At least 1; 1 if there are no boxes.
    """
    if not len(boxes):
        return 1.0
    good = scores >= np.median(scores)
    return max(1.0, float(np.median((boxes[good, 2:] - boxes[good, :2]).max(axis=1))))


def compute_max_displacement(fps: float) -> float:
    """Return the number of body lengths by which a box may move between frames of a tracklet."""
    return RESTING_DISPLACEMENT if fps < MIN_FOLLOWED_FPS else min(1.0, 0.25 + 6 / fps)


def find_tracklets(
    table: DetectionTable,
    usable: Bool,
    body_px: float,
    max_displacement: float,
    find_cuts: Callable[[Tracklets], Int64] | None = None,
) -> Tracklets:
    """Chain detections of consecutive frames where the link is unambiguous.

    Two detections are chained if each is the nearest one of the other, much nearer than the second
    nearest, and no further than `max_displacement`. Tracklets are cut where another animal beside
    them vanishes or appears.

    Parameters
    ----------
    table : DetectionTable
        All detections of the recording.
    usable : ndarray
        ``(N,)`` bool: whether each detection may be an animal.
    body_px : float
        Body length in pixels.
    max_displacement : float
        Body lengths by which a box may move between two frames.
    find_cuts : callable, optional
        Returns rows of detections at which tracklets begin, besides those found here.
    """
    rule = _LinkRule(MIN_DISTANCE_RATIO, MIN_DISTANCE_MARGIN, max_displacement)
    links = _link_detections(table, usable, body_px, rule)
    # Cut the chains where the box may have changed animals.
    ambiguous = _find_ambiguous_links(links.chain(), links)
    links.next_rows[ambiguous] = -1
    tracklets = links.chain()
    if find_cuts is None or not len(cuts := find_cuts(tracklets)):
        return tracklets
    links.next_rows[np.isin(links.next_rows, np.searchsorted(links.rows, cuts))] = -1
    return links.chain()


def find_nearest_chains(table: DetectionTable, usable: Bool, body_px: float) -> Tracklets:
    """Chain detections of consecutive frames of which each is the nearest one of the other.

    A chain may change animals where they meet, but it is not cut where an animal is fast, as
    tracklets are: most tracklets of a recording of few frames per second show resting animals.

    Parameters are those of `find_tracklets`.
    """
    return _link_detections(table, usable, body_px, _LinkRule(0.0, 0.0, np.inf)).chain()


@dataclass(frozen=True, slots=True)
class _LinkRule:
    """When two detections are linked: see `MIN_DISTANCE_RATIO`; distances in body lengths."""

    min_ratio: float
    min_margin: float
    max_displacement: float


@dataclass(frozen=True, eq=False, slots=True)
class _Links:
    """Usable detections ``(n,)`` with the index of the one that follows each; -1 = none.

    `starts` ``(F + 1,)`` are the first detections of the frames, `boxes` are in body lengths.
    """

    rows: Int64
    frames: Int64
    boxes: Float32
    starts: Int64
    next_rows: Int64

    def chain(self) -> Tracklets:
        """Return the linked detections as tracklets."""
        return _chain(self.rows, self.frames, self.next_rows)


def _link_detections(
    table: DetectionTable, usable: Bool, body_px: float, rule: _LinkRule
) -> _Links:
    """Link the detections of consecutive frames, in blocks."""
    rows = np.flatnonzero(usable & (compute_areas(table.boxes) > 0))
    frames = table.frame_numbers[rows]
    boxes = table.boxes[rows] / np.float32(body_px)
    starts = np.searchsorted(frames, np.arange(table.n_frames + 1))
    next_rows = np.full(len(rows), -1, np.int64)
    for first in range(0, table.n_frames - 1, _BLOCK_FRAMES):
        last = min(first + _BLOCK_FRAMES, table.n_frames - 1)
        predecessors, successors = _find_links(boxes, starts, first, last, rule)
        next_rows[predecessors] = successors
    return _Links(rows, frames, boxes, starts, next_rows)


def _find_links(
    boxes: Float32, starts: Int64, first: int, last: int, rule: _LinkRule
) -> tuple[Int64, Int64]:
    """Return pairs of links by a rule from the frames ``first`` to ``last - 1`` into the next."""
    counts = np.diff(starts)
    rows = np.arange(starts[first], starts[last])
    frames = np.repeat(np.arange(first, last), counts[first:last])
    n_next = counts[frames + 1]
    # All pairs of a detection and one of the next frame.
    predecessors = np.repeat(rows, n_next)
    successors = np.repeat(starts[frames + 1], n_next) + concatenate_ranges(n_next)
    distances = np.sqrt(np.square(boxes[predecessors] - boxes[successors]).sum(axis=1) / 2)
    kept = distances <= rule.max_displacement
    kept &= _is_unambiguous(predecessors, distances, rule)
    kept &= _is_unambiguous(successors, distances, rule)
    return predecessors[kept], successors[kept]


def _is_unambiguous(groups: Int64, distances: Float32, rule: _LinkRule) -> Bool:
    """Return whether each pair is the nearest of its group, by the margin of a rule."""
    order = np.lexsort((distances, groups))
    sorted_groups = groups[order]
    sorted_distances = distances[order]
    is_first = np.zeros(len(order), bool)
    is_first[find_run_starts(sorted_groups)] = True
    # The first pair of a group is compared with the second, if there is one.
    has_second = np.flatnonzero(np.append(is_first[:-1] & ~is_first[1:], False)[: len(order)])
    next_distances = np.full(len(order), np.inf)
    next_distances[has_second] = sorted_distances[has_second + 1]
    by_ratio = next_distances >= rule.min_ratio * sorted_distances
    by_margin = next_distances >= sorted_distances + rule.min_margin
    unambiguous = np.zeros(len(order), bool)
    unambiguous[order] = is_first & by_ratio & by_margin
    return unambiguous


def _find_ambiguous_links(uncut: Tracklets, links: _Links) -> Int64:
    """Return the predecessors of links beside which another tracklet begins or ends."""
    rows = links.rows
    lasting = np.flatnonzero(uncut.lengths >= MIN_FRAMES)
    begun = np.searchsorted(rows, uncut.rows[uncut.offsets[lasting]])
    ended = np.searchsorted(rows, uncut.rows[uncut.offsets[lasting + 1] - 1])
    # The predecessor of each detection.
    predecessors = np.full(len(rows), -1)
    order = np.searchsorted(rows, uncut.rows)
    is_link = uncut.numbers[1:] == uncut.numbers[:-1]
    predecessors[order[1:][is_link]] = order[:-1][is_link]
    # Cut before the frame in which another begins, and after the frame in which another ends.
    before_begun = predecessors[_find_neighbours(begun, links)]
    before_ended = _find_neighbours(ended, links)
    return np.concatenate([before_ended, before_begun[before_begun >= 0]])


def _find_neighbours(events: Int64, links: _Links) -> Int64:
    """Return the other detections in the frame of each event that may touch it."""
    event_frames = links.frames[events]
    counts = np.diff(links.starts)[event_frames]
    own = np.repeat(events, counts)
    others = np.repeat(links.starts[event_frames], counts) + concatenate_ranges(counts)
    centres = compute_centres(links.boxes)
    near = np.hypot(*(centres[own] - centres[others]).T) < CONTACT_DISTANCE
    neighbours: Int64 = others[near & (own != others)]
    return neighbours


def _chain(rows: Int64, frames: Int64, next_rows: Int64) -> Tracklets:
    """Return the tracklets of detections, given the index of the next detection; -1 = none."""
    predecessors = np.flatnonzero(next_rows >= 0)
    # In 32 bits, since a day has millions of detections.
    firsts = np.arange(len(rows), dtype=np.int32)
    firsts[next_rows[predecessors]] = predecessors
    is_start = np.ones(len(rows), bool)
    is_start[next_rows[predecessors]] = False
    # Find the first detection of each chain by pointer jumping, which doubles the step each time.
    while not np.array_equal(jumped := firsts[firsts], firsts):
        firsts = jumped
    numbers = (np.cumsum(is_start, dtype=np.int32) - 1)[firsts]
    del firsts, jumped
    order = np.argsort(numbers, kind="stable")
    offsets = np.append(0, np.cumsum(np.bincount(numbers))).astype(np.int64)
    own_frames = (frames[order[offsets[:-1]]], frames[order[offsets[1:] - 1]])
    return Tracklets(offsets, rows.astype(np.int32)[order], *own_frames)


def to_shapes(boxes: Float32, body_px: float) -> Float32:
    """Return centres in body lengths and logarithms of sizes in body lengths, for each box.

    Returns
    -------
    ndarray
        ``(n, 4)`` float32: centre x, centre y, log width, log height.
    """
    sizes = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-3) / np.float32(body_px)
    return np.concatenate([compute_centres(boxes) / np.float32(body_px), np.log(sizes)], axis=1)
