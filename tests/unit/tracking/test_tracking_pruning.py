import numpy as np

from murid.core import Detections, TrackedDetections
from murid.tracking import find_likely_tracks, keep_tracks


def make_frame(ids: list[int], scores: list[float]) -> TrackedDetections:
    n = len(ids)
    return TrackedDetections(
        Detections(np.ones((n, 4), np.float32), np.array(scores, np.float32)), np.array(ids, np.int64)
    )


FRAMES = [make_frame([1, 2, -1], [0.9, 0.5, 0.1]), make_frame([], []), make_frame([2, 1, 5], [0.2, 0.1, 0.75])]


def test_tracks_are_judged_by_their_mean_score():
    assert find_likely_tracks(FRAMES, 0.4).tolist() == [1, 5]
    assert find_likely_tracks(FRAMES, 0.6).tolist() == [5]
    assert find_likely_tracks(FRAMES, 0.0).tolist() == [1, 2, 5]
    assert find_likely_tracks(FRAMES, 0.8).tolist() == []


def test_tracks_are_judged_by_the_usual_score():  # 0.49
    assert find_likely_tracks(FRAMES, 0.0, 0.9).tolist() == [1, 5]
    assert find_likely_tracks(FRAMES, 0.0, 0.7).tolist() == [1, 2, 5]
    assert find_likely_tracks(FRAMES, 0.6, 0.7).tolist() == [5]
    assert find_likely_tracks([], 0.4, 0.7).tolist() == []


def test_what_is_left_is_numbered_without_gaps():
    kept = [keep_tracks(frame, np.array([1, 5])) for frame in FRAMES]
    assert [frame.track_ids.tolist() for frame in kept] == [[1, -1, -1], [], [-1, 1, 2]]
    assert kept[0].detections is FRAMES[0].detections
    assert keep_tracks(FRAMES[0], np.zeros(0, np.int64)).track_ids.tolist() == [-1, -1, -1]
