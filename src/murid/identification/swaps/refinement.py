"""Refine paths: swap animals and reassign tracklets where the evidence asks for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float64, Int64
from murid.identification.evidence import TrackletEvidence
from murid.identification.paths.context import PathContext, build_path_context
from murid.identification.swaps.candidates import find_swap_candidates
from murid.identification.swaps.intervals import find_swap_intervals
from murid.identification.swaps.reassignments import find_reassignments

Link = tuple[int, int]
"""A tracklet and the one that follows it; -1 = none."""

# Log-likelihood ratio by which a change must be better than the paths as they are. With 0, changes
# between near equals would be made for rounding errors.
MIN_GAIN = 0.5
# Passes over the recording, each with a new memory of the changes that were undone.
_MAX_PASSES = 3
# Rounds of changes, all passes together. A round costs time in proportion to the tracklets, so long
# recordings get fewer rounds, but never less than the minimum.
_MAX_ROUNDS = 100
_MIN_ROUNDS = 6
_MAX_ROUNDS_TIMES_TRACKLETS = 2_000_000


@dataclass(frozen=True, order=True)
class PathChange:
    """A change of paths.

    Attributes
    ----------
    llr : float
        Log-likelihood ratio of the paths as they are; below 0 where the change is better.
    transitions : tuple of int
        The transitions that it replaces.
    links : tuple of Link
        The links that it makes instead.
    """

    llr: float
    transitions: tuple[int, ...]
    links: tuple[Link, ...]


def refine_paths(paths: Int64, evidence: TrackletEvidence) -> Int64:
    """Return paths after all changes that evidence of whole contacts and paths asks for.

    Parameters
    ----------
    paths : ndarray
        ``(T,)`` int64 path of each tracklet; -1 = none.
    evidence : TrackletEvidence

    Returns
    -------
    ndarray
        ``(T,)`` int64, the same tracklets on paths.
    """
    n_affordable = _MAX_ROUNDS_TIMES_TRACKLETS // max(1, len(paths))
    n_rounds = int(np.clip(n_affordable, _MIN_ROUNDS, _MAX_ROUNDS))
    for _ in range(_MAX_PASSES):
        before = paths
        paths, n_rounds = _refine_once(paths, evidence, n_rounds)
        if n_rounds <= 0 or np.array_equal(paths, before):
            break
    return paths


def _refine_once(paths: Int64, evidence: TrackletEvidence, n_rounds: int) -> tuple[Int64, int]:
    """Return paths to which no further change applies, and the number of rounds left."""
    undone: dict[Link, float] = {}
    while n_rounds > 0:
        n_rounds -= 1
        context = build_path_context(paths, evidence)
        # New evidence after a change may ask for the way back, and then for the change again. A
        # link is made again only by a change that is stronger than the one that has undone it.
        changes = [
            change
            for change in list_changes(context)
            if all(change.llr < undone.get(link, 0.0) for link in change.links)
        ]
        if not changes:
            break
        paths = _apply_changes(paths, context, changes, undone)
    return paths, n_rounds


def list_changes(context: PathContext) -> list[PathChange]:
    """Return the changes that are better than the paths as they are, the best first."""
    heads = context.transitions.heads.tolist()
    tails = context.transitions.tails.tolist()
    candidates = find_swap_candidates(context)
    changes = []

    def swap_at(candidate: int, llr: float) -> PathChange:
        first = int(candidates.first[candidate])
        second = int(candidates.second[candidate])
        links = (heads[first], tails[second]), (heads[second], tails[first])
        return PathChange(llr, (first, second), links)

    # Swaps from one contact on.
    for llr, row in _list_gains(candidates.llrs):
        changes.append(swap_at(row, llr))
    # Swaps from one contact to a later one.
    intervals = find_swap_intervals(context, candidates, -MIN_GAIN)
    for llr, row in _list_gains(intervals.llrs):
        begin = swap_at(int(intervals.begins[row]), llr)
        end = swap_at(int(intervals.ends[row]), llr)
        changes.append(
            PathChange(llr, begin.transitions + end.transitions, begin.links + end.links)
        )
    # Single tracklets that fit into a gap of another path.
    reassignments = find_reassignments(context)
    for llr, row in _list_gains(reassignments.llrs):
        entry = int(reassignments.entries[row])
        gap = int(reassignments.gaps[row])
        tracklet = tails[entry]
        links = (
            (heads[entry], tails[entry + 1]),
            (heads[gap], tracklet),
            (tracklet, tails[gap]),
        )
        changes.append(PathChange(llr, (entry, entry + 1, gap), links))
    return sorted(changes)


def _list_gains(llrs: Float64) -> list[tuple[float, int]]:
    """Return the log-likelihood ratio and the row of each change that is better."""
    return [(float(llrs[row]), row) for row in np.flatnonzero(llrs < -MIN_GAIN).tolist()]


def _apply_changes(
    paths: Int64, context: PathContext, changes: list[PathChange], undone: dict[Link, float]
) -> Int64:
    """Return paths after the best changes that are independent of each other.

    `undone` is updated with the log-likelihood ratio of the change that removed each link.
    """
    transitions = context.transitions
    pools = context.pooled_features
    # One place more than tracklets: -1, the head of a first transition, refers to the last place.
    followers = np.full(len(paths) + 1, -1, np.int64)
    followers[transitions.heads] = transitions.tails
    followers[-1] = -1
    touched = np.zeros(len(transitions), bool)
    for change in changes:
        # Appearance is pooled over tracklets around a transition: changes with pools that overlap
        # wait for the next round, for the first of them alters the evidence for the second.
        pooled = [
            slice(pools.pool_begins[row], pools.pool_ends[row] + 1) for row in change.transitions
        ]
        if any(touched[rows].any() for rows in pooled):
            continue
        for rows in pooled:
            touched[rows] = True
        for row in change.transitions:
            link = int(transitions.heads[row]), int(transitions.tails[row])
            undone[link] = min(change.llr, undone.get(link, 0.0))
        for head, tail in change.links:
            if head >= 0:
                followers[head] = tail
    return number_paths(followers[:-1], paths >= 0)


def number_paths(followers: Int64, on_path: NDArray[np.bool_]) -> Int64:
    """Return the path ``(T,)`` of each tracklet, in the order in which paths begin; -1 = none.

    Parameters
    ----------
    followers : ndarray
        ``(T,)`` int64 next tracklet of the path; -1 = none.
    on_path : ndarray
        ``(T,)`` bool: whether each tracklet is on a path.
    """
    numbers = np.full(len(followers), -1, np.int64)
    has_head = np.zeros(len(followers), bool)
    has_head[followers[followers >= 0]] = True
    for number, start in enumerate(np.flatnonzero(on_path & ~has_head).tolist()):
        tracklet = start
        while tracklet >= 0:
            numbers[tracklet] = number
            tracklet = int(followers[tracklet])
    return numbers
