"""How likely each name is right at each moment, from how likely animals were exchanged at every crossing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import expit

from murid.core.types import Float32, Float64, Int64
from murid.identification.path_transitions import NEVER, PathTransitions
from murid.identification.result import DoubtfulCrossings
from murid.identification.swaps import Reassignments, SwapCandidates, SwapIntervals

WEIGHTS = np.array([0.4, 0.0, 0.35, 0.2, 0.4, 0.5])
"""Of the evidence, as in `crossings`, but less: what was chosen for its evidence is less sure than
that says. Fitted on 38 recordings of the scenarios; of looks, kept when their evidence became
another one, for lack of a better of six."""
SLIP = 2e-4
"""Chance that a crossing went wrong in a way that the evidence does not know of."""
DOUBTFUL = 15.0
"""Lead from which on a stretch is beyond doubt."""
LEAST_DOUBT = 2e-3
"""Chance from which on a stretch that two paths may have exchanged counts."""
_NEGLIGIBLE = 1e-5
_N_ANCHORS = 17


def compute_swap_probabilities(evidence: Float64) -> Float64:
    """Chances ``(C,)`` in [0, 0.5] that two animals were exchanged."""
    swap_probabilities: Float64 = np.minimum(expit(-(evidence @ WEIGHTS)), 0.5)
    return np.where(
        swap_probabilities > _NEGLIGIBLE, np.minimum(swap_probabilities + SLIP, 0.5), 0.0
    )


def select_swap_intervals(
    transitions: PathTransitions, crossings: SwapCandidates, stretches: SwapIntervals
) -> SwapIntervals:
    """Of stretches of the same two paths that overlap, keep the one that was exchanged most likely."""
    swap_probabilities = compute_swap_probabilities(stretches.evidence)
    order = np.argsort(-swap_probabilities, kind="stable")
    chosen, spans = [], dict[tuple[int, int], list[tuple[int, int]]]()
    for k in order[swap_probabilities[order] >= LEAST_DOUBT].tolist():
        (begin, second), (end, _) = (
            _sort_steps(crossings, int(at[k])) for at in (stretches.begins, stretches.ends)
        )
        taken = spans.setdefault(
            (int(transitions.paths[begin]), int(transitions.paths[second])), []
        )
        if all(end <= low or high <= begin for low, high in taken):
            taken.append((begin, end))
            chosen.append(k)
    return stretches.take(np.array(sorted(chosen), np.int64))


def _sort_steps(crossings: SwapCandidates, k: int) -> tuple[int, int]:
    """Steps of a crossing: the one of the lower path first."""
    x, y = int(crossings.first[k]), int(crossings.second[k])
    return min(x, y), max(x, y)


def compute_identity_probabilities(
    transitions: PathTransitions,
    crossings: SwapCandidates,
    reassignments: Reassignments,
    stretches: SwapIntervals,
    n_paths: int,
) -> Float64:
    """How likely the tracklet that each step leads into is the animal that its path is named after, ``(S,)``.

    A name is right at one moment, the anchor, by definition. From there every crossing mixes two
    names by the chance that the animals were exchanged; the expected permutation is the product of
    these mixtures, exact if they are independent. Each path has the anchor from which it is certain
    for the longest time. A tracklet that may be another path's loses the chance of that as well,
    and one in a stretch that two paths may have exchanged the chance of that.
    """
    swap_probabilities = compute_swap_probabilities(crossings.evidence)
    times = np.maximum(transitions.begins[crossings.first], transitions.begins[crossings.second])
    order = np.argsort(times, kind="stable")
    order = order[swap_probabilities[order] > 0]
    a, b = (
        transitions.paths[crossings.first[order]].tolist(),
        transitions.paths[crossings.second[order]].tolist(),
    )
    q = swap_probabilities[order].tolist()
    anchors = np.unique(np.linspace(0, len(q), _N_ANCHORS).round().astype(int)).tolist()
    last = np.where(transitions.begins < NEVER, transitions.begins, 0).max(initial=0)
    durations = np.diff(np.concatenate([[0], np.maximum(times[order], 0), [max(last, 0)]]))
    kept, longest = np.ones((len(q) + 1, n_paths), np.float32), np.full(n_paths, -1.0)
    for anchor in anchors:
        found = _propagate(a, b, q, anchor, n_paths)
        certain_for = durations @ found
        better = certain_for > longest
        kept[:, better], longest[better] = found[:, better], certain_for[better]
    # A crossing that begins before a step ends is behind it.
    places = np.searchsorted(
        times[order], np.where(transitions.ends == NEVER, NEVER, transitions.ends), side="left"
    )
    certain = np.asarray(kept[places, transitions.paths], np.float64)
    certain *= np.exp(-np.bincount(reassignments.entries, _doubt(reassignments), len(transitions)))
    for low, high, chance in _list_exchanged(transitions, crossings, stretches):
        certain[low:high] *= 1 - chance
    return certain


def _doubt(reassignments: Reassignments) -> Float64:
    return -np.log1p(-compute_swap_probabilities(reassignments.evidence))


def _list_exchanged(
    transitions: PathTransitions, crossings: SwapCandidates, stretches: SwapIntervals
) -> Iterator[tuple[int, int, float]]:
    """Yield steps into what may have been exchanged: the stretch, or all else if that is shorter, of both paths."""
    bounds = {int(transitions.paths[own.start]): own for own in transitions.slices()}
    for k, chance in enumerate(compute_swap_probabilities(stretches.evidence).tolist()):
        begins, ends = (
            _sort_steps(crossings, int(at[k])) for at in (stretches.begins, stretches.ends)
        )
        for begin, end in zip(begins, ends, strict=True):
            own = bounds[int(transitions.paths[begin])]
            within = transitions.begins[end] - transitions.ends[begin]
            if 2 * within <= transitions.begins[own.stop - 1] - transitions.ends[own.start]:
                yield begin, end, chance
            else:
                yield own.start, begin, chance
                yield end, own.stop, chance


def _propagate(a: list[int], b: list[int], q: list[float], anchor: int, n: int) -> Float32:
    """Chance ``(C + 1, n)`` that each path still has its name between the crossings."""
    kept = np.ones((len(a) + 1, n), np.float32)
    for direction in (range(anchor, len(a)), range(anchor - 1, -1, -1)):
        mixture = np.eye(n)
        for k in direction:
            x, y = mixture[:, a[k]].copy(), mixture[:, b[k]].copy()
            mixture[:, a[k]], mixture[:, b[k]] = (
                (1 - q[k]) * x + q[k] * y,
                q[k] * x + (1 - q[k]) * y,
            )
            kept[k + 1 if direction.step > 0 else k] = np.diag(mixture)
    return kept


def list_doubtful(
    transitions: PathTransitions,
    crossings: SwapCandidates,
    stretches: SwapIntervals,
    names: Int64,
    least_chance: float,
) -> DoubtfulCrossings:
    """List the crossings that may have gone wrong, one for each contact of two animals, the most doubtful first.

    Parameters
    ----------
    steps, crossings
    stretches : Stretches
        Those of which both ends are doubtful.
    names : ndarray
        ``(n,)`` int64 identity of each path.
    least_chance : float
        Chance of an exchange from which on a contact is listed.
    """
    swap_probabilities = compute_swap_probabilities(crossings.evidence)
    for at in (stretches.begins, stretches.ends):
        np.maximum.at(swap_probabilities, at, compute_swap_probabilities(stretches.evidence))
    some = np.flatnonzero(swap_probabilities > 0)
    x, y = crossings.first[some], crossings.second[some]
    pairs = np.sort(
        np.column_stack([names[transitions.paths[x]], names[transitions.paths[y]]]), axis=1
    )
    begins = np.maximum(np.minimum(transitions.begins[x], transitions.begins[y]), 0)
    latest = np.where(transitions.ends < NEVER, transitions.ends, 0).max(initial=0)
    ends = np.minimum(np.maximum(transitions.ends[x], transitions.ends[y]), latest)
    merged = _merge(np.column_stack([begins, ends, pairs]), swap_probabilities[some])
    table = np.array(merged, np.float64).reshape(-1, 5)
    table = table[(1 - table[:, 4]) / 2 >= least_chance]
    table = table[np.lexsort((table[:, 0], table[:, 4]))]
    whole = table[:, :4].astype(np.int64)
    return DoubtfulCrossings(
        whole[:, 0], whole[:, 1], whole[:, 2:], ((1 - table[:, 4]) / 2).astype(np.float32)
    )


def _merge(spans: Int64, swap_probabilities: Float64) -> list[list[float]]:
    """Contacts as first and last frame, pair, and ``1 - 2 chance``, from crossings of the same that overlap in time."""
    merged: list[list[float]] = []
    for k in np.lexsort((spans[:, 0], spans[:, 3], spans[:, 2])).tolist():
        begin, end, a, b = spans[k].tolist()
        last, flip = merged[-1] if merged else None, 1 - 2 * float(swap_probabilities[k])
        if last and last[2:4] == [a, b] and begin <= last[1]:
            last[1], last[4] = max(last[1], end), last[4] * flip
        else:
            merged.append([begin, end, a, b, flip])
    return merged
