import numpy as np
from example_recordings import make_pose_recording, make_recording

from murid.core.keypoints import NOSE, TAIL_BASE
from murid.core.types import DetectionTable, Tracks
from murid.export.tracks_chunk import TracksChunk, iterate_rows
from murid.export.trajectories import iterate_trajectories, to_trajectories


def join(recording):
    parts = [trajectories for _, trajectories in iterate_trajectories(recording)]
    keypoints = np.concatenate([part.keypoints for part in parts])
    return keypoints, np.concatenate([part.keypoint_confidence for part in parts])


def test_each_keypoint_is_that_of_its_animal_and_frame():
    recording = make_pose_recording()
    keypoints, confidence = join(recording)
    assert keypoints.shape == (7, 2, 3, 2)
    n_known = 0
    for rows in iterate_rows(recording):
        for frame, track_id, own in zip(rows.frames, rows.track_ids, rows.keypoints, strict=True):
            animal = [3, 7].index(track_id)
            np.testing.assert_array_equal(keypoints[frame, :, :, animal], own[:, :2].T)
            np.testing.assert_array_equal(confidence[frame, :, animal], own[:, 2])
            n_known += np.isfinite(own[:, 2]).sum()
    assert np.isfinite(confidence).sum() == n_known == 33 - 3 - 1
    assert keypoints[0, :, NOSE, 1].tolist() == np.float32([100, 41.05]).tolist()
    # Unknown keypoints have no confidence, and interpolated ones have 0.
    assert np.isnan(confidence[1, :, 1]).all()
    assert np.isnan(confidence[3, TAIL_BASE, 1])
    assert confidence[4, :, 0].tolist() == [0, 0, 0]


def test_a_recording_without_keypoints_has_none():
    for _, trajectories in iterate_trajectories(make_recording()):
        assert trajectories.keypoints is None
        assert trajectories.keypoint_confidence is None


def test_a_chunk_without_detections_has_keypoints_if_its_recording_has():
    table = DetectionTable(np.zeros((0, 4)), np.zeros(0), None, np.zeros(3))
    empty = TracksChunk(0, np.arange(2.0), Tracks(table, np.zeros(0, np.int64)))
    head, tail = make_pose_recording()
    recording = make_recording(read_chunks=lambda: [empty, head, tail])
    keypoints, _ = join(recording)
    assert keypoints.shape == (9, 2, 3, 2)
    assert np.isnan(keypoints[:2]).all()
    assert to_trajectories(empty, np.array([3]), ["a"]).keypoints is None
