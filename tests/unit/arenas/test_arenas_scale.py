"""Scale by two points, by a width and by a checkerboard."""

import numpy as np
import pytest

from murid.arenas.layout import Layout, Region
from murid.arenas.scale import compute_scale, compute_scale_from_width, measure_checkerboard
from murid.errors import ArrayError


def test_scale_by_two_points():
    assert compute_scale([(0, 0), (30, 40)], 25) == pytest.approx(0.5)
    for line in ([(0, 0), (15, 40)], [(10, 0), (35, 0)], [(0, 10), (0, 60)]):
        assert compute_scale(line, 25, pixel_aspect=2.0) == pytest.approx(0.5)
    for points, cm, words in (
        ([(3, 4), (3, 4)], 5, "two points apart, got the same point twice"),
        ([(0, 0), (1, 0)], 0, "a length above 0 cm, got 0 cm"),
    ):
        with pytest.raises(ArrayError, match=words):
            compute_scale(points, cm)
    with pytest.raises(ArrayError, match="cm_per_px: expected a scale above 0, got 0"):
        Layout(100, 60, cm_per_px=0.0)


def test_scale_by_width():
    tilted = Region("field", ((10, 50), (60, 10), (110, 50), (60, 90)))
    assert compute_scale_from_width(tilted, 25) == pytest.approx(0.25)
    assert compute_scale_from_width(tilted, 25, pixel_aspect=2.0) == pytest.approx(0.125)
    pool = Region("pool", circle=(200, 100, 50))
    assert compute_scale_from_width(pool, 120) == pytest.approx(1.2)
    with pytest.raises(ArrayError, match="a length above 0 cm, got -1 cm"):
        compute_scale_from_width(pool, -1)


def test_the_squares_of_a_checkerboard_are_measured():
    side = 30
    squares = np.indices((6, 8)).sum(axis=0) % 2
    board = np.kron(squares, np.ones((side, side))) * 255
    image = np.pad(board, 40, constant_values=255).astype(np.uint8)[..., None].repeat(3, axis=2)
    empty = np.full_like(image, 200)
    measured = measure_checkerboard([empty, image], 7, 5)
    assert measured is not None
    assert measured[0] == pytest.approx(side, abs=0.1)
    assert measured[1] < 0.02
    assert measure_checkerboard([empty], 7, 5) is None
    # Every other column: the pixels are twice as wide as high.
    wide = measure_checkerboard([image[:, ::2].copy()], 7, 5, pixel_aspect=2.0)
    assert wide is not None
    assert wide[0] == pytest.approx(side, abs=0.2)
    assert wide[1] < 0.05
