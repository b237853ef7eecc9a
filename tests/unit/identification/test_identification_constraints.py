"""Certain evidence: what a change of the paths breaks, where tracklets are cut."""

import numpy as np
import pytest
from test_identification_linker import FPS, make_paths, make_table

from murid.identification import link_tracklets, linker
from murid.identification.constraints import (
    CERTAIN_LLR,
    DetectionPairs,
    IdentityConstraints,
    Source,
    TrackletPairs,
)
from murid.identification.paths.transitions import list_transitions
from murid.identification.swaps import constraint_terms
from murid.identification.tracklets import Tracklets


def make_pairs(rows, same, is_local=True):
    n = len(rows)
    return DetectionPairs(
        np.array(rows, np.int64), np.array(same, bool), np.full(n, is_local), np.arange(1, n + 1)
    )


def make_tracklets(n_paths, n_per_path, rng):
    """Return tracklets of several paths that begin at random times, and their paths."""
    firsts = np.sort(rng.choice(1000, n_paths * n_per_path, replace=False))
    paths = np.tile(np.arange(n_paths), n_per_path)
    tracklets = Tracklets(
        np.arange(len(firsts) + 1), np.arange(len(firsts), dtype=np.int32), firsts, firsts
    )
    return tracklets, rng.permuted(paths)


class Context:
    """What the terms read of a path context."""

    def __init__(self, transitions, constraints):
        self.transitions = transitions
        self.evidence = type("Evidence", (), {"constraints": constraints})


