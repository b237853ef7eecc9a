"""How many constraints a change of the paths would break, or mend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.types import Bool, Float64, Int64
from murid.identification.constraints import CERTAIN_LLR, TrackletPairs
from murid.identification.paths.context import PathContext
from murid.identification.paths.transitions import NEVER, PathTransitions


@dataclass(frozen=True, eq=False, slots=True)
class Exchanges:
    """Parts of two paths that change places; all fields are ``(K,)`` int64.

    Attributes
    ----------
    one_paths, other_paths : ndarray
        The two paths.
    one_begins, one_ends, other_begins, other_ends : ndarray
        Transitions into the first tracklet of each part, and into the first one after it.
    """

    one_paths: Int64
    other_paths: Int64
    one_begins: Int64
    one_ends: Int64
    other_begins: Int64
    other_ends: Int64


def compare_swaps(
    context: PathContext, first: Int64, second: Int64, only_local: bool = False
) -> Float64:
    """Return the log-likelihood ratios ``(C,)`` of swaps from two transitions on.

    With `only_local`, constraints between distant moments do not count: between these, animals may
    have been swapped more than once.
    """
    constraints = context.evidence.constraints
    if only_local:
        constraints = constraints.select(constraints.is_local)
    exchanges = exchange_tails(context.transitions, first, second)
    return _sum_broken(constraints, context.transitions, exchanges)


def compare_swaps_within(
    context: PathContext, one: tuple[Int64, Int64], other: tuple[Int64, Int64]
) -> Float64:
    """Return the log-likelihood ratios ``(K,)`` of swaps between transitions of two paths."""
    exchanges = exchange_within(context.transitions, one, other)
    return _sum_broken(context.evidence.constraints, context.transitions, exchanges)


def compare_moves(context: PathContext, entries: Int64, exits: Int64, gaps: Int64) -> Float64:
    """Return the log-likelihood ratios ``(K,)`` of moves of runs of tracklets into gaps."""
    exchanges = exchange_runs(context.transitions, entries, exits, gaps)
    return _sum_broken(context.evidence.constraints, context.transitions, exchanges)


def list_flipped(context: PathContext, exchanges: Exchanges) -> list[frozenset[int]]:
    """Return the constraints that each exchange would break or mend."""
    constraints = context.evidence.constraints
    located = _locate(constraints, context.transitions)
    flipped = [
        _is_flipped(paths, entries, exchanges)
        for paths, entries in zip(located.paths, located.entries, strict=True)
    ]
    n_exchanges = len(exchanges.one_paths)
    if not flipped:
        return [frozenset()] * n_exchanges
    columns = np.column_stack(flipped)
    return [frozenset(np.flatnonzero(row).tolist()) for row in columns]


@dataclass(frozen=True, slots=True)
class KeptConstraint:
    """A constraint that the paths keep.

    `entries` are the transitions into its two tracklets; `is_local` as in `TrackletPairs`.
    """

    entries: tuple[int, int]
    is_local: bool


def list_kept(context: PathContext) -> list[KeptConstraint]:
    """Return the constraints that the paths keep."""
    constraints = context.evidence.constraints
    located = _locate(constraints, context.transitions)
    on_path = (located.paths >= 0).all(axis=1)
    kept = on_path & ((located.paths[:, 0] == located.paths[:, 1]) == constraints.same)
    return [
        KeptConstraint((int(located.entries[row, 0]), int(located.entries[row, 1])), is_local)
        for row, is_local in zip(
            np.flatnonzero(kept).tolist(), constraints.is_local[kept].tolist(), strict=True
        )
    ]


def exchange_tails(transitions: PathTransitions, first: Int64, second: Int64) -> Exchanges:
    """Return the exchanges of all that comes after two transitions."""
    end = np.full(len(first), NEVER)
    return Exchanges(transitions.paths[first], transitions.paths[second], first, end, second, end)


def exchange_within(
    transitions: PathTransitions, one: tuple[Int64, Int64], other: tuple[Int64, Int64]
) -> Exchanges:
    """Return the exchanges of all that lies between transitions of two paths."""
    paths = transitions.paths
    return Exchanges(paths[one[0]], paths[other[0]], *one, *other)


def exchange_runs(
    transitions: PathTransitions, entries: Int64, exits: Int64, gaps: Int64
) -> Exchanges:
    """Return the exchanges of runs of tracklets for a gap of another path."""
    none = np.zeros(len(entries), np.int64)
    paths = transitions.paths
    return Exchanges(paths[entries], paths[gaps], entries, exits, none, none)


@dataclass(frozen=True, eq=False, slots=True)
class _Located:
    """Paths ``(P, 2)`` of the tracklets of constraints, and transitions ``(P, 2)`` into them."""

    paths: Int64
    entries: Int64


def _locate(constraints: TrackletPairs, transitions: PathTransitions) -> _Located:
    entered = transitions.successors >= 0
    n_tracklets = (
        int(max(transitions.successors.max(initial=-1), constraints.tracklets.max(initial=-1))) + 1
    )
    entries = np.full(n_tracklets, -1, np.int64)
    entries[transitions.successors[entered]] = np.flatnonzero(entered)
    own = entries[constraints.tracklets].reshape(-1, 2)
    paths = np.where(own >= 0, transitions.paths[own] if len(transitions) else -1, -1)
    return _Located(paths, own)


def _sum_broken(
    constraints: TrackletPairs, transitions: PathTransitions, exchanges: Exchanges
) -> Float64:
    """Return the log-likelihood ratio ``(K,)`` of what exchanges break, less what they mend."""
    llrs = np.zeros(len(exchanges.one_paths))
    if not len(constraints):
        return llrs
    located = _locate(constraints, transitions)
    for same, paths, entries in zip(
        constraints.same.tolist(), located.paths, located.entries, strict=True
    ):
        kept = (paths[0] == paths[1]) == same
        flipped = _is_flipped(paths, entries, exchanges)
        llrs[flipped] += CERTAIN_LLR if kept else -CERTAIN_LLR
    return llrs


def _is_flipped(paths: Int64, entries: Int64, exchanges: Exchanges) -> Bool:
    """Return for which exchanges ``(K,)`` two tracklets on one path get on two, or the reverse."""
    if (paths < 0).any():
        return np.zeros(len(exchanges.one_paths), bool)
    one, other = (
        _move(path, entry, exchanges)
        for path, entry in zip(paths.tolist(), entries.tolist(), strict=True)
    )
    flipped: Bool = (one == other) != (paths[0] == paths[1])
    return flipped


def _move(path: int, entry: int, exchanges: Exchanges) -> Int64:
    """Return the path ``(K,)`` of a tracklet after each exchange."""
    from_one = (exchanges.one_paths == path) & (exchanges.one_begins <= entry)
    from_one &= entry < exchanges.one_ends
    from_other = (exchanges.other_paths == path) & (exchanges.other_begins <= entry)
    from_other &= entry < exchanges.other_ends
    moved = np.where(from_one, exchanges.other_paths, path)
    return np.where(from_other, exchanges.one_paths, moved)
