"""Identity probabilities: how likely each identity is right at each moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from murid.core.ranges import concatenate_ranges
from murid.core.types import Float32, Float64, Int64
from murid.identification.pairwise_model import load_pairwise_model
from murid.identification.paths.transitions import NEVER, PathTransitions
from murid.identification.swaps.candidates import SwapCandidates
from murid.identification.swaps.intervals import SwapIntervals, sort_transitions
from murid.identification.swaps.llr_terms import LlrTerms
from murid.identification.swaps.reassignments import Reassignments

# Swap intervals with a lower swap probability are ignored.
MIN_INTERVAL_PROBABILITY = 2e-3
# Number of moments, evenly spread over the possible swaps, that are tried as anchors of the
# identities. Time is in proportion.
_N_ANCHORS = 17


def compute_swap_probabilities(terms: LlrTerms) -> Float64:
    """Return the probabilities ``(C,)`` in [0, 0.5] that two animals were swapped."""
    return load_pairwise_model().compute_swap_probabilities(terms.compute_llrs())


def select_swap_intervals(
    transitions: PathTransitions, candidates: SwapCandidates, intervals: SwapIntervals
) -> SwapIntervals:
    """Return the swap intervals without those of low probability, and without overlaps.

    Of the intervals of two paths that overlap, the most probable one is kept.
    """
    probabilities = compute_swap_probabilities(intervals.terms)
    order = np.argsort(-probabilities, kind="stable")
    order = order[probabilities[order] >= MIN_INTERVAL_PROBABILITY]
    lower_begins, upper_begins = sort_transitions(candidates, intervals.begins)
    lower_ends, _ = sort_transitions(candidates, intervals.ends)
    # Choose the most probable first; skip those that overlap a chosen one of the same two paths.
    chosen = []
    chosen_spans: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for row in order.tolist():
        begin = int(lower_begins[row])
        end = int(lower_ends[row])
        pair = int(transitions.paths[begin]), int(transitions.paths[upper_begins[row]])
        spans = chosen_spans.setdefault(pair, [])
        if all(end <= other_begin or other_end <= begin for other_begin, other_end in spans):
            spans.append((begin, end))
            chosen.append(row)
    return intervals.select(np.array(sorted(chosen), np.int64))


def compute_identity_probabilities(
    transitions: PathTransitions,
    candidates: SwapCandidates,
    reassignments: Reassignments,
    intervals: SwapIntervals,
    path_probabilities: Float64,
    n_paths: int,
) -> Float64:
    """Return the probability that the tracklet after each transition has the identity of its path.

    The identity of a path is right by definition at one moment, its anchor. From there on, each
    swap candidate mixes two identities by its swap probability. The expected permutation is the
    product of these mixtures, exact if swaps are independent. Each path gets the anchor for which
    its expected time with the right identity is longest. Swap intervals around a tracklet lower its
    probability further. `path_probabilities` ``(S,)``, as of `compute_path_probabilities`, count
    where they are higher. Possible reassignments of the tracklet lower the result.

    Returns
    -------
    ndarray
        ``(S,)`` float64 in [0, 1].
    """
    probabilities = _follow_swaps(transitions, candidates, n_paths)
    # A tracklet must not be in an interval for which two animals were swapped.
    for begin, end, swap_probability in _list_affected(transitions, candidates, intervals):
        probabilities[begin:end] *= 1 - swap_probability
    # Mixing forgets that animals are told apart again after a swap, so it is a lower bound. The
    # posterior by the appearance of whole paths is another.
    probabilities = np.maximum(probabilities, path_probabilities)
    probabilities = probabilities * _compute_not_reassigned(reassignments, len(transitions))
    return np.asarray(probabilities, np.float64)


def _compute_not_reassigned(reassignments: Reassignments, n_transitions: int) -> Float64:
    """Return the probability ``(S,)`` that the tracklet after a transition is not reassigned.

    It is right only if it does not belong to any gap. Of the runs with it that may belong to the
    same gap, the most probable one counts.
    """
    lengths = reassignments.exits - reassignments.entries
    moved = np.repeat(reassignments.entries, lengths) + concatenate_ranges(lengths)
    gaps = np.repeat(reassignments.gaps, lengths)
    probabilities = np.repeat(compute_swap_probabilities(reassignments.terms), lengths)
    order = np.lexsort((-probabilities, gaps, moved))
    moved = moved[order]
    best = np.flatnonzero(np.diff(moved * n_transitions + gaps[order], prepend=-1))
    log_losses = -np.log1p(-probabilities[order][best])
    not_reassigned: Float64 = np.exp(-np.bincount(moved[best], log_losses, n_transitions))
    return not_reassigned


def _follow_swaps(
    transitions: PathTransitions, candidates: SwapCandidates, n_paths: int
) -> Float64:
    """Return the identity probabilities ``(S,)`` after the swap candidates before transitions."""
    swaps = _list_swaps(transitions, candidates)
    n_swaps = len(swaps.probabilities)
    # Time before the first, between any two, and after the last possible swap.
    last_frame = np.where(transitions.begins < NEVER, transitions.begins, 0).max(initial=0)
    frames = np.maximum(swaps.frames, 0)
    durations = np.diff(np.concatenate([[0.0], frames, [max(last_frame, 0)]]))
    # Choose the anchor of each path.
    anchors = np.unique(np.linspace(0, n_swaps, _N_ANCHORS).round().astype(int))
    right_durations = _sum_right_durations(swaps, durations, anchors, n_paths)
    best_anchors = anchors[np.argmax(right_durations, axis=0)]
    right = np.ones((n_swaps + 1, n_paths), np.float32)
    for anchor in np.unique(best_anchors).tolist():
        own = best_anchors == anchor
        right[:, own] = _propagate(swaps, anchor, n_paths)[:, own]
    # The swaps that began before the end of a transition lie behind it.
    n_before = np.searchsorted(swaps.frames, transitions.ends, side="left")
    return np.asarray(right[n_before, transitions.paths], np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class _Swaps:
    """Swap candidates with a probability above 0, by time.

    `frames` ``(Q,)`` int64 is the later begin of the two transitions, `first_paths` and
    `second_paths` ``(Q,)`` int64 their paths, `probabilities` ``(Q,)`` float64.
    """

    frames: Int64
    first_paths: Int64
    second_paths: Int64
    probabilities: Float64


def _list_swaps(transitions: PathTransitions, candidates: SwapCandidates) -> _Swaps:
    probabilities = compute_swap_probabilities(candidates.terms)
    frames = np.maximum(transitions.begins[candidates.first], transitions.begins[candidates.second])
    order = np.argsort(frames, kind="stable")
    order = order[probabilities[order] > 0]
    return _Swaps(
        frames[order],
        transitions.paths[candidates.first[order]],
        transitions.paths[candidates.second[order]],
        probabilities[order],
    )


def _sum_right_durations(
    swaps: _Swaps, durations: Float64, anchors: Int64, n_paths: int
) -> Float64:
    """Return the expected time ``(A, n)`` that each path has its identity of each anchor.

    `durations` ``(Q + 1,)`` are those before, between and after the swaps.
    """
    n_swaps = len(swaps.probabilities)
    first_paths = swaps.first_paths.tolist()
    second_paths = swaps.second_paths.tolist()
    probabilities = swaps.probabilities.tolist()
    # The time at the anchors themselves.
    totals = np.repeat(durations[anchors][:, None], n_paths, axis=1)
    forward = range(n_swaps)
    for swap_order in (forward, range(n_swaps - 1, -1, -1)):
        is_forward = swap_order is forward
        own_anchors = anchors if is_forward else anchors[::-1]
        own_totals = totals if is_forward else totals[::-1]
        mixtures = np.tile(np.eye(n_paths), (len(anchors), 1, 1))
        right = np.einsum("aii->ai", mixtures)
        # The anchors that each swap lies behind.
        if is_forward:
            n_behind = np.searchsorted(own_anchors, np.arange(n_swaps), side="right").tolist()
        else:
            n_behind = np.searchsorted(-own_anchors, -np.arange(n_swaps), side="left").tolist()
        for swap in swap_order:
            n = n_behind[swap]
            _mix(mixtures[:n], first_paths[swap], second_paths[swap], probabilities[swap])
            own_totals[:n] += durations[swap + 1 if is_forward else swap] * right[:n]
    return totals


def _mix(mixtures: Float64, first_path: int, second_path: int, probability: float) -> None:
    """Mix the columns of two paths in mixtures ``(A, n, n)`` by the probability of a swap."""
    first = mixtures[:, :, first_path].copy()
    second = mixtures[:, :, second_path].copy()
    mixtures[:, :, first_path] = (1 - probability) * first + probability * second
    mixtures[:, :, second_path] = probability * first + (1 - probability) * second


def _propagate(swaps: _Swaps, anchor: int, n_paths: int) -> Float32:
    """Return how likely each path has its identity of the anchor, ``(Q + 1, n)``.

    Row ``q`` is for the time between swaps ``q - 1`` and ``q``; that of the anchor is 1.
    """
    first_paths = swaps.first_paths.tolist()
    second_paths = swaps.second_paths.tolist()
    probabilities = swaps.probabilities.tolist()
    n_swaps = len(probabilities)
    right = np.ones((n_swaps + 1, n_paths), np.float32)
    forward = range(anchor, n_swaps)
    backward = range(anchor - 1, -1, -1)
    for swap_order in (forward, backward):
        mixture = np.eye(n_paths)[None]
        for swap in swap_order:
            _mix(mixture, first_paths[swap], second_paths[swap], probabilities[swap])
            row = swap + 1 if swap_order is forward else swap
            right[row] = np.diag(mixture[0])
    return right


def _list_affected(
    transitions: PathTransitions, candidates: SwapCandidates, intervals: SwapIntervals
) -> Iterator[tuple[int, int, float]]:
    """Yield the begin and the end of the transitions that a swap interval makes doubtful.

    These are the transitions within the interval, or all others of the path if those take less
    time: either part may be the one that keeps the identity.
    """
    path_slices = {int(transitions.paths[path.start]): path for path in transitions.slices()}
    probabilities = compute_swap_probabilities(intervals.terms).tolist()
    begins = np.column_stack(sort_transitions(candidates, intervals.begins)).tolist()
    ends = np.column_stack(sort_transitions(candidates, intervals.ends)).tolist()
    for pair_begins, pair_ends, probability in zip(begins, ends, probabilities, strict=True):
        for begin, end in zip(pair_begins, pair_ends, strict=True):
            path = path_slices[int(transitions.paths[begin])]
            within = transitions.begins[end] - transitions.ends[begin]
            whole = transitions.begins[path.stop - 1] - transitions.ends[path.start]
            if 2 * within <= whole:
                yield begin, end, probability
            else:
                yield path.start, begin, probability
                yield end, path.stop, probability
