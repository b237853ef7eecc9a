"""Swap decoding: the most likely sequence of swaps of two paths over the whole recording.

The appearance of a whole path tells which of two animals each tracklet shows. Where animals are
seen only for moments between two possible swaps, as at low frame rates, no single swap or interval
between two contacts is an improvement, but the right sequence of all of them is. The Viterbi
algorithm finds it for two paths at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from murid.core.types import Bool, Float64, Int64
from murid.identification.evidence import TrackletEvidence
from murid.identification.pairwise_model import load_pairwise_model
from murid.identification.paths.context import PathContext, build_path_context
from murid.identification.swaps.candidates import find_swap_candidates
from murid.identification.swaps.intervals import sort_transitions

# Log-likelihood ratio by which a sequence of swaps must be better than the current paths.
MIN_GAIN = 0.5
# Sweeps over all pairs of paths. Purer paths have purer features, so another sweep may find more.
_MAX_SWEEPS = 10


def decode_swaps(paths: Int64, evidence: TrackletEvidence) -> Int64:
    """Return paths after the most likely sequence of swaps of each two of them.

    Parameters
    ----------
    paths : ndarray
        ``(T,)`` int64 path of each tracklet; -1 = none.
    evidence : TrackletEvidence
        Without swap appearance, the paths are returned as they are.
    """
    if evidence.swap_appearance.calibration_weight <= 0:
        return paths
    for _ in range(_MAX_SWEEPS):
        changes = _find_changes(build_path_context(paths, evidence))
        if not changes:
            break
        # The best change first; others of the same paths wait for the next sweep.
        changed: set[int] = set()
        new_paths = paths.copy()
        for change in sorted(changes, key=lambda change: -change.gain):
            if changed.isdisjoint(change.paths):
                changed.update(change.paths)
                low, high = change.paths
                own = change.tracklets
                new_paths[own] = np.where(paths[own] == low, high, low)
        paths = new_paths
    return paths


@dataclass(frozen=True, eq=False, slots=True)
class _Change:
    """Tracklets ``(k,)`` of two paths that move to the other one, and the gain of doing so."""

    gain: float
    paths: tuple[int, int]
    tracklets: Int64


def _find_changes(context: PathContext) -> list[_Change]:
    """Return the best sequence of swaps of each two paths that improves on them."""
    transitions = context.transitions
    candidates = find_swap_candidates(context)
    no_appearance = np.zeros(len(candidates))
    costs = replace(candidates, terms=replace(candidates.terms, appearance=no_appearance)).llrs
    lower, upper = sort_transitions(candidates, np.arange(len(candidates)))
    slices = {int(transitions.paths[own.start]): own for own in transitions.slices()}
    pairs = np.column_stack([transitions.paths[lower], transitions.paths[upper]])
    order = np.lexsort((upper, lower, pairs[:, 1], pairs[:, 0]))
    bounds = np.flatnonzero((np.diff(pairs[order], axis=0) != 0).any(axis=1)) + 1
    changes = []
    for own in np.split(order, bounds) if len(order) else ():
        low, high = pairs[own[0]].tolist()
        # Candidates are in the order of time on both paths, unless tracklets of a path overlap.
        own = own[upper[own] >= np.maximum.accumulate(upper[own])]
        change = _decode_pair(
            context, slices[low], slices[high], lower[own], upper[own], costs[own]
        )
        if change is not None:
            changes.append(change)
    return changes


def _decode_pair(
    context: PathContext,
    low: slice,
    high: slice,
    lower: Int64,
    upper: Int64,
    costs: Float64,
) -> _Change | None:
    """Return the best sequence of swaps at some of the candidates of two paths, if it is a gain.

    `low` and `high` are the transitions of the paths, `lower` and `upper` ``(C,)`` those of the
    candidates in the order of time, `costs` ``(C,)`` their log-likelihood ratios against a swap.
    """
    # What the tracklets between two candidates lose if they are on the other path.
    low_sums = _sum_owner_llrs(context, low, high)
    high_sums = _sum_owner_llrs(context, high, low)
    bounds_low = np.concatenate([[low.start], lower, [low.stop - 1]]) - low.start
    bounds_high = np.concatenate([[high.start], upper, [high.stop - 1]]) - high.start
    llrs = np.diff(low_sums[bounds_low]) + np.diff(high_sums[bounds_high])
    losses = load_pairwise_model().appearance * llrs
    swapped, total = run_viterbi(costs, losses)
    if total > -MIN_GAIN or swapped.all():
        return None
    tracklets = [
        context.transitions.successors[own][:-1][np.repeat(swapped, np.diff(bounds))]
        for own, bounds in ((low, bounds_low), (high, bounds_high))
    ]
    numbers = context.transitions.paths[[low.start, high.start]].tolist()
    return _Change(-total, (numbers[0], numbers[1]), np.concatenate(tracklets))


def run_viterbi(costs: Float64, losses: Float64) -> tuple[Bool, float]:
    """Return which stretches are swapped ``(C + 1,)`` in the cheapest sequence, and its cost.

    `costs` ``(C,)`` are those of a change from one stretch to the next, `losses` ``(C + 1,)`` those
    of a swapped stretch.
    """
    kept = 0.0
    moved = float(losses[0])
    came_from_other = np.zeros((len(costs), 2), bool)
    for k, (cost, loss) in enumerate(zip(costs.tolist(), losses[1:].tolist(), strict=True)):
        to_kept = moved + cost
        to_moved = kept + cost
        came_from_other[k] = to_kept < kept, to_moved < moved
        kept, moved = min(kept, to_kept), min(moved, to_moved) + loss
    state = int(moved < kept)
    states = [state]
    for row in came_from_other[::-1].tolist():
        state = 1 - state if row[state] else state
        states.append(state)
    return np.array(states[::-1], bool), min(kept, moved)


def _sum_owner_llrs(context: PathContext, own: slice, other: slice) -> Float64:
    """Return sums of the log-likelihood ratio that tracklets are of their own path, not another.

    They are cumulative ``(S,)``: that of the tracklets of the own path before each transition.
    """
    evidence = context.evidence
    appearance = evidence.swap_appearance
    pools = context.pooled_features
    tracklets = context.transitions.successors[own][:-1]
    first_frames = evidence.tracklets.first_frames[tracklets]
    last_frames = evidence.tracklets.last_frames[tracklets]
    folds = evidence.find_folds((first_frames + last_frames) / 2)
    prototype, other_prototype = (
        pools.between(np.full(len(folds), path.start), np.full(len(folds), path.stop - 1), folds)
        for path in (own, other)
    )
    features = appearance.get_features(tracklets, folds)
    llrs = appearance.compare_owners(features, prototype, other_prototype, folds)
    return np.append(0.0, np.cumsum(np.where(features.counts > 0, llrs, 0)))
