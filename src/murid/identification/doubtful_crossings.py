"""Doubtful crossings: moments at which two identities may have been swapped, as users see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.clock import to_frames
from murid.core.records import ArrayRecord
from murid.core.types import Float64, Int64
from murid.identification.identity_probability import compute_swap_probabilities
from murid.identification.paths.transitions import NEVER, PathTransitions
from murid.identification.result import DoubtfulCrossings
from murid.identification.swaps.candidates import SwapCandidates
from murid.identification.swaps.intervals import SwapIntervals

# Contacts of the same two animals with at most this gap are one crossing. Two animals that are
# swapped for a shorter time are no lasting error, and in a clip nobody sees it.
MAX_CONTACT_GAP_S = 1.0


def list_doubtful_crossings(
    transitions: PathTransitions,
    candidates: SwapCandidates,
    intervals: SwapIntervals,
    identities: Int64,
    min_swap_probability: float,
    fps: float,
) -> DoubtfulCrossings:
    """Return the crossings at which two animals may have been swapped, the most doubtful first.

    Contacts of the same two animals shortly one after the other are one crossing: nobody can tell
    what was before the first of them from what is between them.

    Parameters
    ----------
    transitions : PathTransitions
    candidates : SwapCandidates
    intervals : SwapIntervals
        Both ends of each are doubtful, unless they are in one crossing.
    identities : ndarray
        ``(n,)`` int64 identity of each path.
    min_swap_probability : float
        Swap probability from which on a crossing is listed.
    fps : float
        Frames per second.
    """
    lasting = compute_swap_probabilities(candidates.terms)
    interval_probabilities = compute_swap_probabilities(intervals.terms)
    # Candidates that are in doubt, by themselves or as an end of an interval.
    probabilities = lasting.copy()
    np.maximum.at(probabilities, intervals.begins, interval_probabilities)
    np.maximum.at(probabilities, intervals.ends, interval_probabilities)
    possible = np.flatnonzero(probabilities > 0)
    contacts = _list_contacts(transitions, candidates.select(possible), identities)
    # Number the crossings, each of one contact or of several with short gaps.
    order = np.lexsort((contacts.begins, contacts.identities_b, contacts.identities_a))
    contacts = contacts.select(order)
    possible = possible[order]
    numbers = _number_crossings(contacts, to_frames(MAX_CONTACT_GAP_S, fps, 1))
    crossing_of = np.full(len(probabilities), -1, np.int64)
    crossing_of[possible] = numbers
    # Only intervals between two crossings count: others are over before the crossing is.
    is_long = crossing_of[intervals.begins] != crossing_of[intervals.ends]
    outer = intervals.select(np.flatnonzero(is_long))
    outer_probabilities = interval_probabilities[is_long]
    probabilities = lasting.copy()
    np.maximum.at(probabilities, outer.begins, outer_probabilities)
    np.maximum.at(probabilities, outer.ends, outer_probabilities)
    interval_frames = _compute_interval_frames(transitions, candidates, outer, outer_probabilities)
    if not len(possible):
        return DoubtfulCrossings.empty()
    # Several independent swaps are none if their number is even, so 1 - 2 p is multiplied.
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    swapped, lasting = (
        (1 - np.multiply.reduceat(1 - 2 * values[possible], starts)) / 2
        for values in (probabilities, lasting)
    )
    found = DoubtfulCrossings(
        contacts.begins[starts],
        np.maximum.reduceat(contacts.ends, starts),
        np.column_stack([contacts.identities_a, contacts.identities_b])[starts],
        swapped.astype(np.float32),
        lasting.astype(np.float32),
        np.maximum.reduceat(interval_frames[possible], starts).astype(np.float32),
    )
    # The most doubtful first; the earliest first if equally doubtful.
    found = found.select(found.swap_probabilities >= min_swap_probability)
    return found.select(np.lexsort((found.first_frames, -found.swap_probabilities)))


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
class _Contacts(ArrayRecord):
    """Contacts of two identities: all fields ``(C,)`` int64, the lower identity first."""

    begins: Int64
    ends: Int64
    identities_a: Int64
    identities_b: Int64


def _list_contacts(
    transitions: PathTransitions, candidates: SwapCandidates, identities: Int64
) -> _Contacts:
    """Return the contact of each swap candidate, with frames within the recording."""
    first = candidates.first
    second = candidates.second
    last_frame = np.where(transitions.ends < NEVER, transitions.ends, 0).max(initial=0)
    begins = np.minimum(transitions.begins[first], transitions.begins[second])
    ends = np.maximum(transitions.ends[first], transitions.ends[second])
    one = identities[transitions.paths[first]]
    other = identities[transitions.paths[second]]
    return _Contacts(
        np.maximum(begins, 0),
        np.minimum(ends, last_frame),
        np.minimum(one, other),
        np.maximum(one, other),
    )


def _number_crossings(contacts: _Contacts, max_gap: float) -> Int64:
    """Return the number ``(C,)`` of the crossing of each contact.

    `contacts` are sorted by their identities and then begins. Contacts of the same two are one
    crossing if they overlap or are at most `max_gap` frames apart.
    """
    if not len(contacts.begins):
        return np.zeros(0, np.int64)
    pairs = np.column_stack([contacts.identities_a, contacts.identities_b])
    is_new_pair = np.append(True, (np.diff(pairs, axis=0) != 0).any(axis=1))
    # The latest end so far of the same pair: later pairs are shifted beyond all frames.
    shifts = np.cumsum(is_new_pair) * (contacts.ends.max() + max_gap + 1)
    latest_ends = np.maximum.accumulate(contacts.ends + shifts)
    is_first = is_new_pair
    is_first[1:] |= (contacts.begins + shifts)[1:] > latest_ends[:-1] + max_gap
    return np.cumsum(is_first) - 1
