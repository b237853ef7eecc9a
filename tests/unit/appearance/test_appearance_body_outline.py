"""Outline, pose and pattern of a body, drawn as an ellipse."""

import cv2
import numpy as np
import pytest

from murid.appearance.body_outline import find_foreground, fit_pose, sample_midline, select_body

SIZE = 90
NO_BOXES = np.zeros((0, 4))
BOX = np.array([15.0, 15.0, 75.0, 75.0])


def draw_body(heading=0.4, bend=0.0):
    """A body with a wide rear and a narrow front, and a midline that is a parabola."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    along = x * np.cos(heading) + y * np.sin(heading)
    across = -x * np.sin(heading) + y * np.cos(heading) - bend * along**2
    half_width = 12 * np.sqrt(np.clip(1 - (along / 30) ** 2, 0, None)) * (1 - along / 60)
    return (np.abs(across) < half_width).astype(np.uint8)


@pytest.mark.parametrize("heading", [0.4, 2.0, -2.5])
@pytest.mark.parametrize("bend", [0.0, 0.01])
def test_pose_follows_heading_and_bend(heading, bend):
    centre, direction, span, polynomial = fit_pose(draw_body(heading, bend))
    assert direction @ [np.cos(heading), np.sin(heading)] > 0.97
    assert np.hypot(*(centre - SIZE / 2)) < 8
    assert span[1] - span[0] == pytest.approx(60, abs=4)
    assert polynomial[2] == pytest.approx(bend, abs=0.003)


def test_a_body_of_one_row_has_a_straight_midline():
    body = np.zeros((20, 20), np.uint8)
    body[10, 5:15] = 1
    _, _, span, polynomial = fit_pose(body)
    assert span[1] - span[0] == pytest.approx(9)
    np.testing.assert_allclose(polynomial, 0, atol=1e-6)


def test_pattern_is_sampled_across_the_midline():
    pattern = np.random.default_rng(0).normal(size=(SIZE, SIZE)).astype(np.float32)
    centre = np.array([44.3, 45.7])
    direction = np.array([0.6, 0.8])
    span = np.array([-20.0, 25.0])
    straight = np.zeros(3)
    sampled = sample_midline(pattern, centre, direction, span, straight, 1.5, 8, 10)
    along = span[0] + (np.arange(10) + 0.5) / 10 * 45
    across = 1.5 * (np.arange(8) - 3.5)[:, None]
    x = centre[0] + along * direction[0] - across * direction[1]
    y = centre[1] + along * direction[1] + across * direction[0]
    maps = x.astype(np.float32), y.astype(np.float32)
    # OpenCV rounds positions to 1/32 of a pixel.
    np.testing.assert_allclose(sampled, cv2.remap(pattern, *maps, cv2.INTER_LINEAR), atol=0.15)


def test_pattern_is_zero_outside_the_patch():
    pattern = np.ones((SIZE, SIZE), np.float32)
    far = np.array([500.0, 20.0])
    east, span = np.array([1.0, 0.0]), np.array([-5.0, 5.0])
    assert not sample_midline(pattern, far, east, span, np.zeros(3), 1.0, 4, 4).any()


def test_foreground_differs_from_the_background_by_more_than_a_shadow():
    background = np.full((SIZE, SIZE, 3), 200, np.uint8)
    patch = background.copy()
    patch[20:70, 20:70] = 80
    patch[20:70, 70:85] = 160
    mask = find_foreground(patch, background, BOX, NO_BOXES, 8.0, 0.5)
    expected = np.zeros((SIZE, SIZE), np.uint8)
    expected[20:70, 20:70] = 1
    np.testing.assert_array_equal(mask, expected)
    assert not find_foreground(background, background, BOX, NO_BOXES, 8.0, 0.5).any()


def test_pixels_nearer_to_another_box_are_not_foreground():
    background = np.full((SIZE, SIZE, 3), 200, np.uint8)
    others = BOX + np.array([[0, 0, 0, 0], [40, 0, 40, 0], [0, 900, 0, 900]])
    mask = find_foreground(background - 100, background, BOX, others, 8.0, 0.5)
    # The border is in the middle between the centres, at x = 65; the far box changes nothing.
    assert mask[:, :65].all()
    assert not mask[:, 66:].any()


def test_body_is_the_component_in_the_middle():
    mask = draw_body()
    mask[:, -6:] = 1
    n_labels, labels = cv2.connectedComponents(mask)
    body, extremes, n_pixels, n_overhanging = select_body(labels, n_labels, BOX, 3.0)
    np.testing.assert_array_equal(body, draw_body())
    assert n_pixels == body.sum()
    assert n_overhanging == 0
    pixels = np.argwhere(body)[:, ::-1].astype(np.int32)
    hull_area = cv2.contourArea(cv2.convexHull(pixels))
    assert cv2.contourArea(cv2.convexHull(extremes)) == hull_area
    _, _, _, n_overhanging = select_body(labels, n_labels, np.array([45.0, 0, 90, 90]), 3.0)
    assert n_overhanging == (pixels[:, 0] < 42).sum()


def test_an_empty_patch_has_no_body():
    body, extremes, n_pixels, _ = select_body(np.zeros((9, 9), np.int32), 1, BOX, 3.0)
    assert not body.any()
    assert len(extremes) == n_pixels == 0
