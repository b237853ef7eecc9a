"""Transitions of paths from one tracklet to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from murid.core.types import Bool, Int64
from murid.identification.tracklets import Tracklets

NEVER = np.iinfo(np.int64).max // 4
"""Frame of the tracklet after the last of a path; negative, of the one before the first. A quarter
of the largest integer, so that sums do not overflow."""


@dataclass(frozen=True, eq=False, slots=True)
class PathTransitions:
    """Transitions of all paths, with one into the first tracklet of each and one out of the last.

    They are ordered by path and then time, so that the transition after one into a tracklet leads
    out of it.

    Attributes
    ----------
    paths : ndarray
        ``(S,)`` int64 path of each transition.
    heads, tails : ndarray
        ``(S,)`` int64 tracklets before and after; -1 before the first and after the last.
    begins, ends : ndarray
        ``(S,)`` int64 frames: the last frame of the head and the first one of the tail.
    """

    paths: Int64
    heads: Int64
    tails: Int64
    begins: Int64
    ends: Int64

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def inner(self) -> Bool:
        """``(S,)`` bool: whether each transition leads from one tracklet to another."""
        return (self.heads >= 0) & (self.tails >= 0)

    def slices(self) -> Iterator[slice]:
        """Yield the slice of the transitions of each path."""
        bounds = np.flatnonzero(np.concatenate([[True], self.paths[1:] != self.paths[:-1], [True]]))
        if len(self):
            yield from (slice(start, stop) for start, stop in pairwise(bounds.tolist()))


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
    starts = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1])[: len(numbers)])
    stops = np.append(starts[1:], len(on_path)) if len(on_path) else starts
    # A path has one transition more than tracklets: its heads begin with -1, its tails end with it.
    insert_starts = _sort_inserted(len(on_path), starts)
    insert_stops = _sort_inserted(len(on_path), stops)
    none = np.full(len(starts), -1)
    heads = np.concatenate([on_path, none])[insert_starts]
    tails = np.concatenate([on_path, none])[insert_stops]
    return PathTransitions(
        np.concatenate([numbers, numbers[starts]])[insert_starts],
        heads,
        tails,
        np.where(heads >= 0, tracklets.last_frames[heads], -NEVER),
        np.where(tails >= 0, tracklets.first_frames[tails], NEVER),
    )


def _sort_inserted(n: int, places: Int64) -> Int64:
    """Return the order of `n` items and more items that are inserted before some places."""
    order: Int64 = np.argsort(np.concatenate([np.arange(n), places - 0.5]), kind="stable")
    return order
