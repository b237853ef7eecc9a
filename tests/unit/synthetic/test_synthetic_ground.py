import numpy as np
import pytest

from murid.synthetic.ground import Ground

RECTANGLE = Ground((100.0, 80.0), (60.0, 40.0))
ELLIPSE = Ground((100.0, 80.0), (60.0, 40.0), elliptic=True)


@pytest.mark.parametrize("ground", [RECTANGLE, ELLIPSE])
def test_sampled_and_confined_points_are_inside(ground):
    rng = np.random.default_rng(0)
    sampled = ground.sample_points(rng, 200, margin_px=10)
    np.testing.assert_allclose(ground.confine(sampled, 10), sampled)
    confined = ground.confine(rng.uniform(-300, 300, (200, 2)), 10)
    np.testing.assert_allclose(ground.confine(confined, 10), confined)
    assert (np.abs(confined - ground.centre) <= np.array(ground.half_size) - 10 + 1e-9).all()


def test_ellipse_has_no_corners():
    corner = np.array([[155.0, 115.0]])
    np.testing.assert_array_equal(RECTANGLE.confine(corner), corner)
    assert np.linalg.norm((ELLIPSE.confine(corner) - 100) * [1, 0] / 60) < 0.8


@pytest.mark.parametrize("ground", [RECTANGLE, ELLIPSE])
def test_following_the_wall_stays_beside_it_and_goes_around(ground):
    point = ground.sample_points(np.random.default_rng(1), 1)[0]
    visited = []
    for _ in range(60):
        point = ground.follow_wall(point, 8.0, margin_px=5)
        visited.append(point)
    offset = (np.array(visited) - ground.centre) / (np.array(ground.half_size) - 5)
    reach = np.linalg.norm(offset, axis=1) if ground.elliptic else np.abs(offset).max(axis=1)
    np.testing.assert_allclose(reach, 1)
    assert np.ptp(np.arctan2(offset[:, 1], offset[:, 0])) > 5
