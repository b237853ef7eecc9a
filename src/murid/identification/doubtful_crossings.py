"""Doubtful crossings: moments at which two identities may have been swapped, as users see them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from murid.core.records import ArrayRecord
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
    lasting = compute_swap_probabilities(candidates.terms)
    probabilities = lasting.copy()
    interval_probabilities = compute_swap_probabilities(intervals.terms)
    np.maximum.at(probabilities, intervals.begins, interval_probabilities)
    np.maximum.at(probabilities, intervals.ends, interval_probabilities)
    interval_frames = _compute_interval_frames(
        transitions, candidates, intervals, interval_probabilities
    )
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
            1 - 2 * probabilities[possible],
            1 - 2 * lasting[possible],
            interval_frames[possible],
        )
    )
    crossings = crossings.select(crossings.swap_probabilities >= min_swap_probability)
    # The most doubtful first; the earliest first if equally doubtful.
    order = np.lexsort((crossings.begins, crossings.net_unswapped))
    crossings = crossings.select(order)
    return DoubtfulCrossings(
        crossings.begins,
        crossings.ends,
        np.column_stack([crossings.identities_a, crossings.identities_b]),
        crossings.swap_probabilities.astype(np.float32),
        ((1 - crossings.net_lasting) / 2).astype(np.float32),
        crossings.interval_frames.astype(np.float32),
    )


def _compute_interval_frames(
    transitions: PathTransitions,
    candidates: SwapCandidates,
    intervals: SwapIntervals,
    probabilities: Float64,
) -> Float64:
    """Return the expected wrong animal-frames ``(C,)`` of the intervals at each candidate.

    Each interval, of these `probabilities` ``(I,)``, makes two animals wrong from its begin to its
    end, and is decided by an answer at either of them.
    """
    starts = np.maximum(transitions.begins[candidates.first], 0)
    lengths = np.abs(starts[intervals.ends] - starts[intervals.begins])
    wrong = 2 * probabilities * lengths
    frames = np.zeros(len(starts))
    np.maximum.at(frames, intervals.begins, wrong)
    np.maximum.at(frames, intervals.ends, wrong)
    return frames


@dataclass(frozen=True, eq=False, slots=True)
class _PossibleSwaps(ArrayRecord):
    """Possible swaps of two identities: all fields ``(C,)``, int64 but for the last three.

    `net_unswapped` is the probability that the animals are not swapped, less that they are: that of
    several independent swaps is the product of theirs. `net_lasting` is the same of swaps that are
    not undone at the other end of an interval; `interval_frames` are expected wrong animal-frames
    of intervals.
    """

    begins: Int64
    ends: Int64
    identities_a: Int64
    identities_b: Int64
    net_unswapped: Float64
    net_lasting: Float64
    interval_frames: Float64

    @property
    def swap_probabilities(self) -> Float64:
        """``(C,)`` float64."""
        return (1 - self.net_unswapped) / 2


def _merge_overlapping(swaps: _PossibleSwaps) -> _PossibleSwaps:
    """Return crossings, each of all possible swaps of two identities that overlap in time."""
    if not len(swaps.begins):
        return swaps
    swaps = swaps.select(np.lexsort((swaps.begins, swaps.identities_b, swaps.identities_a)))
    pairs = np.column_stack([swaps.identities_a, swaps.identities_b])
    is_new_pair = np.append(True, (np.diff(pairs, axis=0) != 0).any(axis=1))
    # The latest end so far of the same pair: later pairs are shifted beyond all frames.
    shifts = np.cumsum(is_new_pair) * (swaps.ends.max() + 1)
    latest_ends = np.maximum.accumulate(swaps.ends + shifts)
    is_first = is_new_pair.copy()
    is_first[1:] |= (swaps.begins + shifts)[1:] > latest_ends[:-1]
    starts = np.flatnonzero(is_first)
    merged = swaps.select(starts)
    return replace(
        merged,
        ends=np.maximum.reduceat(swaps.ends, starts),
        net_unswapped=np.multiply.reduceat(swaps.net_unswapped, starts),
        net_lasting=np.multiply.reduceat(swaps.net_lasting, starts),
        interval_frames=np.maximum.reduceat(swaps.interval_frames, starts),
    )
