"""Doubtful crossings: moments at which two identities may have been swapped, as users see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.types import Float64, Int64
from murid.identification.identity_probability import compute_swap_probabilities
from murid.identification.paths.transitions import NEVER, PathTransitions
from murid.identification.result import DoubtfulCrossings
from murid.identification.swaps.candidates import SwapCandidates
from murid.identification.swaps.intervals import SwapIntervals


def list_doubtful_crossings(
    transitions: PathTransitions,
    candidates: SwapCandidates,
    intervals: SwapIntervals,
    identities: Int64,
    min_swap_probability: float,
) -> DoubtfulCrossings:
    """Return the crossings at which two animals may have been swapped, the most doubtful first.

    Parameters
    ----------
    transitions : PathTransitions
    candidates : SwapCandidates
    intervals : SwapIntervals
        Both ends of each are doubtful.
    identities : ndarray
        ``(n,)`` int64 identity of each path.
    min_swap_probability : float
        Swap probability from which on a crossing is listed.
    """
    probabilities = compute_swap_probabilities(candidates.terms)
    interval_probabilities = compute_swap_probabilities(intervals.terms)
    np.maximum.at(probabilities, intervals.begins, interval_probabilities)
    np.maximum.at(probabilities, intervals.ends, interval_probabilities)
    possible = np.flatnonzero(probabilities > 0)
    first = candidates.first[possible]
    second = candidates.second[possible]
    # Frames of the transitions, within the recording.
    begins = np.maximum(np.minimum(transitions.begins[first], transitions.begins[second]), 0)
    last_frame = np.where(transitions.ends < NEVER, transitions.ends, 0).max(initial=0)
    ends = np.minimum(np.maximum(transitions.ends[first], transitions.ends[second]), last_frame)
    first_identities = identities[transitions.paths[first]]
    second_identities = identities[transitions.paths[second]]
    crossings = _merge_overlapping(
        _PossibleSwaps(
            begins,
            ends,
            np.minimum(first_identities, second_identities),
            np.maximum(first_identities, second_identities),
            probabilities[possible],
        )
    )
    # The most doubtful first; the earliest first if equally doubtful.
    crossings = [c for c in crossings if c.swap_probability >= min_swap_probability]
    crossings.sort(key=lambda crossing: (crossing.net_unswapped, crossing.first_frame))
    pairs = [(crossing.identity_a, crossing.identity_b) for crossing in crossings]
    return DoubtfulCrossings(
        np.array([crossing.first_frame for crossing in crossings], np.int64),
        np.array([crossing.last_frame for crossing in crossings], np.int64),
        np.array(pairs, np.int64).reshape(-1, 2),
        np.array([crossing.swap_probability for crossing in crossings], np.float32),
    )


@dataclass(frozen=True, eq=False, slots=True)
class _PossibleSwaps:
    """Possible swaps of two identities: all fields ``(C,)``, int64 but for the probabilities."""

    begins: Int64
    ends: Int64
    identities_a: Int64
    identities_b: Int64
    probabilities: Float64


@dataclass(eq=False, slots=True)
class _Crossing:
    """Possible swaps of the same two identities that overlap in time."""

    first_frame: int
    last_frame: int
    identity_a: int
    identity_b: int
    net_unswapped: float
    """Probability that the animals are not swapped, less that they are: the product of those of
    independent swaps."""

    @property
    def swap_probability(self) -> float:
        return (1 - self.net_unswapped) / 2


def _merge_overlapping(swaps: _PossibleSwaps) -> list[_Crossing]:
    """Return crossings, each of all possible swaps of two identities that overlap in time."""
    crossings: list[_Crossing] = []
    order = np.lexsort((swaps.begins, swaps.identities_b, swaps.identities_a))
    for row in order.tolist():
        crossing = _Crossing(
            int(swaps.begins[row]),
            int(swaps.ends[row]),
            int(swaps.identities_a[row]),
            int(swaps.identities_b[row]),
            1 - 2 * float(swaps.probabilities[row]),
        )
        last = crossings[-1] if crossings else None
        if (
            last is not None
            and (last.identity_a, last.identity_b) == (crossing.identity_a, crossing.identity_b)
            and crossing.first_frame <= last.last_frame
        ):
            last.last_frame = max(last.last_frame, crossing.last_frame)
            last.net_unswapped *= crossing.net_unswapped
        else:
            crossings.append(crossing)
    return crossings
