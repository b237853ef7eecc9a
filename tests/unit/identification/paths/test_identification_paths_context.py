"""Merged boxes of two animals, boxes of parts of one, and motion through contacts."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from murid.identification.appearance_models.appearance_model import AppearanceModel
from murid.identification.evidence import TrackletEvidence
from murid.identification.motion import MotionModel, TrackletEnds, find_ends
from murid.identification.paths.context import build_path_context, find_merged_boxes
from murid.identification.paths.transitions import list_transitions
from murid.identification.point_match_score import TrackletPointMatches
from murid.identification.swaps.candidates import find_swap_candidates
from murid.identification.swaps.intervals import compare_intervals
from murid.identification.swaps.reassignments import find_reassignments
from murid.identification.swaps.refinement import refine_paths
from murid.identification.tracklets import Tracklets

FPS = 30.0
SCALES = np.full(2, 0.1)
MOTION = MotionModel(np.array([1.0, 100.0]), SCALES, SCALES, np.full(2, 0.2), 1.0, 50.0, FPS)


def make_evidence(*tracks):
    """Return evidence of tracklets, given by first frame, centres ``(n, 2)`` and being unoccluded.

    Centres are in body lengths.
    """
    lengths = [len(centres) for _, centres, _ in tracks]
    firsts = np.array([first for first, _, _ in tracks])
    tracklets = Tracklets(
        np.append(0, np.cumsum(lengths)), np.arange(sum(lengths)), firsts, firsts + lengths - 1
    )
    centres = np.concatenate([centres for _, centres, _ in tracks])
    shapes = np.concatenate([centres, np.zeros_like(centres)], axis=1).astype(np.float32)
    frames = np.concatenate([first + np.arange(len(own)) for first, own, _ in tracks]).astype(
        np.int32
    )
    unoccluded = np.repeat([is_unoccluded for _, _, is_unoccluded in tracks], lengths)
    appearance = replace(AppearanceModel.uninformative(len(tracks)), counts=np.ones(len(tracks)))
    ends, none = find_ends(shapes, tracklets, FPS), TrackletPointMatches.empty()
    no_tracks = np.zeros((0, len(shapes)), np.int32)
    return TrackletEvidence(
        tracklets,
        shapes,
        frames,
        unoccluded,
        ends,
        MOTION,
        appearance,
        no_tracks,
        none,
    )


def repeat_centre(x, y, n):
    return np.tile([float(x), float(y)], (n, 1))


@pytest.mark.parametrize(("vanishes_at", "is_merged"), [(0.4, True), (1.5, False)])
def test_appearance_of_a_box_in_which_another_animal_vanished_is_not_used(vanishes_at, is_merged):
    evidence = make_evidence(
        (0, repeat_centre(0, 0, 20), True),
        (0, repeat_centre(vanishes_at, 0, 20), True),
        (20, repeat_centre(0, 0, 20), True),
        (40, repeat_centre(0, 0, 20), True),
        (40, repeat_centre(3, 0, 20), True),
    )
    paths = np.array([0, 1, 0, 0, 1])
    expected = np.array([False, False, is_merged, False, False])
    np.testing.assert_array_equal(
        find_merged_boxes(list_transitions(paths, evidence.tracklets), evidence)[0], expected
    )
    own = build_path_context(paths, evidence).evidence
    np.testing.assert_array_equal(own.appearance.counts > 0, ~expected)
    np.testing.assert_array_equal(own.unoccluded, ~expected[evidence.tracklets.numbers])


def test_a_box_out_of_which_another_animal_comes_is_merged():
    evidence = make_evidence(
        (0, repeat_centre(0, 0, 20), True),
        (0, repeat_centre(3, 0, 20), True),
        (20, np.column_stack([np.linspace(0, 3, 20), np.zeros(20)]), True),
        (40, repeat_centre(3.4, 0, 20), True),
        (40, repeat_centre(3, 0, 20), True),
    )
    transitions = list_transitions(np.array([0, 1, 0, 1, 0]), evidence.tracklets)
    merged, occluded = find_merged_boxes(transitions, evidence)
    np.testing.assert_array_equal(np.flatnonzero(merged), [2])
    assert not occluded.any()  # The animal vanished elsewhere.


def test_the_centre_of_a_box_of_a_part_of_an_animal_is_less_certain():
    def compute_llrs(size):
        shapes = np.column_stack([np.zeros(2), np.zeros(2), np.full((2, 2), np.log(size))]).astype(
            np.float32
        )
        found = shapes + np.array([[0.0, 0, 0, 0], [0.6, 0, 0, 0]], np.float32)
        ends = TrackletEnds(found, shapes, np.zeros((2, 2)), np.zeros((2, 2)), np.zeros(2, bool))
        return MOTION.compute_llrs(ends, np.zeros(2, np.int64), np.arange(2), np.full(2, 2))

    whole, part = compute_llrs(0.9), compute_llrs(0.4)
    assert part[0] < whole[0]  # at the same position
    assert part[1] > whole[1] + 1


def test_motion_through_a_contact_does_not_count_for_an_interval_within_it():
    """Two animals pass each other, in several tracklets of which the inner ones are occluded."""

    def cross(side, is_unoccluded):
        y = side * np.array([2.0, 1.0, 0.1, -0.1, -1.0, -2.0])
        parts = [np.column_stack([np.zeros(4), np.linspace(a, b, 4)]) for a, b in pairwise(y)]
        return [(4 * k, part, is_unoccluded or k in (0, 4)) for k, part in enumerate(parts)]

    for is_unoccluded in (False, True):
        both = [
            track
            for pair in zip(cross(1, is_unoccluded), cross(-1, is_unoccluded), strict=True)
            for track in pair
        ]
        context = build_path_context(np.tile([0, 1], 5), make_evidence(*both))
        found = find_swap_candidates(context)
        times = np.maximum(
            context.transitions.begins[found.first], context.transitions.begins[found.second]
        )
        first, last = (np.flatnonzero(times == t)[:1] for t in (3, 15))
        interval = compare_intervals(context, found, first, last)
        direct = found.terms.contact_motion[first] + found.terms.contact_motion[last]
        assert abs(direct[0]) > 1
        np.testing.assert_allclose(interval.terms.contact_motion, direct if is_unoccluded else 0)


@pytest.mark.parametrize(("pause", "is_merged"), [(30, True), (200, False)])
def test_animals_that_vanished_long_ago_are_not_in_a_box_at_the_same_place(pause, is_merged):
    """In a shelter, all animals vanish and appear at one place."""
    first = 20 + pause
    evidence = make_evidence(
        (0, repeat_centre(0, 0, 20), True),
        (first, repeat_centre(0, 0, 20), True),
        (2 * first, repeat_centre(5, 0, 20), True),
    )
    transitions = list_transitions(np.array([0, 1, 0]), evidence.tracklets)
    assert find_merged_boxes(transitions, evidence)[0].tolist() == [False, is_merged, False]


def test_consecutive_tracklets_are_reassigned_together():
    """An animal of path 0 that rests at (5, 0) is seen as two tracklets, in the gap of path 1."""
    evidence = make_evidence(
        (0, repeat_centre(0, 0, 20), True),
        (0, repeat_centre(5, 0, 20), True),
        (40, repeat_centre(5, 0, 20), True),
        (60, repeat_centre(5, 0, 20), True),
        (100, repeat_centre(0, 0, 20), True),
        (100, repeat_centre(5, 0, 20), True),
    )
    paths = np.array([0, 1, 0, 0, 0, 1])
    context = build_path_context(paths, evidence)
    found = find_reassignments(context)
    transitions = context.transitions
    runs = {
        (
            int(transitions.successors[entry]),
            int(transitions.predecessors[leave]),
            int(transitions.paths[gap]),
        ): llr
        for entry, leave, gap, llr in zip(
            found.entries, found.exits, found.gaps, found.llrs, strict=True
        )
    }
    assert set(runs) == {(2, 2, 1), (3, 3, 1), (2, 3, 1)}
    # Either of the two alone is held by the other one.
    assert runs[2, 3, 1] < min(-1, runs[2, 2, 1], runs[3, 3, 1])
    assert refine_paths(paths, evidence).tolist() == [0, 1, 1, 1, 0, 1]
