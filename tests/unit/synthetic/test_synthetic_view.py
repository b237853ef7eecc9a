from dataclasses import replace

import numpy as np
import pytest

from murid.synthetic.environment import build_environment
from murid.synthetic.view import View


def test_view_from_above_changes_nothing():
    points = np.array([[10.0, 20.0], [300.0, 200.0]])
    projection = View("above", 240, 320).project_points(points)
    np.testing.assert_array_equal(projection.pixels, points)
    np.testing.assert_array_equal(projection.scale_across, projection.scale_along)


@pytest.mark.parametrize("kind", ["tilted", "side"])
def test_far_animals_are_smaller_higher_and_behind(kind):
    view = View(kind, 240, 320)
    projection = view.project_points(np.array([[160.0, 220.0], [160.0, 20.0]]))
    near, far = projection.scale_across
    assert far < near
    assert projection.pixels[1, 1] < projection.pixels[0, 1]
    order = view.sort_by_depth(projection.pixels, np.array([0, 1]))
    np.testing.assert_array_equal(order, [1, 0])


def test_tilted_view_projects_enclosure_and_points_alike():
    environment = build_environment(np.random.default_rng(0), "field", 240, 320, 40)
    marked = environment.enclosure.image.copy()
    marked[98:103, 118:123] = 5.0
    view = View("tilted", 240, 320)
    image = view.project_enclosure(replace(environment.enclosure, image=marked)).image
    y, x = np.unravel_index(image[..., 0].argmax(), image.shape[:2])
    expected = view.project_points(np.array([[120.0, 100.0]])).pixels[0]
    np.testing.assert_allclose((x, y), expected, atol=3)
