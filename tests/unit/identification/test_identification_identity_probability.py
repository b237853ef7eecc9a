"""Identity probabilities of paths that may have been swapped for an interval."""

from dataclasses import fields, replace

import numpy as np
import pytest

from murid.identification.doubtful_crossings import list_doubtful_crossings
from murid.identification.identity_probability import (
    compute_identity_probabilities,
    compute_swap_probabilities,
    select_swap_intervals,
)
from murid.identification.pairwise_model import load_pairwise_model
from murid.identification.paths.transitions import list_transitions
from murid.identification.swaps.candidates import SwapCandidates
from murid.identification.swaps.intervals import SwapIntervals
from murid.identification.swaps.llr_terms import LlrTerms
from murid.identification.swaps.reassignments import Reassignments
from murid.identification.tracklets import Tracklets


def make_terms(*llrs):
    """Return terms of which appearance alone gives the log-likelihood ratios."""
    none = np.zeros(len(llrs))
    terms = [none] * len(fields(LlrTerms))
    appearance = np.array(llrs, float) / load_pairwise_model().appearance
    return replace(LlrTerms(*terms), appearance=appearance)


def make_certain(n):
    """Return terms of changes that are ruled out."""
    return make_terms(*np.full(n, 240.0))


def make_transitions(lengths):
    """Return transitions of two paths with tracklets of the same times."""
    firsts = np.repeat(np.cumsum([0, *lengths[:-1]]), 2)
    lasts = firsts + np.repeat(lengths, 2) - 1
    offsets = np.append(0, np.cumsum(np.repeat(lengths, 2)))
    tracklets = Tracklets(offsets, np.arange(offsets[-1], dtype=np.int32), firsts, lasts)
    return list_transitions(np.tile([0, 1], len(lengths)), tracklets)


def make_candidates(transitions):
    """Return a swap candidate wherever both paths go from one tracklet to the next."""
    inner = np.flatnonzero(transitions.inner)
    first, second = inner[transitions.paths[inner] == 0], inner[transitions.paths[inner] == 1]
    return SwapCandidates(
        first,
        second,
        make_certain(len(first)),
        transitions.begins[first],
        transitions.ends[first],
    )


def compute_probabilities(transitions, intervals):
    candidates = make_candidates(transitions)
    none = Reassignments(*np.zeros((3, 0), np.int64), LlrTerms.empty())
    found = compute_identity_probabilities(
        transitions,
        candidates,
        none,
        select_swap_intervals(transitions, candidates, intervals),
        np.zeros(len(transitions)),
        2,
    )
    return [found[(transitions.paths == path) & (transitions.successors >= 0)] for path in (0, 1)]


def test_identities_are_uncertain_within_a_swap_interval():
    intervals = SwapIntervals(np.array([0]), np.array([2]), make_terms(3.0))
    swap_probability = compute_swap_probabilities(intervals.terms)[0]
    for path in compute_probabilities(make_transitions([100, 40, 40, 100]), intervals):
        np.testing.assert_allclose(
            path, [1, 1 - swap_probability, 1 - swap_probability, 1], atol=1e-6
        )


def test_identities_are_uncertain_around_a_swap_interval_of_most_of_the_recording():
    intervals = SwapIntervals(np.array([0]), np.array([1]), make_terms(3.0))
    swap_probability = compute_swap_probabilities(intervals.terms)[0]
    for path in compute_probabilities(make_transitions([40, 300, 40]), intervals):
        np.testing.assert_allclose(path, [1 - swap_probability, 1, 1 - swap_probability], atol=1e-6)


def test_a_swap_interval_may_begin_where_one_animal_is_first_seen():
    firsts, lengths = np.array([0, 100, 100, 140, 140]), np.array([100, 40, 40, 200, 200])
    offsets = np.append(0, np.cumsum(lengths))
    tracklets = Tracklets(
        offsets, np.arange(offsets[-1], dtype=np.int32), firsts, firsts + lengths - 1
    )
    # Path 0 has the transitions 0 to 3, path 1 has 4 to 6.
    transitions = list_transitions(np.array([0, 0, 1, 0, 1]), tracklets)
    candidates = SwapCandidates(
        np.array([1, 2]),
        np.array([4, 5]),
        make_certain(2),
        transitions.begins[[1, 2]],
        transitions.ends[[1, 2]],
    )
    intervals = SwapIntervals(np.array([0]), np.array([1]), make_terms(3.0))
    swap_probability, none = compute_swap_probabilities(intervals.terms)[0], np.zeros(0, np.int64)
    found = compute_identity_probabilities(
        transitions,
        candidates,
        Reassignments(none, none, none, LlrTerms.empty()),
        intervals,
        np.zeros(len(transitions)),
        2,
    )
    np.testing.assert_allclose(
        found[[0, 1, 2, 4, 5]], [1, 1 - swap_probability, 1, 1 - swap_probability, 1], atol=1e-6
    )


