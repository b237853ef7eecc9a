"""Keypoints interpolated in gaps."""

import numpy as np

from murid.core.keypoints import CENTRE, CONFIDENCE, NOSE, make_unknown_keypoints
from murid.identification.keypoints.gaps import interpolate_keypoints


def make(n=10, unknown=range(3, 7)):
    """An animal that moves by two pixels a frame, unknown in some of them."""
    rows = np.arange(n)
    boxes = np.array([0, 0, 20, 10], np.float32) + 2 * rows[:, None]
    truth = np.ones((n, 3, 3), np.float32)
    truth[:, :, :2] = 2 * rows[:, None, None] + np.array([[18, 5], [10, 5], [2, 5]])
    keypoints = truth.copy()
    keypoints[list(unknown)] = make_unknown_keypoints(len(unknown))
    is_detected = np.ones(n, bool)
    is_detected[list(unknown)] = False
    return rows, boxes.astype(np.float32), truth, keypoints, is_detected


def test_keypoints_of_interpolated_boxes_are_interpolated():
    slots, boxes, truth, keypoints, is_detected = make()
    interpolate_keypoints(slots, boxes, keypoints, is_detected, 1)
    np.testing.assert_allclose(keypoints[:, :, :2], truth[:, :, :2], rtol=1e-6)
    assert (keypoints[3:7, :, CONFIDENCE] == 0).all()
    assert (keypoints[[2, 7], :, CONFIDENCE] == 1).all()


def test_keypoints_stay_on_boxes_that_are_held_to_the_foreground():
    slots, boxes, truth, keypoints, is_detected = make()
    boxes[4] += 50
    interpolate_keypoints(slots, boxes, keypoints, is_detected, 1)
    np.testing.assert_allclose(keypoints[4, :, :2], truth[4, :, :2] + 50, rtol=1e-6)


def test_gaps_without_boxes_and_ends_stay_unknown():
    slots, boxes, _, keypoints, is_detected = make(12, [0, 4, 5, 11])
    slots = slots + 3 * (slots >= 5)
    interpolate_keypoints(slots, boxes, keypoints, is_detected, 100)
    assert np.isnan(keypoints[[0, 4, 5, 11], :, 0]).all()


def test_unknown_points_of_detected_boxes_are_interpolated_in_short_series():
    slots, boxes, truth, keypoints, is_detected = make()
    is_detected[:] = True
    long = keypoints.copy()
    interpolate_keypoints(slots, boxes, keypoints, is_detected, 5)
    np.testing.assert_allclose(keypoints[:, :, :2], truth[:, :, :2], rtol=1e-6)
    interpolate_keypoints(slots, boxes, long, is_detected, 4)
    assert np.isnan(long[3:7, :, :2]).all()


def test_each_keypoint_has_gaps_of_its_own():
    slots, boxes, truth, keypoints, is_detected = make()
    keypoints[:, CENTRE] = [np.nan, np.nan, 0]
    interpolate_keypoints(slots, boxes, keypoints, is_detected, 1)
    assert np.isnan(keypoints[:, CENTRE, :2]).all()
    np.testing.assert_allclose(keypoints[:, NOSE, :2], truth[:, NOSE, :2], rtol=1e-6)
