"""Log-likelihood ratios of swaps and owners from point matches."""

import numpy as np
import pytest

from murid.core import Detections, DetectionTable
from murid.identification import link_tracklets
from murid.identification.point_match_score import (
    LLR_PER_POINT,
    MAX_POINT_LLR,
    UNCERTAIN_WEIGHT,
    PointMatchScore,
    TrackletPointMatches,
)
from murid.identification.point_matches import N_VISITS, PointMatches

NONE = -np.ones(N_VISITS - 1, np.int64)
ALONE = np.zeros(4, bool)


def make_matches(successors, ends, predecessors, begins, counts):
    def widen(values):
        return np.column_stack([values, np.tile(NONE, (len(values), 1))])

    return TrackletPointMatches(
        np.array(successors),
        widen(predecessors),
        np.array(ends),
        widen(begins),
        widen(counts).astype(np.float32),
    )


@pytest.mark.parametrize("both_detected", [False, True])
def test_points_that_stay_speak_against_a_swap_and_those_that_change_paths_for_it(both_detected):
    detected = np.ones((2, 100), bool)
    detected[1, :50] = both_detected
    point_matches = make_matches([2, 3], [60, 60], [0, 0], [40, 40], [4.0, 1.0])
    score = PointMatchScore(point_matches, np.array([0, 1, 0, 1]), detected, ALONE)
    llr_per_point = LLR_PER_POINT * (1.0 if both_detected else UNCERTAIN_WEIGHT)
    one, other = np.zeros(4, np.int64), np.ones(4, np.int64)
    llrs = score.compare_swapped(one, other, np.array([39, 40, 59, 60]))
    np.testing.assert_allclose(llrs, [0, 3 * llr_per_point, 3 * llr_per_point, 0])
    np.testing.assert_allclose(score.compare_swapped(other, one, np.full(4, 50)), 3 * llr_per_point)
    # Points count for an interval that begins before them and ends among them, but not for an
    # interval with both ends among them.
    intervals = score.compare_intervals(one[:2], other[:2], np.array([10, 45]), np.array([50, 55]))
    np.testing.assert_allclose(intervals, [3 * llr_per_point, 0])


def test_llrs_are_bounded_and_zero_without_matches():
    detected, paths = np.ones((2, 100), bool), np.array([0, 1, 0, 1])
    query = (np.array([0]), np.array([1]), np.array([50]))
    assert PointMatchScore(
        make_matches([2], [60], [0], [40], [1000.0]), paths, detected, ALONE
    ).compare_swapped(*query) == [MAX_POINT_LLR]
    assert PointMatchScore(TrackletPointMatches.empty(), paths, detected, ALONE).compare_swapped(
        *query
    ) == [0]
    owners = PointMatchScore(
        make_matches([2], [60], [0], [40], [4.0]), paths, detected, ALONE
    ).compare_owners(np.array([2, 3]), *query[:2])
    np.testing.assert_allclose(owners, [4 * LLR_PER_POINT, 0])


def test_points_in_a_merged_box_are_traced_to_before_it():
    """Tracklet 2 is a merged box; its points go on to the tracklets of the animals they were on."""
    predecessors = np.array([[2, 0, *NONE[1:]], [2, 1, *NONE[1:]]])
    begins = np.array([[50, 40, *NONE[1:]]] * 2)
    counts = np.zeros((2, N_VISITS), np.float32)
    counts[:, :2] = 6
    detected = np.ones((2, 100), bool)
    detected[1, 45:55] = False
    score = PointMatchScore(
        TrackletPointMatches(np.array([4, 3]), predecessors, np.array([60, 60]), begins, counts),
        np.array([0, 1, 0, 0, 1]),
        detected,
        np.arange(5) == 2,
    )
    assert score.compare_swapped(np.array([0]), np.array([1]), np.array([47])) == [
        -6.0 * UNCERTAIN_WEIGHT
    ]


@pytest.mark.parametrize("merged_tracklet", [0, 2])
def test_points_in_a_box_that_may_be_merged_count_less(merged_tracklet):
    point_matches = make_matches([2], [60], [0], [40], [4.0])
    paths = np.array([0, 1, 0, 1])
    query = (np.array([0]), np.array([1]), np.array([50]))
    score = PointMatchScore(
        point_matches, paths, np.ones((2, 100), bool), np.arange(4) == merged_tracklet
    )
    assert score.compare_swapped(*query) == [4 * LLR_PER_POINT * UNCERTAIN_WEIGHT]


def make_contact(n_apart=40, n_hidden=8):
    """Two animals that touch half way, are not detected, and part again to the left and right."""
    frames, numbers = [], []
    for t in range(2 * n_apart + n_hidden):
        away = max(n_apart - t, t - n_apart - n_hidden + 1, 0)
        detected = away > 0
        x = 200 + np.array([-1, 1]) * (10 + 2 * away)
        boxes = np.column_stack([x - 20, [80, 80], x + 20, [120, 120]])[
            : 2 if detected else 0
        ].astype(np.float32)
        frames.append(Detections(boxes, np.full(len(boxes), 0.9, np.float32)))
        numbers += [(t, k) for k in range(len(boxes))]
    return DetectionTable.from_frames(frames), numbers


@pytest.mark.parametrize("crossed", [False, True])
def test_tracked_points_decide_whether_animals_changed_sides(crossed):
    table, _ = make_contact()
    last, first = 2 * 40 - 2, 2 * 40
    after = np.array([first, first + 1])
    before = np.array([last + crossed, last + (not crossed)])
    point_matches = PointMatches(
        after,
        np.column_stack([before, np.tile(NONE, (2, 1))]),
        np.full((2, N_VISITS), 12, np.float32),
    )
    found = link_tracklets(table, 2, 25.0, point_matches=point_matches)
    left = [
        found.identity_ids[(found.frames == t) & (found.boxes[:, 0] < 190)][0]
        for t in (0, table.n_frames - 1)
    ]
    assert (left[0] == left[1]) == (not crossed)
