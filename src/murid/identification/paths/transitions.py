"""Transitions of paths from one tracklet to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from murid.core.ranges import find_run_starts
from murid.core.types import Bool, Int64
from murid.identification.tracklets import Tracklets

NEVER = np.iinfo(np.int64).max // 4
"""Frame in which the transition out of a last tracklet ends; negative, that in which the transition
into a first tracklet begins. A quarter of the largest integer, so that sums do not overflow."""


@dataclass(frozen=True, eq=False, slots=True)
class PathTransitions:
    """Transitions of all paths, with one into the first tracklet of each and one out of the last.

    They are ordered by path and then time, so that the transition after one into a tracklet leads
    out of it.

    Attributes
    ----------
    paths : ndarray
        ``(S,)`` int64 path of each transition.
    predecessors, successors : ndarray
        ``(S,)`` int64 tracklets before and after; -1 before the first and after the last.
    begins, ends : ndarray
        ``(S,)`` int64 frames: the last frame of the predecessor and the first one of the successor.
    """

    paths: Int64
    predecessors: Int64
    successors: Int64
    begins: Int64
    ends: Int64

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def inner(self) -> Bool:
        """``(S,)`` bool: whether each transition leads from one tracklet to another."""
        return (self.predecessors >= 0) & (self.successors >= 0)

    def slices(self) -> Iterator[slice]:
        """Yield the slice of the transitions of each path."""
        bounds = [*find_run_starts(self.paths).tolist(), len(self)]
        yield from (slice(start, stop) for start, stop in pairwise(bounds))


def list_transitions(paths: Int64, tracklets: Tracklets) -> PathTransitions:
    """Return the transitions of paths.

    Parameters
    ----------
    paths : ndarray
        ``(T,)`` int64 path of each tracklet; -1 = none.
    tracklets : Tracklets
    """
    on_path = np.flatnonzero(paths >= 0)
    on_path = on_path[np.lexsort((tracklets.first_frames[on_path], paths[on_path]))]
    numbers = paths[on_path]
    starts = find_run_starts(numbers)
    stops = np.append(starts[1:], len(on_path)) if len(on_path) else starts
    # A path of k tracklets has k + 1 transitions: -1 comes before the first tracklet and after the
    # last one.
    insert_starts = _sort_inserted(len(on_path), starts)
    insert_stops = _sort_inserted(len(on_path), stops)
    none = np.full(len(starts), -1)
    predecessors = np.concatenate([on_path, none])[insert_starts]
    successors = np.concatenate([on_path, none])[insert_stops]
    return PathTransitions(
        np.concatenate([numbers, numbers[starts]])[insert_starts],
        predecessors,
        successors,
        np.where(predecessors >= 0, tracklets.last_frames[predecessors], -NEVER),
        np.where(successors >= 0, tracklets.first_frames[successors], NEVER),
    )


def _sort_inserted(n: int, indices: Int64) -> Int64:
    """Return the order of `n` items and more items that are inserted before some indices."""
    order: Int64 = np.argsort(np.concatenate([np.arange(n), indices - 0.5]), kind="stable")
    return order
