import numpy as np
import pytest

from murid.core import Detections
from murid.tracking import kalman, lifecycle
from murid.tracking.assignment import Matches
from murid.tracking.lifecycle import TrackState

MOTION = kalman.MotionModel.from_noise()
NONE = np.zeros(0, np.int64)


def _bank(states, boxes=None):
    boxes = [[100 * i, 0, 100 * i + 40, 20] for i in range(len(states))] if boxes is None else boxes
    detections = Detections(np.array(boxes, np.float32), np.ones(len(states), np.float32))
    bank = lifecycle.start_tracks(
        lifecycle.empty_bank(), detections, TrackState.TRACKED, 1, 1, MOTION
    )
    bank.states[:] = states
    return bank


def test_start_tracks_appends_and_leaves_the_old_bank():
    old = _bank([TrackState.TRACKED])
    new = lifecycle.start_tracks(
        old,
        Detections(np.ones((2, 4), np.float32).cumsum(1), np.ones(2, np.float32)),
        TrackState.TENTATIVE,
        7,
        9,
        MOTION,
    )
    assert len(old) == 1
    np.testing.assert_array_equal(new.ids, [1, 7, 8])
    np.testing.assert_array_equal(new.states, [1, 0, 0])
    np.testing.assert_array_equal(new.first_frames, [1, 9, 9])


def test_only_tentative_tracks_stand_still():
    bank = _bank([TrackState.TENTATIVE, TrackState.TRACKED, TrackState.LOST])
    bank.means[:, 4:] = 1
    moved = lifecycle.predict(bank, MOTION).means - bank.means
    np.testing.assert_array_equal(moved[0], 0)
    np.testing.assert_allclose(moved[1, :4], [1, 1, 1, 1])
    np.testing.assert_allclose(moved[2, :4], [1, 1, 1, 0])  # a lost track keeps its height


def test_predicted_boxes_have_a_positive_size():
    bank = _bank([TrackState.TRACKED])
    bank.means[:, 6:] = -1000
    predicted = lifecycle.predict(bank, MOTION)
    assert (predicted.means[:, 2:4] > 0).all()


def test_velocity_of_a_lost_track_decays():
    decay = kalman.MotionModel.from_noise(fps=10, velocity_decay_s=0.5)
    bank = _bank([TrackState.LOST])
    bank.means[:, 4] = 10
    for _ in range(10):
        bank = lifecycle.predict(bank, decay)
    assert bank.means[0, 4] == pytest.approx(10 * np.exp(-2))


def test_update_touches_matched_rows_alone():
    bank = _bank([TrackState.LOST, TrackState.TRACKED])
    seen = Detections(np.array([[10, 0, 50, 20]], np.float32), np.ones(1, np.float32))
    matches = Matches(np.array([0]), np.array([0]), np.zeros(1), np.array([1]), NONE)
    after = lifecycle.update(bank, seen, matches, 0.9, 5)
    np.testing.assert_array_equal(after.states, [TrackState.TRACKED, TrackState.TRACKED])
    np.testing.assert_array_equal(after.hits, [2, 1])
    np.testing.assert_array_equal(after.last_frames, [5, 1])
    np.testing.assert_array_equal(after.means[1], bank.means[1])
    assert bank.means[0, 0] < after.means[0, 0] < 30


def test_a_merged_box_hardly_moves_the_track():
    bank = _bank([TrackState.TRACKED])
    seen = Detections(np.array([[20, 0, 80, 40]], np.float32), np.ones(1, np.float32))
    matches = Matches(np.array([0]), np.array([0]), np.zeros(1), NONE, NONE)
    plain, merged = (
        lifecycle.update(bank, seen, matches, 0.9, 2, np.array([m])) for m in (False, True)
    )
    np.testing.assert_array_equal(plain.means, lifecycle.update(bank, seen, matches, 0.9, 2).means)
    moved = [after.means[0, :4] - bank.means[0, :4] for after in (plain, merged)]
    assert (np.abs(moved[1][[0, 1, 3]]) < 0.3 * np.abs(moved[0][[0, 1, 3]])).all()
    assert merged.hits[0] == 2


def test_tracks_move_with_the_camera():
    bank = _bank([TrackState.TRACKED])
    bank.means[0, 4:6] = [3, 1]
    quarter_turn_and_zoom = np.array([[0.0, -2, 5], [2, 0, 7]])
    moved = lifecycle.warp(bank, quarter_turn_and_zoom)
    np.testing.assert_allclose(moved.means[0], [-2 * 10 + 5, 2 * 20 + 7, 2, 2 * 20, -2, 6, 0, 0])
    np.testing.assert_allclose(
        moved.covariances[0, :4, :4],
        4 * bank.covariances[0, :4, :4] * ([1, 1, 0.25, 1] * np.eye(4)),
    )
    assert (np.linalg.eigvalsh(moved.covariances) > 0).all()


def test_boxes_keep_their_size_unless_they_grow():
    bank = _bank([TrackState.TRACKED])
    bank.means[:, 7] = 5
    heights = [
        lifecycle.predict(bank, kalman.MotionModel.from_noise(predict_growth=g)).means[0, 3]
        for g in (True, False)
    ]
    assert heights == [25, 20]


def test_mark_lost():
    bank = _bank([TrackState.TENTATIVE, TrackState.TRACKED, TrackState.LOST, TrackState.TENTATIVE])
    after = lifecycle.mark_lost(bank, np.array([0, 1, 2]))
    np.testing.assert_array_equal(after.ids, [2, 3, 4])
    np.testing.assert_array_equal(
        after.states, [TrackState.LOST, TrackState.LOST, TrackState.TENTATIVE]
    )


def test_remove_expired():
    bank = _bank([TrackState.LOST, TrackState.LOST])
    bank.last_frames[:] = [10, 9]
    np.testing.assert_array_equal(lifecycle.remove_expired(bank, 40, 30).ids, [1])


@pytest.mark.parametrize(("tracked_life", "survivor"), [(5, "lost"), (9, "lost"), (10, "tracked")])
def test_the_younger_duplicate_is_removed_and_of_equals_the_tracked_one(tracked_life, survivor):
    bank = _bank([TrackState.TRACKED, TrackState.LOST], [[0, 0, 40, 20], [1, 0, 41, 20]])
    bank.last_frames[:] = [1 + tracked_life, 10]
    kept = lifecycle.remove_duplicates(bank, 0.15)
    np.testing.assert_array_equal(kept.ids, [1] if survivor == "tracked" else [2])


def test_neighbours_are_not_duplicates():
    bank = _bank([TrackState.TRACKED, TrackState.LOST], [[0, 0, 40, 20], [8, 0, 48, 20]])
    assert len(lifecycle.remove_duplicates(bank, 0.15)) == 2
