"""How sure names are where a stretch of two paths may have been exchanged."""

import numpy as np
import pytest

from murid.identification.identity_probability import (
    compute_identity_probabilities,
    compute_swap_probabilities,
    list_doubtful,
    select_swap_intervals,
)
from murid.identification.path_transitions import list_transitions
from murid.identification.swaps import Reassignments, SwapCandidates, SwapIntervals
from murid.identification.tracklets import Tracklets

SURE = np.full(6, 40.0)


def make_steps(lengths):
    """Two paths of as many tracklets, one of each after the other."""
    firsts = np.repeat(np.cumsum([0, *lengths[:-1]]), 2)
    lasts = firsts + np.repeat(lengths, 2) - 1
    offsets = np.append(0, np.cumsum(np.repeat(lengths, 2)))
    tracklets = Tracklets(offsets, np.arange(offsets[-1], dtype=np.int32), firsts, lasts)
    return list_transitions(np.tile([0, 1], len(lengths)), tracklets)


def make_crossings(transitions):
    """Each place where both paths go from one tracklet to the next."""
    inner = np.flatnonzero(transitions.inner)
    first, second = inner[transitions.paths[inner] == 0], inner[transitions.paths[inner] == 1]
    return SwapCandidates(
        first,
        second,
        np.tile(SURE, (len(first), 1)),
        transitions.begins[first],
        transitions.ends[first],
    )


def weigh(evidence):
    return np.array(evidence)[:, None] * np.ones(6) / np.ones(6).sum()


def certain_of(transitions, stretches):
    crossings = make_crossings(transitions)
    none = Reassignments(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 6)))
    found = compute_identity_probabilities(
        transitions, crossings, none, select_swap_intervals(transitions, crossings, stretches), 2
    )
    return [found[(transitions.paths == path) & (transitions.tails >= 0)] for path in (0, 1)]


def test_names_are_unsure_within_a_stretch_that_may_have_been_exchanged():
    stretches = SwapIntervals(np.array([0]), np.array([2]), weigh([3.0]))
    chance = compute_swap_probabilities(stretches.evidence)[0]
    for path in certain_of(make_steps([100, 40, 40, 100]), stretches):
        np.testing.assert_allclose(path, [1, 1 - chance, 1 - chance, 1], atol=1e-6)


def test_names_are_unsure_around_a_stretch_that_is_most_of_the_recording():
    stretches = SwapIntervals(np.array([0]), np.array([1]), weigh([3.0]))
    chance = compute_swap_probabilities(stretches.evidence)[0]
    for path in certain_of(make_steps([40, 300, 40]), stretches):
        np.testing.assert_allclose(path, [1 - chance, 1, 1 - chance], atol=1e-6)


def test_a_stretch_may_begin_where_one_of_the_two_is_first_seen():
    firsts, lengths = np.array([0, 100, 100, 140, 140]), np.array([100, 40, 40, 200, 200])
    offsets = np.append(0, np.cumsum(lengths))
    tracklets = Tracklets(
        offsets, np.arange(offsets[-1], dtype=np.int32), firsts, firsts + lengths - 1
    )
    transitions = list_transitions(
        np.array([0, 0, 1, 0, 1]), tracklets
    )  # path 0 has steps 0 to 3, path 1 steps 4 to 6
    crossings = SwapCandidates(
        np.array([1, 2]),
        np.array([4, 5]),
        np.tile(SURE, (2, 1)),
        transitions.begins[[1, 2]],
        transitions.ends[[1, 2]],
    )
    stretches = SwapIntervals(np.array([0]), np.array([1]), weigh([3.0]))
    chance, none = compute_swap_probabilities(stretches.evidence)[0], np.zeros(0, np.int64)
    found = compute_identity_probabilities(
        transitions, crossings, Reassignments(none, none, np.zeros((0, 6))), stretches, 2
    )
    np.testing.assert_allclose(found[[0, 1, 2, 4, 5]], [1, 1 - chance, 1, 1 - chance, 1], atol=1e-6)


def test_of_stretches_that_overlap_the_likeliest_counts_once():
    transitions = make_steps([100, 20, 20, 20, 100])
    stretches = SwapIntervals(np.array([0, 0, 2]), np.array([1, 2, 3]), weigh([6.0, 3.0, 4.0]))
    chosen = select_swap_intervals(transitions, make_crossings(transitions), stretches)
    assert chosen.begins.tolist() == [0, 2]
    assert chosen.ends.tolist() == [2, 3]


@pytest.mark.parametrize(("evidence", "n"), [(3.0, 2), (60.0, 0)])
def test_both_ends_of_a_doubtful_stretch_are_listed(evidence, n):
    transitions = make_steps([100, 40, 100])
    crossings = make_crossings(transitions)
    stretches = select_swap_intervals(
        transitions, crossings, SwapIntervals(np.array([0]), np.array([1]), weigh([evidence]))
    )
    assert len(list_doubtful(transitions, crossings, stretches, np.array([1, 2]), 0.01)) == n
