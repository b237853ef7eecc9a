"""Body heading, angular speed and orientation, on scenes that can be worked out by hand."""

import numpy as np
import pytest
from pose_trajectories import walk

from murid.analysis.pose import (
    Pose,
    compute_angular_speed,
    compute_body_heading,
    compute_facing_angle,
    find_nose_following,
    find_oriented,
)

ORIGIN = np.zeros(2)


@pytest.mark.parametrize(
    ("nose", "heading_deg"),
    [((3, 0), 0), ((0, -3), 90), ((-3, 0), 180), ((0, 3), -90), ((2, -2), 45), ((0, 0), np.nan)],
)
def test_the_body_heading_points_to_the_nose(nose, heading_deg):
    assert compute_body_heading(np.array(nose, float), ORIGIN) == pytest.approx(
        heading_deg, nan_ok=True
    )


def test_headings_have_the_shape_of_the_points():
    points = np.random.default_rng(0).normal(size=(5, 3, 2))
    points[1, 2] = np.nan
    heading_deg = compute_body_heading(points, np.zeros_like(points))
    assert heading_deg.shape == (5, 3)
    assert np.argwhere(np.isnan(heading_deg)).tolist() == [[1, 2]]


@pytest.mark.parametrize("turn_deg", [6, -6])
def test_angular_speed_is_steady_through_180_degrees(turn_deg):
    """90 degrees a second, once round."""
    time_s = np.arange(61) / 15
    heading_deg = ((turn_deg * np.arange(61) + 180) % 360 - 180)[:, None]
    np.testing.assert_allclose(compute_angular_speed(heading_deg, time_s), 90)


def test_angular_speed_is_not_known_beside_missing_headings():
    heading_deg = np.arange(9.0)[:, None]
    heading_deg[4] = np.nan
    speed = compute_angular_speed(heading_deg, np.arange(9.0))[:, 0]
    assert np.flatnonzero(np.isnan(speed)).tolist() == [3, 4, 5]
    np.testing.assert_allclose(speed[[0, 2, 6, 8]], 1)


def test_no_turn_goes_across_a_gap():
    heading_deg = np.array([10, 10, np.nan, 100, 100.0])[:, None]
    is_gap = np.array([False, False, True, False, False])
    speed = compute_angular_speed(heading_deg, np.array([0, 1, 2, 50, 51.0]), is_gap)[:, 0]
    np.testing.assert_allclose(speed[[0, 1, 3, 4]], 0, atol=1e-9)


def test_facing_angles():
    targets = np.array([[5.0, 0], [0, -5], [-5, 0], [0, 5], [0, 0]])
    facing_deg = compute_facing_angle(np.full(5, 30.0), np.zeros((5, 2)), targets)
    np.testing.assert_allclose(facing_deg, [30, 60, 150, 120, np.nan])
    # Headings on both sides of 180 degrees.
    across = compute_facing_angle(np.array([175.0]), np.zeros((1, 2)), np.array([[-5.0, 0.1]]))
    assert across == pytest.approx(5, abs=2)


def test_a_target_has_to_be_near_and_ahead():
    nose = np.zeros((4, 2))
    target = np.array([[5.0, 0], [11, 0], [-5, 0], [5, 4.9]])
    oriented = find_oriented(np.zeros(4), nose, target, max_distance=10, max_angle_deg=45)
    assert oriented.tolist() == [True, False, False, True]
    unknown = find_oriented(np.array([np.nan]), nose[:1], target[:1], 10, 45)
    assert not unknown.any()


TIME_S = np.arange(20) / 10


@pytest.mark.parametrize(
    ("follower", "leader", "headings", "follows"),
    [
        (walk((0, 0), (1, 0), 20), walk((50, 0), (1, 0), 20), (0, 0), True),
        (walk((50, 0), (1, 0), 20), walk((0, 0), (1, 0), 20), (0, 0), False),  # it leads
        (walk((0, 0), (1, 0), 20), walk((130, 0), (1, 0), 20), (0, 0), False),  # too far
        (walk((0, 0), (1, 0), 20), walk((50, 0), (0, 0), 20), (0, 0), False),  # the other rests
        (walk((0, 0), (1, 0), 20), walk((50, 0), (-1, 0), 20), (0, 0), False),  # backwards
        (walk((0, 0), (1, 0), 20), walk((50, 0), (1, 0), 20), (90, 0), False),  # looks elsewhere
        (walk((0, 0), (1, 0), 20), walk((50, 0), (1, 0), 20), (0, 180), False),  # meets its nose
        (walk((0, 0), (1, 0), 20), walk((0, 15), (1, 0), 20), (0, 0), False),  # side by side
    ],
)
def test_following_the_tail_base(follower, leader, headings, follows):
    directions = [
        np.array([np.cos(angle), -np.sin(angle)]) for angle in np.radians(headings).tolist()
    ]
    found = find_nose_following(
        follower,
        leader,
        (follower + 20 * directions[0], np.full(20, float(headings[0]))),
        (leader - 20 * directions[1], np.full(20, float(headings[1]))),
        TIME_S,
        max_distance=60,
        min_speed=5,
        max_angle_deg=45,
    )
    assert found.tolist() == [follows] * 20


def test_short_gaps_of_keypoints_are_interpolated_and_long_ones_stay():
    keypoints = np.zeros((40, 2, 3, 1))
    keypoints[:, 0, :, 0] = [20, 10, 0]
    keypoints[:, 0] += np.arange(40)[:, None, None]
    keypoints[5:7] = np.nan
    keypoints[20:30] = np.nan
    pose = Pose.compute(
        keypoints,
        np.arange(40) / 10,
        max_gap_s=0.4,
        smooth_s=0.0,
        interval_s=0.1,
        is_gap=np.zeros(40, bool),
    )
    np.testing.assert_allclose(pose.keypoints_px[5:7, 0, 0, 0], [25, 26])
    missing = np.isnan(pose.body_heading_deg[:, 0])
    assert np.flatnonzero(missing).tolist() == list(range(20, 30))


def test_keypoints_are_smoothed():
    rng = np.random.default_rng(0)
    keypoints = np.full((300, 2, 3, 2), 100.0) + np.array([20.0, 0, -20])[:, None]
    keypoints += rng.normal(0, 1, keypoints.shape)
    smoothed = Pose.compute(
        keypoints,
        np.arange(300) / 30,
        max_gap_s=0.0,
        smooth_s=0.5,
        interval_s=1 / 30,
        is_gap=np.zeros(300, bool),
    )
    errors = smoothed.keypoints_px - keypoints.mean(axis=0)
    assert errors.std() < 0.5
    np.testing.assert_allclose(smoothed.keypoints_px.mean(axis=0), keypoints.mean(axis=0), atol=0.1)
