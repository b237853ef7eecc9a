"""Where two animals might have been exchanged, and what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float64, Int64
from murid.identify.motion import MotionModel
from murid.identify.sights import Sights
from murid.identify.steps import POOLED_TRACKLETS, ClearSights, Steps, find_clear_sights, list_steps, pool_looks
from murid.identify.tracklets import Tracklets, count_up

WEIGHTS = np.array([0.7, 0.3, 1.7, 0.5, 0.5])
"""Of the evidence for a crossing: motion from tracklet to tracklet, motion through the whole contact, looks, witnesses
from tracklet to tracklet, witnesses through the whole contact."""
LONGEST_CONTACT_S = 3.0
"""Beyond it, motion before a contact says nothing of motion after it."""
LEAST_BETTER = 0.5
"""Evidence by which an exchange has to be better to be made."""
_FAR = 2 * POOLED_TRACKLETS
_MOST_SPANNED = 40
_MOST_ROUNDS = 20


@dataclass(frozen=True, eq=False, slots=True)
class Crossings:
    """Pairs of steps ``first``, ``second`` ``(C,)`` int64 of different paths, and the evidence ``(C, 5)`` for them.

    Evidence is the logarithm of how much likelier the steps are as they stand than with their ends exchanged.
    """

    first: Int64
    second: Int64
    evidence: Float64

    def __len__(self) -> int:
        return len(self.first)

    @property
    def leads(self) -> Float64:
        """``(C,)`` float64 evidence, weighted and added up."""
        leads: Float64 = self.evidence @ WEIGHTS
        return leads


@dataclass(frozen=True, eq=False, slots=True)
class Transfers:
    """Tracklets that could belong to another path, which has a gap there.

    Attributes
    ----------
    entries, hosts : ndarray
        ``(K,)`` int64: the step into the tracklet, and the step of the other path that spans it.
    evidence : ndarray
        ``(K, 5)`` float64, as of `Crossings`.
    """

    entries: Int64
    hosts: Int64
    evidence: Float64

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def leads(self) -> Float64:
        """``(K,)`` float64 evidence, weighted and added up."""
        leads: Float64 = self.evidence @ WEIGHTS
        return leads


def find_crossings(steps: Steps, sights: Sights) -> Crossings:
    """Compare every two steps that overlap in time with what they would be if the two animals were exchanged."""
    x, y = _pair_overlapping(steps)
    a, b, c, d = steps.heads[x], steps.tails[x], steps.heads[y], steps.tails[y]
    gain = sights.compute_gains
    place = gain(a, b) + gain(c, d) - gain(a, d) - gain(c, b)
    vote = sights.count_votes
    votes = vote(a, b) + vote(c, d) - vote(a, d) - vote(c, b)
    clear = find_clear_sights(steps, sights.tracklets, sights.shapes, sights.frames, sights.clear, sights.motion.fps)
    before, after = pool_looks(steps, sights.looks, sights.tracklets)
    compare = sights.looks.compare
    looks = compare(before[x], after[x]) + compare(before[y], after[y])
    looks -= compare(before[x], after[y]) + compare(before[y], after[x])
    last, first, follow = clear.last_rows, clear.first_rows, sights.compare_rows
    through = (
        follow(last[x], first[x]) + follow(last[y], first[y]) - follow(last[x], first[y]) - follow(last[y], first[x])
    )
    return Crossings(x, y, np.column_stack([place, _compare_clear(clear, x, y, sights.motion), looks, votes, through]))


def find_transfers(steps: Steps, sights: Sights) -> Transfers:
    """Compare every tracklet of a path with what it would be in the gap of another path."""
    entries, hosts = _find_hosts(steps, sights.tracklets)
    a, k, b = steps.heads[entries], steps.tails[entries], steps.tails[(entries + 1) % max(1, len(steps))]
    c, d = steps.heads[hosts], steps.tails[hosts]
    gain = sights.compute_gains
    place = gain(a, k) + gain(k, b) + gain(c, d) - gain(a, b) - gain(c, k) - gain(k, d)
    before, after = pool_looks(steps, sights.looks, sights.tracklets)
    own, compare = sights.looks.views[k], sights.looks.compare
    looks = compare(before[entries], own) + compare(own, after[(entries + 1) % max(1, len(steps))])
    looks -= compare(before[hosts], own) + compare(own, after[hosts])
    vote = sights.count_votes
    votes = vote(a, k) + vote(k, b) + vote(c, d) - vote(a, b) - vote(c, k) - vote(k, d)
    return Transfers(entries, hosts, np.column_stack([place, np.zeros(len(k)), looks, votes, np.zeros(len(k))]))


def _pair_overlapping(steps: Steps) -> tuple[Int64, Int64]:
    """Pairs of steps of different paths that overlap in time, each once; of a very long one, those near its ends."""
    order = np.argsort(steps.begins, kind="stable")
    begins, ends = steps.begins[order], steps.ends[order]
    ranks = np.arange(len(order))
    spanned = np.maximum(np.searchsorted(begins, ends) - ranks - 1, 0)
    early = np.minimum(spanned, _MOST_SPANNED)
    late = np.minimum(spanned - early, _MOST_SPANNED)
    first = np.concatenate([np.repeat(ranks, early), np.repeat(ranks, late)])
    second = np.concatenate(
        [np.repeat(ranks + 1, early) + count_up(early), np.repeat(ranks + 1 + spanned - late, late) + count_up(late)]
    )
    x, y = order[first], order[second]
    apart = steps.paths[x] != steps.paths[y]
    # To exchange two paths before both begin, or after both end, changes nothing.
    real = ((steps.heads[x] >= 0) | (steps.heads[y] >= 0)) & ((steps.tails[x] >= 0) | (steps.tails[y] >= 0))
    return x[apart & real], y[apart & real]


def _compare_clear(clear: ClearSights, x: Int64, y: Int64, motion: MotionModel) -> Float64:
    """What motion from before to after a whole contact says for two steps; 0 where it says nothing."""
    begins, finishes = clear.begins, clear.finishes
    known = (np.minimum(begins[x], begins[y]) >= 0) & (np.minimum(finishes[x], finishes[y]) >= 0)
    known &= np.maximum(begins[x], begins[y]) < np.minimum(finishes[x], finishes[y])
    longest = np.maximum(finishes[x], finishes[y]) - np.minimum(begins[x], begins[y])
    k = np.flatnonzero(known & (longest <= LONGEST_CONTACT_S * motion.fps))

    def gain(heads: Int64, tails: Int64) -> Float64:
        return motion.compute_gains(clear.ends, heads, tails, finishes[tails] - begins[heads])

    leads = np.zeros(len(x))
    leads[k] = gain(x[k], x[k]) + gain(y[k], y[k]) - gain(x[k], y[k]) - gain(y[k], x[k])
    return leads


def _find_hosts(steps: Steps, tracklets: Tracklets) -> tuple[Int64, Int64]:
    """Steps into tracklets, and steps of other paths that span these."""
    entries = np.flatnonzero(steps.tails >= 0)
    inside = steps.tails[entries]
    found = [np.zeros((0, 2), np.int64)]
    for own in steps.slices():
        places = own.start + np.searchsorted(steps.begins[own], tracklets.first_frames[inside]) - 1
        fits = steps.ends[places] > tracklets.last_frames[inside]
        fits &= steps.paths[entries] != steps.paths[own.start]
        found.append(np.column_stack([entries[fits], places[fits]]))
    pairs = np.concatenate(found)
    return pairs[:, 0], pairs[:, 1]


def improve_paths(paths: Int64, sights: Sights) -> Int64:
    """Make exchanges and transfers as long as the evidence, taken over whole contacts and paths, asks for them."""
    for _ in range(_MOST_ROUNDS):
        steps = list_steps(paths, sights.tracklets)
        changed = _apply(paths, steps, find_crossings(steps, sights), find_transfers(steps, sights))
        if changed is None:
            break
        paths = changed
    return paths


def _apply(paths: Int64, steps: Steps, crossings: Crossings, transfers: Transfers) -> Int64 | None:
    """Paths after the best changes that do not bear on each other; None if there is nothing to change."""
    moves = [(lead, k, False) for k, lead in enumerate(crossings.leads.tolist()) if lead < -LEAST_BETTER]
    moves += [(lead, k, True) for k, lead in enumerate(transfers.leads.tolist()) if lead < -LEAST_BETTER]
    if not moves:
        return None
    after = np.full(len(paths) + 1, -1, np.int64)  # the last place takes what follows nothing
    after[steps.heads] = steps.tails
    after[-1] = -1
    touched: set[int] = set()
    for _, k, is_transfer in sorted(moves):
        if is_transfer:
            entry, host = int(transfers.entries[k]), int(transfers.hosts[k])
            used, own = {entry, entry + 1, host}, int(steps.tails[entry])
            ways = [
                (steps.heads[entry], steps.tails[entry + 1]),
                (steps.heads[host], own),
                (own, steps.tails[host]),
            ]
        else:
            x, y = int(crossings.first[k]), int(crossings.second[k])
            used = {x, y}
            ways = [(steps.heads[x], steps.tails[y]), (steps.heads[y], steps.tails[x])]
        if touched & used:
            continue
        # Evidence pools looks of the tracklets around a step: where two pools overlap, one must be weighed anew.
        touched.update(near for step in used for near in range(step - _FAR, step + _FAR + 1))
        for head, tail in ways:
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
