import numpy as np

from murid.identification.detection_recovery import recover_detections

FRAMES = np.array([0, 1, 2, 3, 0, 2, 2, 3])
PATHS = np.array([0, -1, -1, 0, 1, -1, 1, 1])
"""Path 0 is on places 0 and 3, with a gap at frames 1 and 2; path 1 misses frame 1."""


def find(*bidirectional_tracks: list[int]) -> dict[int, int]:
    taken = np.flatnonzero(PATHS >= 0)
    taken = taken[np.lexsort((FRAMES[taken], PATHS[taken]))]
    found, before = recover_detections(
        taken, PATHS[taken], FRAMES, PATHS < 0, np.array(bidirectional_tracks, np.int32)
    )
    return {int(place): int(taken[gap]) for place, gap in zip(found, before, strict=True)}


def test_what_a_witness_followed_through_the_gap_is_found():
    assert find([7, 7, 7, 7, 8, 9, 8, 8]) == {1: 0, 2: 0}


def test_half_a_word_is_not_enough_but_two_are():
    lost = [7, 7, -1, 9, 8, -1, 8, 8]
    assert find(lost) == {}
    assert find(lost, lost) == {1: 0}


def test_one_detection_a_frame_the_one_with_more_votes():
    assert find(
        [7, -1, 7, 7, 8, -1, 8, 8], [7, -1, 6, 7, 8, 7, 8, 8], [7, -1, 6, 7, 8, 7, 8, 8]
    ) == {5: 0}


def test_without_witnesses_nothing_is_found():
    none, frames = np.zeros(0, np.int64), np.array([0, 5])
    assert not len(
        recover_detections(none, none, none, np.zeros(0, bool), np.zeros((2, 0), np.int32))[0]
    )
    nobody = np.zeros((0, 2), np.int32)
    assert not len(
        recover_detections(
            np.array([0, 1]), np.zeros(2, np.int64), frames, np.zeros(2, bool), nobody
        )[0]
    )
