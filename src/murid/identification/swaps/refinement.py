"""Refine paths: swap animals and reassign tracklets where this increases the likelihood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float64, Int64
from murid.identification.evidence import TrackletEvidence
from murid.identification.paths.context import PathContext, build_path_context
from murid.identification.paths.transitions import PathTransitions
from murid.identification.swaps.candidates import SwapCandidates, find_swap_candidates
from murid.identification.swaps.constraint_terms import (
    exchange_runs,
    exchange_tails,
    exchange_within,
    list_flipped,
)
from murid.identification.swaps.intervals import (
    SwapIntervals,
    find_swap_intervals,
    sort_transitions,
)
from murid.identification.swaps.reassignments import Reassignments, find_reassignments

Link = tuple[int, int]
"""A tracklet and the one that follows it; -1 = none."""

# Log-likelihood ratio by which a change must be better than the current paths. With 0, rounding
# errors would decide between changes that are nearly equal.
MIN_GAIN = 0.5
# Passes over the recording. Each starts with an empty list of the links that were removed.
_MAX_PASSES = 3
# Rounds of changes, all passes together. A round costs time in proportion to the tracklets, so long
# recordings get fewer rounds, but never less than the minimum. In two simulated hours, 2 rounds
# gave 4.8 lasting identity changes per animal-hour and 6 rounds gave 6.9.
_MAX_ROUNDS = 100
_MIN_ROUNDS = 2
_MAX_ROUNDS_TIMES_TRACKLETS = 2_000_000


@dataclass(frozen=True, order=True)
class PathChange:
    """A change of paths.

    Attributes
    ----------
    llr : float
        Log-likelihood ratio of the current paths to the changed ones; below 0 = change is better.
    transitions : tuple of int
        The transitions that it replaces.
    links : tuple of Link
        The links that it makes instead.
    flipped : frozenset of int
        The constraints that it breaks or mends.
    """

    llr: float
    transitions: tuple[int, ...]
    links: tuple[Link, ...]
    flipped: frozenset[int] = field(default=frozenset(), compare=False)


def refine_paths(paths: Int64, evidence: TrackletEvidence) -> Int64:
    """Return paths after all changes that increase their likelihood.

    The evidence is that of whole contacts and paths, which min-cost flow cannot use.

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
    """Return paths that no further change improves, and the number of rounds left."""
    removed: dict[Link, float] = {}
    while n_rounds > 0:
        n_rounds -= 1
        changed = _change_once(paths, evidence, removed)
        if changed is None:
            break
        paths = changed
    return paths, n_rounds


def _change_once(
    paths: Int64, evidence: TrackletEvidence, removed: dict[Link, float]
) -> Int64 | None:
    """Return paths after the best changes, None if there is none; updates `removed`."""
    context = build_path_context(paths, evidence)
    # A change alters the evidence, so a later change may undo it, and changes could alternate
    # forever. A link is made again only by a stronger change than the one that removed it.
    changes = [
        change
        for change in list_changes(context)
        if all(change.llr < removed.get(link, 0.0) for link in change.links)
    ]
    return _apply_changes(paths, context, changes, removed) if changes else None


def list_changes(context: PathContext) -> list[PathChange]:
    """Return the changes that are better than the current paths, the best first."""
    candidates = find_swap_candidates(context)
    intervals = find_swap_intervals(context, candidates, -MIN_GAIN)
    reassignments = find_reassignments(context, -MIN_GAIN)
    return sorted(
        [
            *_list_swaps(context, candidates),
            *_list_swaps_within(context, candidates, intervals),
            *_list_moves(context, reassignments),
        ]
    )


def _list_swaps(context: PathContext, candidates: SwapCandidates) -> Iterator[PathChange]:
    """Yield swaps from one contact on that are better."""
    llrs = candidates.llrs
    gains = _find_gains(llrs)
    exchanges = exchange_tails(
        context.transitions, candidates.first[gains], candidates.second[gains]
    )
    for row, flipped in zip(gains.tolist(), list_flipped(context, exchanges), strict=True):
        transitions = int(candidates.first[row]), int(candidates.second[row])
        links = _swap_links(context, *transitions)
        yield PathChange(float(llrs[row]), transitions, links, flipped)


