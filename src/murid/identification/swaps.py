"""Where two animals might have been exchanged, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float64, Int64
from murid.identification.evidence import TrackletEvidence
from murid.identification.motion import MotionModel
from murid.identification.path_context import PathContext, build_path_context
from murid.identification.path_transitions import (
    PathTransitions,
    UnoccludedEndpoints,
    find_unoccluded_endpoints,
)
from murid.identification.tracklets import Tracklets, count_up

WEIGHTS = np.array([0.7, 0.3, 1.0, 0.5, 0.5, 1.0])
"""Of the evidence for a crossing: motion from tracklet to tracklet, motion through the whole
contact, looks, witnesses from tracklet to tracklet, witnesses through the whole contact, points of
fur that were followed."""
_DIRECT, _LOOKS, _THROUGH, _TIES = 1, 2, 4, 5
LONGEST_CONTACT_S = 3.0
"""Beyond it, motion before a contact says nothing of motion after it."""
LEAST_BETTER = 0.5
"""Evidence by which an exchange has to be better to be made."""
_MOST_SPANNED = 40
MOST_SURE = 20.0
"""Lead of motion and witnesses from which on two crossings are not where a stretch of two paths was
exchanged."""
_MOST_TURNS = 3
_MOST_ROUNDS = 100
_MOST_WORK = 2_000_000  # rounds times tracklets
_LEAST_ROUNDS = 6
_BLOCK = 1 << 16
_MOST_STRETCHES = 30  # for each crossing at which they may begin


@dataclass(frozen=True, eq=False, slots=True)
class SwapCandidates:
    """Pairs of steps ``first``, ``second`` ``(C,)`` int64 of different paths, and the evidence ``(C, 6)`` for them.

    Evidence is the logarithm of how much likelier the steps are as they stand than with their ends
    exchanged. Motion and witnesses through a whole contact are of what was seen clear before
    `begins` and after `ends` ``(C,)`` int64.
    """

    first: Int64
    second: Int64
    evidence: Float64
    begins: Int64
    ends: Int64

    def __len__(self) -> int:
        return len(self.first)

    @property
    def llrs(self) -> Float64:
        """``(C,)`` float64 evidence, weighted and added up."""
        return _weigh(self.evidence)


@dataclass(frozen=True, eq=False, slots=True)
class Reassignments:
    """Tracklets that could belong to another path, which has a gap there.

    Attributes
    ----------
    entries, hosts : ndarray
        ``(K,)`` int64: the step into the tracklet, and the step of the other path that spans it.
    evidence : ndarray
        ``(K, 6)`` float64, as of `SwapCandidates`.
    """

    entries: Int64
    hosts: Int64
    evidence: Float64

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def llrs(self) -> Float64:
        """``(K,)`` float64 evidence, weighted and added up."""
        return _weigh(self.evidence)


def _weigh(evidence: Float64) -> Float64:
    llrs: Float64 = evidence @ WEIGHTS
    return llrs


def find_swap_candidates(context: PathContext) -> SwapCandidates:
    """Compare every two steps that overlap in time with what they would be if the two animals were exchanged."""
    transitions, evidence, pools = context.transitions, context.evidence, context.pools
    x, y = _pair_overlapping(transitions)
    a, b, c, d = (
        transitions.heads[x],
        transitions.tails[x],
        transitions.heads[y],
        transitions.tails[y],
    )
    gain = evidence.compute_llrs
    place = gain(a, b) + gain(c, d) - gain(a, d) - gain(c, b)
    vote = evidence.count_track_votes
    votes = vote(a, b) + vote(c, d) - vote(a, d) - vote(c, b)
    clear = find_unoccluded_endpoints(
        transitions,
        evidence.tracklets,
        evidence.shapes,
        evidence.frames,
        evidence.clear,
        evidence.motion.fps,
    )
    middle = (
        np.maximum(transitions.begins[x], transitions.begins[y])
        + np.minimum(transitions.ends[x], transitions.ends[y])
    ) / 2
    spaces = evidence.find_spaces(middle)
    before, after = ((pool(x, spaces), pool(y, spaces)) for pool in (pools.before, pools.after))
    appearance = evidence.swap_appearance.compare_exchanged(before, after, spaces)
    last, first, follow = clear.last_rows, clear.first_rows, evidence.compare_rows
    through = (
        follow(last[x], first[x])
        + follow(last[y], first[y])
        - follow(last[x], first[y])
        - follow(last[y], first[x])
    )
    times = np.maximum(transitions.begins[x], transitions.begins[y])
    point_matches = context.balance.compare_exchanged(
        transitions.paths[x], transitions.paths[y], times
    )
    direct = _compare_clear(clear, x, y, evidence.motion)
    terms = np.column_stack([place, direct, appearance, votes, through, point_matches])
    begins, ends = (
        np.minimum(clear.begins[x], clear.begins[y]),
        np.maximum(clear.finishes[x], clear.finishes[y]),
    )
    return SwapCandidates(x, y, terms, begins, ends)


def find_reassignments(context: PathContext) -> Reassignments:
    """Compare every tracklet of a path with what it would be in the gap of another path."""
    transitions, evidence, pools = context.transitions, context.evidence, context.pools
    entries, hosts = _find_hosts(transitions, evidence.tracklets)
    a, k, b = (
        transitions.heads[entries],
        transitions.tails[entries],
        transitions.tails[(entries + 1) % max(1, len(transitions))],
    )
    c, d = transitions.heads[hosts], transitions.tails[hosts]
    gain = evidence.compute_llrs
    place = gain(a, k) + gain(k, b) + gain(c, d) - gain(a, b) - gain(c, k) - gain(k, d)
    spaces = evidence.find_spaces(
        (evidence.tracklets.first_frames[k] + evidence.tracklets.last_frames[k]) / 2
    )
    appearance = evidence.swap_appearance.compare_owners(
        evidence.swap_appearance.look_at(k, spaces),
        pools.around(entries, (entries + 1) % max(1, len(transitions)), spaces),
        pools.around(hosts, hosts, spaces),
        spaces,
    )
    vote = evidence.count_track_votes
    votes = vote(a, k) + vote(k, b) + vote(c, d) - vote(a, b) - vote(c, k) - vote(k, d)
    none = np.zeros(len(k))
    point_matches = context.balance.compare_owners(
        k, transitions.paths[entries], transitions.paths[hosts]
    )
    return Reassignments(
        entries, hosts, np.column_stack([place, none, appearance, votes, none, point_matches])
    )


@dataclass(frozen=True, eq=False, slots=True)
class SwapIntervals:
    """Stretches that two paths may have exchanged, from one crossing of theirs to a later one.

    Attributes
    ----------
    begins, ends : ndarray
        ``(K,)`` int64: these crossings.
    evidence : ndarray
        ``(K, 6)`` float64: that of both, with what looks within the stretch and around it say.
    """

    begins: Int64
    ends: Int64
    evidence: Float64

    def __len__(self) -> int:
        return len(self.begins)

    def take(self, rows: Int64) -> SwapIntervals:
        """Return some of them."""
        return SwapIntervals(self.begins[rows], self.ends[rows], self.evidence[rows])

    @property
    def llrs(self) -> Float64:
        """``(K,)`` float64 evidence, weighted and added up."""
        return _weigh(self.evidence)


def find_swap_intervals(
    context: PathContext, crossings: SwapCandidates, most: float = -LEAST_BETTER
) -> SwapIntervals:
    """Find the stretches of two paths between two doubtful crossings of which the lead is less than `most`."""
    found = [
        SwapIntervals(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, len(WEIGHTS))))
    ]
    informed = context.evidence.swap_appearance.calibration_weight > 0
    for begins, ends in _pair_crossings(context.transitions, crossings) if informed else ():
        stretches = _weigh_stretches(context, crossings, begins, ends)
        bad = np.flatnonzero(stretches.llrs < most)
        found.append(SwapIntervals(begins[bad], ends[bad], stretches.evidence[bad]))
    return SwapIntervals(
        *(
            np.concatenate([getattr(f, name) for f in found])
            for name in ("begins", "ends", "evidence")
        )
    )


def _pair_crossings(
    transitions: PathTransitions, crossings: SwapCandidates
) -> Iterator[tuple[Int64, Int64]]:
    """Yield pairs of doubtful crossings of the same two paths, in blocks, since a day has many."""
    first = np.minimum(crossings.first, crossings.second)
    second = np.maximum(crossings.first, crossings.second)
    plain = crossings.llrs - WEIGHTS[_LOOKS] * crossings.evidence[:, _LOOKS]
    doubtful = np.flatnonzero(plain < MOST_SURE)
    pairs = (
        transitions.paths[first] * (transitions.paths.max(initial=0) + 1)
        + transitions.paths[second]
    )
    order = doubtful[np.lexsort((second[doubtful], first[doubtful], pairs[doubtful]))]
    for shift in range(1, _MOST_STRETCHES + 1):
        a, b = order[:-shift], order[shift:]
        kept = np.flatnonzero((pairs[a] == pairs[b]) & (plain[a] + plain[b] < MOST_SURE))
        kept = kept[(first[a[kept]] < first[b[kept]]) & (second[a[kept]] < second[b[kept]])]
        for start in range(0, len(kept), _BLOCK):
            block = kept[start : start + _BLOCK]
            yield a[block], b[block]


def _weigh_stretches(
    context: PathContext, crossings: SwapCandidates, begins: Int64, ends: Int64
) -> SwapIntervals:
    transitions, evidence, pools = context.transitions, context.evidence, context.pools
    (first, second), (last, final) = (
        (
            np.minimum(crossings.first[k], crossings.second[k]),
            np.maximum(crossings.first[k], crossings.second[k]),
        )
        for k in (begins, ends)
    )
    spaces = evidence.find_spaces(
        (np.maximum(transitions.ends[first], transitions.ends[second]) + transitions.begins[last])
        / 2
    )
    inside, around = (
        (look(first, last, spaces), look(second, final, spaces))
        for look in (pools.between, pools.around)
    )
    times, later = (
        np.maximum(transitions.begins[first], transitions.begins[second]),
        np.maximum(transitions.begins[last], transitions.begins[final]),
    )
    terms = crossings.evidence[begins] + crossings.evidence[ends]
    # What leads from before the stretch to after it stays as it is.
    known = crossings.ends[begins] <= later, crossings.begins[ends] > times
    for column in (_DIRECT, _THROUGH):
        both = (crossings.evidence[k, column] for k in (begins, ends))
        terms[:, column] = sum(
            np.where(side, part, 0) for side, part in zip(known, both, strict=True)
        )
    terms[:, _LOOKS] = evidence.swap_appearance.compare_exchanged(inside, around, spaces)
    terms[:, _TIES] = context.balance.compare_stretches(
        transitions.paths[first], transitions.paths[second], times, later
    )
    return SwapIntervals(begins, ends, terms)


def _pair_overlapping(transitions: PathTransitions) -> tuple[Int64, Int64]:
    """Pairs of steps of different paths that overlap in time, each once; of a very long one, those near its ends."""
    order = np.argsort(transitions.begins, kind="stable")
    begins, ends = transitions.begins[order], transitions.ends[order]
    ranks = np.arange(len(order))
    spanned = np.maximum(np.searchsorted(begins, ends) - ranks - 1, 0)
    early = np.minimum(spanned, _MOST_SPANNED)
    late = np.minimum(spanned - early, _MOST_SPANNED)
    first = np.concatenate([np.repeat(ranks, early), np.repeat(ranks, late)])
    second = np.concatenate(
        [
            np.repeat(ranks + 1, early) + count_up(early),
            np.repeat(ranks + 1 + spanned - late, late) + count_up(late),
        ]
    )
    x, y = order[first], order[second]
    apart = transitions.paths[x] != transitions.paths[y]
    # To exchange two paths before both begin, or after both end, changes nothing.
    real = ((transitions.heads[x] >= 0) | (transitions.heads[y] >= 0)) & (
        (transitions.tails[x] >= 0) | (transitions.tails[y] >= 0)
    )
    return x[apart & real], y[apart & real]


def _compare_clear(clear: UnoccludedEndpoints, x: Int64, y: Int64, motion: MotionModel) -> Float64:
    """What motion from before to after a whole contact says for two steps; 0 where it says nothing."""
    begins, finishes = clear.begins, clear.finishes
    known = (np.minimum(begins[x], begins[y]) >= 0) & (np.minimum(finishes[x], finishes[y]) >= 0)
    known &= np.maximum(begins[x], begins[y]) < np.minimum(finishes[x], finishes[y])
    longest = np.maximum(finishes[x], finishes[y]) - np.minimum(begins[x], begins[y])
    k = np.flatnonzero(known & (longest <= LONGEST_CONTACT_S * motion.fps))

    def gain(heads: Int64, tails: Int64) -> Float64:
        return motion.compute_llrs(clear.ends, heads, tails, finishes[tails] - begins[heads])

    llrs = np.zeros(len(x))
    llrs[k] = gain(x[k], x[k]) + gain(y[k], y[k]) - gain(x[k], y[k]) - gain(y[k], x[k])
    return llrs


def _find_hosts(transitions: PathTransitions, tracklets: Tracklets) -> tuple[Int64, Int64]:
    """Steps into tracklets, and steps of other paths that span these."""
    entries = np.flatnonzero(transitions.tails >= 0)
    inside = transitions.tails[entries]
    found = [np.zeros((0, 2), np.int64)]
    for own in transitions.slices():
        places = (
            own.start + np.searchsorted(transitions.begins[own], tracklets.first_frames[inside]) - 1
        )
        fits = transitions.ends[places] > tracklets.last_frames[inside]
        fits &= transitions.paths[entries] != transitions.paths[own.start]
        found.append(np.column_stack([entries[fits], places[fits]]))
    pairs = np.concatenate(found)
    return pairs[:, 0], pairs[:, 1]


def refine_paths(paths: Int64, evidence: TrackletEvidence) -> Int64:
    """Make exchanges and transfers as long as the evidence, taken over whole contacts and paths, asks for them."""
    n_rounds = int(np.clip(_MOST_WORK // max(1, len(paths)), _LEAST_ROUNDS, _MOST_ROUNDS))
    for _ in range(_MOST_TURNS):
        before = paths
        paths, n_rounds = _settle(paths, evidence, n_rounds)
        if n_rounds <= 0 or np.array_equal(paths, before):
            break
    return paths


def _settle(paths: Int64, evidence: TrackletEvidence, n_rounds: int) -> tuple[Int64, int]:
    """Paths in which no move is asked for that is stronger than the one that has undone it, and the rounds left."""
    undone: dict[tuple[int, int], float] = {}
    while n_rounds > 0:
        n_rounds -= 1
        context = build_path_context(paths, evidence)
        # What was weighed anew after a move may ask for the way back, and then for the move again:
        # the stronger wins.
        moves = [
            move
            for move in _list_moves(context)
            if all(move.llr < undone.get(way, 0.0) for way in move.ways)
        ]
        changed = _apply(paths, context, moves, undone)
        if changed is None:
            break
        paths = changed
    return paths, n_rounds


@dataclass(frozen=True, order=True)
class _Move:
    """A change of paths: the lead of what is there now, the steps that it undoes, and what follows what instead."""

    llr: float
    used: tuple[int, ...]
    ways: tuple[tuple[int, int], ...]


def _list_moves(context: PathContext) -> list[_Move]:
    """Moves that the evidence asks for, the best first."""
    heads, tails = context.transitions.heads.tolist(), context.transitions.tails.tolist()
    crossings, reassignments = find_swap_candidates(context), find_reassignments(context)
    stretches = find_swap_intervals(context, crossings)

    def exchange(k: int) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
        x, y = int(crossings.first[k]), int(crossings.second[k])
        return (x, y), ((heads[x], tails[y]), (heads[y], tails[x]))

    moves = []
    for llr, k in _list_bad(crossings.llrs):
        moves.append(_Move(llr, *exchange(k)))
    for llr, k in _list_bad(stretches.llrs):
        (used, ways), (more, others) = (
            exchange(int(stretches.begins[k])),
            exchange(int(stretches.ends[k])),
        )
        moves.append(_Move(llr, used + more, ways + others))
    for llr, k in _list_bad(reassignments.llrs):
        entry, host = int(reassignments.entries[k]), int(reassignments.hosts[k])
        own = tails[entry]
        ways = (heads[entry], tails[entry + 1]), (heads[host], own), (own, tails[host])
        moves.append(_Move(llr, (entry, entry + 1, host), ways))
    return sorted(moves)


def _list_bad(llrs: Float64) -> list[tuple[float, int]]:
    return [(float(llrs[k]), k) for k in np.flatnonzero(llrs < -LEAST_BETTER).tolist()]


def _apply(
    paths: Int64, context: PathContext, moves: list[_Move], undone: dict[tuple[int, int], float]
) -> Int64 | None:
    """Paths after the best moves that do not bear on each other; None if nothing is to change.

    In `undone` goes by which lead each way from tracklet to tracklet was left.
    """
    if not moves:
        return None
    transitions, pools = context.transitions, context.pools
    after = np.full(len(paths) + 1, -1, np.int64)  # the last place takes what follows nothing
    after[transitions.heads] = transitions.tails
    after[-1] = -1
    touched = np.zeros(len(transitions), bool)
    for move in moves:
        # Evidence pools looks of the tracklets around a step: where two pools overlap, one must be
        # weighed anew.
        near = [slice(pools.low[step], pools.high[step] + 1) for step in move.used]
        if any(touched[own].any() for own in near):
            continue
        for own in near:
            touched[own] = True
        for step in move.used:
            way = int(transitions.heads[step]), int(transitions.tails[step])
            undone[way] = min(move.llr, undone.get(way, 0.0))
        for head, tail in move.ways:
            if head >= 0:
                after[head] = tail
    return number_paths(after[:-1], paths >= 0)


def number_paths(after: Int64, on: NDArray[np.bool_]) -> Int64:
    """Number of the path of each tracklet ``(T,)``, in the order in which paths begin, from what follows each."""
    numbers = np.full(len(after), -1, np.int64)
    led_to = np.zeros(len(after), bool)
    led_to[after[after >= 0]] = True
    for number, start in enumerate(np.flatnonzero(on & ~led_to).tolist()):
        k = start
        while k >= 0:
            numbers[k], k = number, int(after[k])
    return numbers