def test_of_overlapping_swap_intervals_the_likeliest_counts():
    transitions = make_transitions([100, 20, 20, 20, 100])
    intervals = SwapIntervals(np.array([0, 0, 2]), np.array([1, 2, 3]), make_terms(6.0, 3.0, 4.0))
    chosen = select_swap_intervals(transitions, make_candidates(transitions), intervals)
    assert chosen.begins.tolist() == [0, 2]
    assert chosen.ends.tolist() == [2, 3]


@pytest.mark.parametrize(("llr", "n"), [(3.0, 2), (60.0, 0)])
def test_both_ends_of_a_doubtful_swap_interval_are_listed(llr, n):
    transitions = make_transitions([100, 40, 100])
    candidates = make_candidates(transitions)
    intervals = select_swap_intervals(
        transitions, candidates, SwapIntervals(np.array([0]), np.array([1]), make_terms(llr))
    )
    identities = np.array([1, 2])
    crossings = list_doubtful_crossings(transitions, candidates, intervals, identities, 0.01, 10.0)
    assert len(crossings) == n
    # A swap at one end alone is ruled out. Two animals are wrong between the ends, whose begins are
    # 45 frames apart.
    np.testing.assert_allclose(crossings.lasting_probabilities, 0, atol=1e-6)
    lengths = np.diff(np.maximum(transitions.begins[candidates.first], 0))
    expected = 2 * crossings.swap_probabilities * lengths
    np.testing.assert_allclose(crossings.interval_frames, expected, rtol=1e-4)


def test_contacts_shortly_one_after_the_other_are_one_crossing():
    transitions = make_transitions([100, 40, 100])
    # A swap at either of them is possible, and less likely one between them.
    candidates = replace(make_candidates(transitions), terms=make_terms(1.0, 2.0))
    intervals = SwapIntervals(np.array([0]), np.array([1]), make_terms(0.0))
    apart, together = (
        list_doubtful_crossings(transitions, candidates, intervals, np.array([1, 2]), 0.01, fps)
        for fps in (10.0, 100.0)
    )
    assert len(apart) == 2
    assert apart.swap_probabilities.max() == 0.5
    one, two = compute_swap_probabilities(candidates.terms)
    np.testing.assert_allclose(together.swap_probabilities, [one + two - 2 * one * two], rtol=1e-5)
    np.testing.assert_array_equal(together.lasting_probabilities, together.swap_probabilities)
    assert together.interval_frames.tolist() == [0]
    assert together.first_frames.tolist() == [apart.first_frames.min()]
    assert together.last_frames.tolist() == [apart.last_frames.max()]


def test_what_the_appearance_of_whole_paths_tells_is_a_lower_bound():
    transitions = make_transitions([100, 40, 100])
    doubtful = replace(make_candidates(transitions), terms=make_terms(0.0, 0.0))
    none = np.zeros(0, np.int64)
    nothing = (
        Reassignments(none, none, none, LlrTerms.empty()),
        SwapIntervals(none, none, LlrTerms.empty()),
    )
    entries = transitions.successors >= 0
    of_appearance = np.where(entries, 0.8, 0.0)
    found = compute_identity_probabilities(transitions, doubtful, *nothing, of_appearance, 2)
    # Swapped or not with equal odds, but for the tracklets of the anchor.
    without = compute_identity_probabilities(
        transitions, doubtful, *nothing, np.zeros(len(entries)), 2
    )
    assert sorted(set(without[entries].round(3))) == [0.5, 1.0]
    assert sorted(set(found[entries].round(3))) == [0.8, 1.0]