def _list_swaps_within(
    context: PathContext, candidates: SwapCandidates, intervals: SwapIntervals
) -> Iterator[PathChange]:
    """Yield swaps from one contact to a later one that are better."""
    llrs = intervals.llrs
    gains = _find_gains(llrs)
    lower_begins, upper_begins = sort_transitions(candidates, intervals.begins[gains])
    lower_ends, upper_ends = sort_transitions(candidates, intervals.ends[gains])
    exchanges = exchange_within(
        context.transitions, (lower_begins, lower_ends), (upper_begins, upper_ends)
    )
    for row, flipped in zip(gains.tolist(), list_flipped(context, exchanges), strict=True):
        begin, end = int(intervals.begins[row]), int(intervals.ends[row])
        begins = int(candidates.first[begin]), int(candidates.second[begin])
        ends = int(candidates.first[end]), int(candidates.second[end])
        links = _swap_links(context, *begins) + _swap_links(context, *ends)
        yield PathChange(float(llrs[row]), begins + ends, links, flipped)


def _list_moves(context: PathContext, reassignments: Reassignments) -> Iterator[PathChange]:
    """Yield moves of tracklets into a gap of another path that are better."""
    transitions = context.transitions
    llrs = reassignments.llrs
    gains = _find_gains(llrs)
    moved = reassignments.select(gains)
    exchanges = exchange_runs(transitions, moved.entries, moved.exits, moved.gaps)
    for row, flipped in zip(gains.tolist(), list_flipped(context, exchanges), strict=True):
        entry = int(reassignments.entries[row])
        leave = int(reassignments.exits[row])
        gap = int(reassignments.gaps[row])
        before_entry, entered = _get_link(transitions, entry)
        left, after_leave = _get_link(transitions, leave)
        before_gap, after_gap = _get_link(transitions, gap)
        links = (before_entry, after_leave), (before_gap, entered), (left, after_gap)
        yield PathChange(float(llrs[row]), (entry, leave, gap), links, flipped)


def _swap_links(context: PathContext, first: int, second: int) -> tuple[Link, Link]:
    """Return the links of two transitions with their ends swapped."""
    first_before, first_after = _get_link(context.transitions, first)
    second_before, second_after = _get_link(context.transitions, second)
    return (first_before, second_after), (second_before, first_after)


def _get_link(transitions: PathTransitions, row: int) -> Link:
    return int(transitions.predecessors[row]), int(transitions.successors[row])


def _find_gains(llrs: Float64) -> Int64:
    """Return the rows of the changes that are better."""
    return np.flatnonzero(llrs < -MIN_GAIN)


def _apply_changes(
    paths: Int64, context: PathContext, changes: list[PathChange], removed: dict[Link, float]
) -> Int64:
    """Return paths after the best changes that are independent of each other.

    `removed` is updated with the log-likelihood ratio of the change that removed each link.
    """
    transitions = context.transitions
    pools = context.pooled_features
    # One item more than tracklets: -1, the predecessor of a first transition, selects it.
    next_tracklets = np.full(len(paths) + 1, -1, np.int64)
    next_tracklets[transitions.predecessors] = transitions.successors
    next_tracklets[-1] = -1
    touched = np.zeros(len(transitions), bool)
    flipped: set[int] = set()
    for change in changes:
        # A second change would break a constraint that the first has mended.
        if not flipped.isdisjoint(change.flipped):
            continue
        # Appearance is pooled over tracklets around a transition: changes with pools that overlap
        # wait for the next round, for the first of them alters the evidence for the second.
        pooled = [
            slice(pools.pool_begins[row], pools.pool_ends[row] + 1) for row in change.transitions
        ]
        if any(touched[rows].any() for rows in pooled):
            continue
        flipped |= change.flipped
        for rows in pooled:
            touched[rows] = True
        for row in change.transitions:
            link = int(transitions.predecessors[row]), int(transitions.successors[row])
            removed[link] = min(change.llr, removed.get(link, 0.0))
        for predecessor, successor in change.links:
            if predecessor >= 0:
                next_tracklets[predecessor] = successor
    return number_paths(next_tracklets[:-1], paths >= 0)


def number_paths(next_tracklets: Int64, on_path: NDArray[np.bool_]) -> Int64:
    """Return the path ``(T,)`` of each tracklet, in the order in which paths begin; -1 = none.

    Parameters
    ----------
    next_tracklets : ndarray
        ``(T,)`` int64 next tracklet of the path; -1 = none.
    on_path : ndarray
        ``(T,)`` bool: whether each tracklet is on a path.
    """
    numbers = np.full(len(next_tracklets), -1, np.int64)
    has_predecessor = np.zeros(len(next_tracklets), bool)
    has_predecessor[next_tracklets[next_tracklets >= 0]] = True
    for number, start in enumerate(np.flatnonzero(on_path & ~has_predecessor).tolist()):
        tracklet = start
        while tracklet >= 0:
            numbers[tracklet] = number
            tracklet = int(next_tracklets[tracklet])
    return numbers