@pytest.mark.parametrize("seed", range(20))
def test_terms_count_the_constraints_that_each_change_breaks(seed):
    rng = np.random.default_rng(seed)
    tracklets, paths = make_tracklets(3, 8, rng)
    transitions = list_transitions(paths, tracklets)
    pairs = rng.integers(0, len(paths), (6, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    same = rng.random(len(pairs)) < 0.5
    constraints = TrackletPairs(pairs, same, np.ones(len(pairs), bool), np.arange(len(pairs)))
    context = Context(transitions, constraints)
    n_broken = constraints.find_broken(paths).sum()

    def expect(new_paths):
        return CERTAIN_LLR * (constraints.find_broken(new_paths).sum() - n_broken)

    def swap_tails(own_paths, first, second):
        new_paths = own_paths.copy()
        one, other = transitions.paths[first], transitions.paths[second]
        for own, transition, target in ((one, first, other), (other, second, one)):
            tail = np.flatnonzero(transitions.paths == own)
            tail = transitions.successors[tail[tail >= transition]]
            new_paths[tail[tail >= 0]] = target
        return new_paths

    slices = list(transitions.slices())
    for _ in range(10):
        one, other = rng.choice(3, 2, replace=False)
        begin, end = (
            np.sort(rng.integers(slices[k].start, slices[k].stop, 2)) for k in (one, other)
        )
        first, second = np.array([begin[0]]), np.array([end[0]])
        swapped = swap_tails(paths, begin[0], end[0])
        assert constraint_terms.compare_swaps(context, first, second) == expect(swapped)
        within = constraint_terms.compare_swaps_within(
            context, (first, np.array([begin[1]])), (second, np.array([end[1]]))
        )
        inner = swap_tails(paths, begin[0], end[0])
        for own, bounds, target in ((one, begin, other), (other, end, one)):
            after = transitions.successors[bounds[1] : slices[own].stop]
            inner[after[after >= 0]] = own
            between = transitions.successors[bounds[0] : bounds[1]]
            inner[between[between >= 0]] = target
        assert within == expect(inner)
        moved = paths.copy()
        run = transitions.successors[begin[0] : begin[1]]
        moved[run[run >= 0]] = other
        exits = np.array([begin[1]])
        assert constraint_terms.compare_moves(context, first, exits, second) == expect(moved)
        tails = constraint_terms.exchange_tails(transitions, first, second)
        changed = constraints.find_broken(paths) != constraints.find_broken(swapped)
        assert constraint_terms.list_flipped(context, tails) == [
            frozenset(np.flatnonzero(changed).tolist())
        ]


def find_row(table, frame, animal):
    """Return the row of an animal, counted from the left, where all are detected."""
    start, stop = table.frame_offsets[frame : frame + 2]
    return int(start + np.argsort(table.boxes[start:stop, 0])[animal])


def swap_at(table, frame):
    """Return constraints by which two animals change places within their tracklets."""
    before = [find_row(table, frame - 1, k) for k in (0, 1)]
    after = [find_row(table, frame, k) for k in (0, 1)]
    rows = [[before[0], after[1]], [before[1], after[0]], *zip(before, after, strict=True)]
    return IdentityConstraints(make_pairs(rows, [True, True, False, False]))


def list_from_left(found, frame):
    own = np.flatnonzero(found.frames == frame)
    return found.identity_ids[own[np.argsort(found.boxes[own, 0])]].tolist()


def test_a_swap_within_tracklets_cuts_them_at_its_frame():
    table = make_table(make_paths(0, 200, 3))
    found = link_tracklets(table, 3, FPS, constraints=swap_at(table, 120))
    assert [list_from_left(found, frame) for frame in (0, 119, 120, 199)] == [
        [1, 2, 3],
        [1, 2, 3],
        [2, 1, 3],
        [2, 1, 3],
    ]
    assert found.unmet_lines == ()
    changed = (found.frames >= 120) & (found.identity_ids != 3)
    np.testing.assert_array_equal(found.sources == Source.CORRECTION, changed)


def test_constraints_that_agree_with_the_program_change_nothing(monkeypatch):
    def refuse(*_arguments):
        raise AssertionError("the paths are searched again")

    monkeypatch.setattr(linker, "change_paths", refuse)
    table = make_table(make_paths(1, 200, 3))
    plain = link_tracklets(table, 3, FPS)
    rows = [[find_row(table, 10, k), find_row(table, 180, k)] for k in range(3)]
    constraints = IdentityConstraints(make_pairs(rows, [True] * 3))
    found = link_tracklets(table, 3, FPS, constraints=constraints)
    np.testing.assert_array_equal(found.identity_ids, plain.identity_ids)
    np.testing.assert_array_equal(found.rows, plain.rows)
    assert not found.sources.any()


def test_anchors_number_the_identities_and_a_named_detection_is_certain():
    table = make_table(make_paths(2, 100, 3))
    anchors = np.array([find_row(table, 50, k) for k in (0, 1, 2)])
    constraints = IdentityConstraints(
        anchor_rows=anchors, anchor_numbers=np.array([3, 1, 2]), looked_at=anchors[:1]
    )
    found = link_tracklets(table, 3, FPS, constraints=constraints)
    assert list_from_left(found, 0) == [3, 1, 2]
    looked_at = found.rows == anchors[0]
    assert found.identity_probabilities[looked_at] == 1
    assert found.sources[looked_at] == Source.PERSON


def test_dropped_detections_are_no_animals_and_shown_ones_are_whatever_their_score():
    paths = make_paths(3, 60, 2)
    scores = np.array([0.9, 0.9])
    table = make_table(paths, scores=scores)
    low = np.array([find_row(table, frame, 1) for frame in range(60)])
    table.scores[low] = 0.01
    plain = link_tracklets(table, 2, FPS)
    assert not np.isin(low, plain.rows).any()
    shown = IdentityConstraints(make_pairs([[low[0], low[k]] for k in range(1, 60)], [True] * 59))
    found = link_tracklets(table, 2, FPS, constraints=shown)
    assert np.isin(low, found.rows).all()
    dropped = IdentityConstraints(dropped=np.arange(30))
    found = link_tracklets(table, 2, FPS, constraints=dropped)
    assert not np.isin(np.arange(30), found.rows).any()


def test_renumbered_constraints_lose_the_detections_that_are_left_out():
    constraints = IdentityConstraints(
        make_pairs([[0, 1], [1, 2]], [True, False]),
        np.array([0, 2]),
        np.array([4, 5]),
        np.array([1, 2]),
        np.array([2]),
    )
    new = constraints.renumber(np.array([5, 6, -1]), -3)
    assert new.pairs.rows.tolist() == [[5, 6]]
    assert new.pairs.same.tolist() == [True]
    assert new.anchor_rows.tolist() == [5]
    assert new.anchor_numbers.tolist() == [1]
    assert new.looked_at.tolist() == [6]
    assert new.dropped.tolist() == []
