"""Bidirectional tracks: parts of them, and detections recovered by them."""

import numpy as np

from murid.identification.bidirectional_tracks import recover_detections, split_tracks

FRAMES = np.array([0, 1, 2, 3, 0, 2, 2, 3])
PATHS = np.array([0, -1, -1, 0, 1, -1, 1, 1])
"""Path 0 is on detections 0 and 3, with a gap at frames 1 and 2; path 1 misses frame 1."""


def recover(*track_parts: list[int]) -> dict[int, int]:
    assigned = np.flatnonzero(PATHS >= 0)
    assigned = assigned[np.lexsort((FRAMES[assigned], PATHS[assigned]))]
    recovered, before = recover_detections(
        assigned, PATHS[assigned], FRAMES, PATHS < 0, np.array(track_parts, np.int32)
    )
    return {int(row): int(assigned[gap]) for row, gap in zip(recovered, before, strict=True)}


def test_detections_that_a_track_holds_through_the_gap_are_recovered():
    assert recover([7, 7, 7, 7, 8, 9, 8, 8]) == {1: 0, 2: 0}


def test_a_track_that_was_lost_needs_a_second_one_that_agrees():
    lost = [7, 7, -1, 9, 8, -1, 8, 8]
    assert recover(lost) == {}
    assert recover(lost, lost) == {1: 0}


def test_of_detections_in_one_frame_the_one_with_more_votes_is_recovered():
    assert recover(
        [7, -1, 7, 7, 8, -1, 8, 8], [7, -1, 6, 7, 8, 7, 8, 8], [7, -1, 6, 7, 8, 7, 8, 8]
    ) == {5: 0}


def test_nothing_is_recovered_without_tracks():
    none, frames = np.zeros(0, np.int64), np.array([0, 5])
    assert not len(
        recover_detections(none, none, none, np.zeros(0, bool), np.zeros((2, 0), np.int32))[0]
    )
    no_tracks = np.zeros((0, 2), np.int32)
    assert not len(
        recover_detections(
            np.array([0, 1]), np.zeros(2, np.int64), frames, np.zeros(2, bool), no_tracks
        )[0]
    )


def test_a_track_is_split_where_it_was_lost():
    ids = np.array([[1, 1, 1, 2, 2, -1, 1]])
    frames = np.array([0, 1, 20, 0, 1, 2, 21])
    np.testing.assert_array_equal(split_tracks(ids, frames, 30.0), [[0, 0, 1, 2, 2, -1, 1]])
