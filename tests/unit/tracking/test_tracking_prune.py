import numpy as np

from murid.core import Detections, TrackedDetections, Tracks
from murid.tracking import find_likely_tracks, select_tracks


def make_tracks(*frames: tuple[list[int], list[float]]) -> Tracks:
    return Tracks.from_frames(
        [
            TrackedDetections(
                Detections(np.ones((len(ids), 4), np.float32), np.array(scores, np.float32)),
                np.array(ids, np.int64),
            )
            for ids, scores in frames
        ]
    )


CHUNKS = [
    make_tracks(([1, 2, -1], [0.9, 0.5, 0.1]), ([], [])),
    make_tracks(([2, 1, 5], [0.2, 0.1, 0.75])),
]


def test_tracks_are_judged_by_their_mean_score():
    assert find_likely_tracks(CHUNKS, 0.4).tolist() == [1, 5]
    assert find_likely_tracks(CHUNKS, 0.6).tolist() == [5]
    assert find_likely_tracks(CHUNKS, 0.0).tolist() == [1, 2, 5]
    assert find_likely_tracks(CHUNKS, 0.8).tolist() == []


def test_tracks_are_judged_relative_to_the_overall_mean():  # 0.49
    assert find_likely_tracks(CHUNKS, 0.0, 0.9).tolist() == [1, 5]
    assert find_likely_tracks(CHUNKS, 0.0, 0.7).tolist() == [1, 2, 5]
    assert find_likely_tracks(CHUNKS, 0.6, 0.7).tolist() == [5]
    assert find_likely_tracks([], 0.4, 0.7).tolist() == []


def test_selected_tracks_are_renumbered_without_gaps():
    kept = [select_tracks(tracks, np.array([1, 5])) for tracks in CHUNKS]
    assert [tracks.track_ids.tolist() for tracks in kept] == [[1, -1, -1], [-1, 1, 2]]
    assert kept[0].detections is CHUNKS[0].detections
    assert select_tracks(CHUNKS[0], np.zeros(0, np.int64)).track_ids.tolist() == [-1, -1, -1]
