"""Swap decoding: the most likely sequence of swaps of two paths over the whole recording.

The appearance of a whole path tells which of two animals each tracklet shows. Where animals are
seen only for moments between two possible swaps, as at low frame rates, no single swap or interval
between two contacts is an improvement, but the right sequence of all of them is. The Viterbi
algorithm finds it for two paths at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, log_expit

from murid.core.types import Bool, Float64, Int64
from murid.identification.constraints import CERTAIN_LLR
from murid.identification.evidence import TrackletEvidence
from murid.identification.pairwise_model import load_pairwise_model
from murid.identification.paths.context import PathContext, build_path_context
from murid.identification.swaps.candidates import SwapCandidates, find_swap_candidates
from murid.identification.swaps.constraint_terms import KeptConstraint, list_kept
from murid.identification.swaps.intervals import sort_transitions

# Log-likelihood ratio by which a sequence of swaps must be better than the current paths.
MIN_GAIN = 0.5
# Limit of the log-odds of one stretch: beyond it a swap would not change them.
MAX_LOG_ODDS = 50.0
# Sweeps over all pairs of paths. Purer paths have purer features, so another sweep may find more. A
# sweep costs time in proportion to the tracklets, so long recordings get fewer, but at least one.
_MAX_SWEEPS = 10
_MAX_SWEEPS_TIMES_TRACKLETS = 1_000_000


def decode_swaps(paths: Int64, evidence: TrackletEvidence) -> Int64:
    """Return paths after the most likely sequence of swaps of each two of them.

    Parameters
    ----------
    paths : ndarray
        ``(T,)`` int64 path of each tracklet; -1 = none.
    evidence : TrackletEvidence
        Without appearance and distant constraints, the paths are returned as they are.
    """
    if not _tells_apart(evidence):
        return paths
    n_affordable = _MAX_SWEEPS_TIMES_TRACKLETS // max(1, len(paths))
    for _ in range(min(max(n_affordable, 1), _MAX_SWEEPS)):
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


def _tells_apart(evidence: TrackletEvidence) -> bool:
    """Whether something but motion tells which of two animals a stretch shows."""
    has_labels = not evidence.constraints.is_local.all()
    return evidence.appearance.calibration_weight > 0 or has_labels


@dataclass(frozen=True, eq=False, slots=True)
class _Change:
    """Tracklets ``(k,)`` of two paths that move to the other one, and the gain of doing so."""

    gain: float
    paths: tuple[int, int]
    tracklets: Int64


def compute_path_probabilities(context: PathContext, candidates: SwapCandidates) -> Float64:
    """Return how likely the tracklet after each transition shows the animal of its path.

    It is the posterior of the sequences that `decode_swaps` compares, by the forward-backward
    algorithm for each two paths. The animal of a path is the one whose appearance it has as a
    whole, or that a constraint names. Where neither tells the animals apart, the probability is
    low; without both it is 0.

    Returns
    -------
    ndarray
        ``(S,)`` float64 in [0, 1].
    """
    n_transitions = len(context.transitions)
    if not _tells_apart(context.evidence):
        return np.zeros(n_transitions)
    log_probabilities = np.zeros(n_transitions)
    for sequence in _list_sequences(context, candidates):
        stretches = log_expit(run_forward_backward(sequence.costs, sequence.losses))
        for own, bounds in (
            (sequence.low, sequence.low_bounds),
            (sequence.high, sequence.high_bounds),
        ):
            log_probabilities[own][:-1] += np.repeat(stretches, np.diff(bounds))
    probabilities: Float64 = np.exp(log_probabilities)
    return probabilities


@dataclass(frozen=True, eq=False, slots=True)
class _Sequence:
    """Possible swaps of two paths in the order of time, and the stretches between them.

    Attributes
    ----------
    low, high : slice
        The transitions of the two paths.
    low_bounds, high_bounds : ndarray
        ``(C + 2,)`` int64 transitions at which the stretches begin and end, counted on each path.
    costs : ndarray
        ``(C,)`` float64 log-likelihood ratio against a swap, without appearance.
    losses : ndarray
        ``(C + 1,)`` float64 log-likelihood ratio of appearance that a stretch is not swapped.
    """

    low: slice
    high: slice
    low_bounds: Int64
    high_bounds: Int64
    costs: Float64
    losses: Float64

    def find_stretch(self, entry: int) -> int | None:
        """Return the stretch of the tracklet after a transition, None on other paths."""
        for path, bounds in ((self.low, self.low_bounds), (self.high, self.high_bounds)):
            if path.start <= entry < path.stop:
                return int(np.searchsorted(bounds, entry - path.start, side="right")) - 1
        return None


def _list_sequences(context: PathContext, candidates: SwapCandidates) -> Iterator[_Sequence]:
    """Yield the possible swaps of each two paths."""
    transitions = context.transitions
    weight = load_pairwise_model().appearance
    none = np.zeros(len(candidates))
    costs = replace(candidates.terms, appearance=none, constraints=none).compute_llrs()
    kept_constraints = list_kept(context)
    lower, upper = sort_transitions(candidates, np.arange(len(candidates)))
    slices = {int(transitions.paths[own.start]): own for own in transitions.slices()}
    pairs = np.column_stack([transitions.paths[lower], transitions.paths[upper]])
    order = np.lexsort((upper, lower, pairs[:, 1], pairs[:, 0]))
    bounds = np.flatnonzero((np.diff(pairs[order], axis=0) != 0).any(axis=1)) + 1
    for own in np.split(order, bounds) if len(order) else ():
        low, high = (slices[path] for path in pairs[own[0]].tolist())
        # Candidates are in the order of time on both paths, unless tracklets of a path overlap.
        own = own[upper[own] >= np.maximum.accumulate(upper[own])]
        low_bounds = np.concatenate([[low.start], lower[own], [low.stop - 1]]) - low.start
        high_bounds = np.concatenate([[high.start], upper[own], [high.stop - 1]]) - high.start
        llrs = _compare_stretches(context, (low, high), (low_bounds, high_bounds))
        sequence = _Sequence(low, high, low_bounds, high_bounds, costs[own], weight * llrs)
        for constraint in kept_constraints:
            _hold(sequence, constraint)
        yield sequence


def _hold(sequence: _Sequence, constraint: KeptConstraint) -> None:
    """Raise the costs of what would break a constraint that the paths keep."""
    stretches = [sequence.find_stretch(entry) for entry in constraint.entries]
    one, other = stretches
    if one is None or other is None:
        return
    if constraint.is_local:
        # A person looked at all that happened between both.
        sequence.costs[min(one, other) : max(one, other)] += CERTAIN_LLR
    else:
        # Both stretches show the animals that the paths have as a whole.
        sequence.losses[one] += CERTAIN_LLR
        sequence.losses[other] += CERTAIN_LLR


def _find_changes(context: PathContext) -> list[_Change]:
    """Return the best sequence of swaps of each two paths that improves on them."""
    transitions = context.transitions
    changes = []
    for sequence in _list_sequences(context, find_swap_candidates(context)):
        swapped, total = run_viterbi(sequence.costs, sequence.losses)
        if total > -MIN_GAIN or swapped.all():
            continue
        tracklets = [
            transitions.successors[own][:-1][np.repeat(swapped, np.diff(bounds))]
            for own, bounds in (
                (sequence.low, sequence.low_bounds),
                (sequence.high, sequence.high_bounds),
            )
        ]
        low, high = transitions.paths[[sequence.low.start, sequence.high.start]].tolist()
        changes.append(_Change(-total, (low, high), np.concatenate(tracklets)))
    return changes


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


def run_forward_backward(costs: Float64, losses: Float64) -> Float64:
    """Return the log-odds ``(C + 1,)`` that each stretch is not swapped, given all evidence.

    Parameters are those of `run_viterbi`. The first stretch is swapped or not with equal odds.
    """
    unseen = load_pairwise_model().unseen_swap_probability
    swaps = (unseen + (1 - 2 * unseen) * expit(-costs)).tolist()
    forward = [float(losses[0])]
    for swap, loss in zip(swaps, losses[1:].tolist(), strict=True):
        forward.append(_mix_log_odds(forward[-1], swap) + loss)
    backward = [0.0]
    for swap, loss in zip(swaps[::-1], losses[:0:-1].tolist(), strict=True):
        backward.append(_mix_log_odds(backward[-1] + loss, swap))
    log_odds: Float64 = np.array(forward) + np.array(backward[::-1])
    return log_odds


def _mix_log_odds(log_odds: float, swap: float) -> float:
    """Return log-odds after a change of state with the probability `swap`."""
    # Beyond this limit, the exponential is lost beside 1.
    odds = math.exp(min(max(log_odds, -MAX_LOG_ODDS), MAX_LOG_ODDS))
    return math.log(((1 - swap) * odds + swap) / (swap * odds + 1 - swap))


def _compare_stretches(
    context: PathContext, paths: tuple[slice, slice], bounds: tuple[Int64, Int64]
) -> Float64:
    """Return the log-likelihood ratio ``(C + 1,)`` of appearance that stretches are not swapped.

    Each stretch of two paths is compared with all else of the paths. With the stretch itself, a
    path would look like it even if it were another animal.
    """
    transitions = context.transitions
    pools = context.pooled_features
    spans = [
        (path.start + own_bounds[:-1], path.start + own_bounds[1:])
        for path, own_bounds in zip(paths, bounds, strict=True)
    ]
    begins = np.minimum(*(transitions.ends[first] for first, _ in spans))
    ends = np.maximum(*(transitions.begins[last] for _, last in spans))
    folds = context.evidence.find_folds((begins + ends) / 2)
    low, high = (pools.between(*span, folds) for span in spans)
    rest_low, rest_high = (
        pools.outside(*span, own, folds) for span, own in zip(spans, paths, strict=True)
    )
    compare = context.evidence.appearance.compare_owners
    llrs: Float64 = compare(low, rest_low, rest_high, folds)
    return llrs + compare(high, rest_high, rest_low, folds)
