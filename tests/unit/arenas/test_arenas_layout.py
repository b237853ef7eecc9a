"""Arenas, zones and ignored regions, and errors for invalid ones."""

import numpy as np
import pytest

from murid.analysis.space import compute_occupancy, compute_wall_distance, find_hidden, find_inside
from murid.analysis.units import Length
from murid.arenas.layout import Arena, Layout, Region, Zone
from murid.errors import ArrayError, ConfigError

SQUARE = ((10.0, 10.0), (50.0, 10.0), (50.0, 50.0), (10.0, 50.0))
RIGHT = ((60.0, 10.0), (90.0, 10.0), (90.0, 50.0), (60.0, 50.0))


def test_inside_and_distance_from_the_wall():
    square, disc = Region("a", SQUARE), Region("b", circle=(30, 30, 20))
    position = np.array([[[30.0, 12, 5, np.nan]], [[30.0, 30, 30, 30]]]).transpose(1, 0, 2)
    assert find_inside(square, position)[0].tolist() == [True, True, False, False]
    assert find_inside(disc, position)[0].tolist() == [True, True, False, False]
    np.testing.assert_allclose(compute_wall_distance(square, position)[0], [20, 2, 5, np.nan])
    np.testing.assert_allclose(compute_wall_distance(disc, position)[0], [20, 2, 5, np.nan])


def test_every_point_is_in_one_arena_or_none():
    layout = Layout(
        100, 60, (Arena("l", SQUARE), Arena("r", RIGHT)), ignored=(Region("x", circle=(15, 15, 3)),)
    )
    points = np.array([[30.0, 30], [70, 30], [55, 30], [15, 15], [np.nan, 3]])
    assert layout.locate(points).tolist() == [0, 1, -1, -1, -1]
    assert Layout(100, 60).locate(points[:3]).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Region("bow", ((0, 0), (10, 10), (10, 0), (0, 10))),
            r"bow.polygon: .*do not cross.*Self-intersection",
        ),
        (lambda: Region("line", ((0, 0), (10, 10), (20, 20))), "line.polygon"),
        (
            lambda: Region("two", ((0, 0), (10, 10))),
            "two.polygon: expected 3 or more corners, got 2",
        ),
        (lambda: Region("dot", circle=(3, 3, 0)), "dot.circle: expected a radius above 0, got 0"),
        (lambda: Region("none"), "none: expected a polygon or a circle, got neither"),
        (lambda: Region("far", circle=(np.inf, 3, 2)), "far: expected pixels of at most"),
        (
            lambda: Zone("den", circle=(3, 3, 2), kind="den"),
            "den.kind: expected zone or nest or shelter",
        ),
        (lambda: Arena("a", SQUARE, animals=0), "a.animals: expected 1 or more, got 0"),
        (
            lambda: Layout(100, 60, zones=(Zone("z", circle=(200, 30, 5)),)),
            "z: .*image of 100x60 .*100% of it outside",
        ),
        (
            lambda: Layout(100, 60, (Arena("a", SQUARE), Arena("b", SQUARE))),
            "a, b: expected arenas that do not overlap",
        ),
        (
            lambda: Layout(100, 60, (Arena("a", SQUARE), Arena("a", RIGHT))),
            "arena.name: expected every name once",
        ),
        (
            lambda: Layout(
                100, 60, (Arena("a", SQUARE),), (Zone("z", circle=(80, 30, 5), arena="a"),)
            ),
            "z: expected a region within arena a",
        ),
        (
            lambda: Layout(
                100, 60, (Arena("a", SQUARE),), (Zone("z", circle=(30, 30, 5), arena="b"),)
            ),
            "z.arena: expected one of a, got 'b'",
        ),
    ],
)
def test_invalid_layouts_are_refused(make, words):
    with pytest.raises(ArrayError, match=words):
        make()


def test_an_arena_may_reach_a_little_beyond_the_image():
    Layout(100, 60, (Arena("a", circle=(50, 30, 35)),))


def test_occupancy_counts_seconds():
    position = np.array([[5.0, 5], [15, 5], [15, 15], [np.nan, np.nan], [99, 99]])[:, :, None]
    found = compute_occupancy(position, np.array([1, 2, 3, 4, 5.0]), 20, 20, 10)
    np.testing.assert_allclose(found.seconds, [[1, 2], [0, 3]])
    np.testing.assert_allclose(found.x_edges, [0, 10, 20])
    with pytest.raises(ArrayError, match="bin_length"):
        compute_occupancy(position, np.ones(5), 20, 20, 0)


@pytest.mark.parametrize(
    ("inside", "missing", "hidden"),
    [
        ("1..1", "0110", "0110"),
        ("1..0", "0110", "0000"),
        ("...1", "1110", "1110"),
        ("1...", "0111", "0111"),
        ("....", "1111", "0000"),
    ],
)
def test_animals_that_disappear_and_reappear_in_a_nest_were_there(inside, missing, hidden):
    found = find_hidden(np.array([c == "1" for c in inside]), np.array([c == "1" for c in missing]))
    assert "".join("01"[int(h)] for h in found) == hidden


def test_lengths_have_units():
    assert Length.parse("2cm/s").to_px(70, 0.1) == pytest.approx(20)
    assert Length.parse(".5 bl").to_px(70, None) == pytest.approx(35)
    assert Length.parse("12px").to_px(70, 0.1) == 12
    with pytest.raises(ConfigError, match="border: expected a length in cm, px or bl"):
        Length.parse("3 inches", "border")
    with pytest.raises(ConfigError, match=r"border: expected a scale .* for 3cm, got none"):
        Length.parse("3cm").to_px(70, None, "border")


def test_a_layout_in_square_pixels():
    hole = Zone("hole", circle=(30, 30, 10), kind="nest", arena="box")
    box = Arena("box", ((0, 0), (90, 0), (90, 60), (0, 60)), animals=2)
    layout = Layout(100, 60, (box,), (hole,), cm_per_px=0.5)
    assert layout.to_square_pixels(1.0) is layout
    wide = layout.to_square_pixels(2.0)
    assert (wide.width, wide.height, wide.cm_per_px) == (200, 60, 0.5)
    assert wide.arenas[0].polygon == ((0, 0), (180, 0), (180, 60), (0, 60))
    assert wide.arenas[0].animals == 2
    assert wide.zones[0].hides
    # The circle is an ellipse of half axes 20 and 10.
    points = np.array([[41.0, 30.0], [79, 30], [60, 39], [60, 41], [39, 30], [74, 38]])
    assert wide.zones[0].contains(points).tolist() == [True, True, True, False, False, False]


def test_nearest_points_of_an_outline():
    zone = Zone("zone", ((0, 0), (10, 0), (10, 10), (0, 10)))
    points = np.array([[-5.0, 4], [15, 15], [8, 5], [np.nan, 5]])
    nearest = zone.find_nearest(points)
    np.testing.assert_allclose(nearest, [[0, 4], [10, 10], [10, 5], [np.nan, np.nan]])
    circle = Zone("round", circle=(0.0, 0.0, 10.0))
    np.testing.assert_allclose(circle.find_nearest(np.array([[30.0, 0]])), [[10, 0]], atol=0.01)
    assert zone.find_nearest(np.zeros((0, 2))).shape == (0, 2)
