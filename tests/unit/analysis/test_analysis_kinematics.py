"""How animals move, on paths that can be worked out by hand."""

import numpy as np
import pytest

from murid.analysis.kinematics import (
    compute_acceleration,
    compute_body_length,
    compute_distance,
    compute_heading,
    compute_speed,
    compute_steps,
    compute_turns,
)

TIME_S = np.arange(5) / 2  # two frames a second


def make_path(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, float)[:, :, None]


STRAIGHT = make_path((0, 0), (3, 4), (6, 8), (9, 12), (12, 16))


def test_a_straight_line_at_constant_speed():
    np.testing.assert_allclose(compute_speed(STRAIGHT, TIME_S), 10)
    np.testing.assert_allclose(compute_acceleration(STRAIGHT, TIME_S), 0, atol=1e-12)
    np.testing.assert_allclose(compute_steps(STRAIGHT)[:, 0], [np.nan, 5, 5, 5, 5])
    np.testing.assert_allclose(compute_distance(STRAIGHT), [20])


def test_uneven_times():
    """Ten lengths in a second, whether the second is cut in the middle or not."""
    path, time_s = make_path((0, 0), (2.5, 0), (10, 0)), np.array([0, 0.25, 1.0])
    np.testing.assert_allclose(compute_speed(path, time_s), 10)


def test_constant_acceleration():
    path = make_path(*((3 * t**2, 0.0) for t in TIME_S))  # x = a t² / 2 with a = 6
    np.testing.assert_allclose(compute_acceleration(path, TIME_S)[2], 6)


def test_missing_frames_propagate():
    path = STRAIGHT.copy()
    path[2] = np.nan
    np.testing.assert_array_equal(
        np.isnan(compute_steps(path)[:, 0]), [True, False, True, True, False]
    )
    np.testing.assert_array_equal(
        np.isnan(compute_speed(path, TIME_S)[:, 0]), [False, True, False, True, False]
    )
    np.testing.assert_allclose(compute_distance(path), [10])


@pytest.mark.parametrize(
    ("step", "degrees"), [((1, 0), 0), ((0, -1), 90), ((-1, 0), 180), ((0, 1), -90), ((1, -1), 45)]
)
def test_heading_is_counter_clockwise_as_seen(step, degrees):
    path = make_path(*((step[0] * k, step[1] * k) for k in range(5)))
    np.testing.assert_allclose(compute_heading(path, TIME_S), degrees)


def test_no_heading_at_rest_nor_below_the_threshold():
    assert np.isnan(compute_heading(np.zeros((5, 2, 1)), TIME_S)).all()
    assert np.isnan(compute_heading(STRAIGHT, TIME_S, min_speed=10)).all()
    assert np.isfinite(compute_heading(STRAIGHT, TIME_S, min_speed=9.9)).all()


def test_turns_take_the_shorter_way():
    heading = np.array([[170.0], [-170], [-100], [np.nan], [0]])
    np.testing.assert_allclose(compute_turns(heading)[:, 0], [np.nan, 20, 70, np.nan, np.nan])


def test_body_length_is_independent_of_orientation():
    lying, upright, askew = (8.0, 6.0), (6.0, 8.0), (np.sqrt(50), np.sqrt(50))
    assert compute_body_length(make_path(lying, upright, askew)) == pytest.approx(10)
    assert np.isnan(compute_body_length(np.full((4, 2, 2), np.nan)))


@pytest.mark.parametrize("n", [0, 1])
def test_recordings_too_short_for_a_speed(n):
    path, time_s = np.ones((n, 2, 3)), np.arange(n) / 30
    for compute in (compute_speed, compute_acceleration, compute_heading):
        assert np.isnan(compute(path, time_s)).all()
        assert compute(path, time_s).shape == (n, 3)
    assert compute_steps(path).shape == compute_turns(np.ones((n, 3))).shape == (n, 3)
