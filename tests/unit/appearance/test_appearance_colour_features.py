"""Colour features of drawn animals on a plain floor."""

import numpy as np
import pytest

from murid.appearance.colour_features import N_COLOUR_FEATURES, compute_colour_features
from murid.video.background_model import BackgroundModel

FLOOR = np.array([150, 140, 130], np.uint8)
BOXES = np.array([[10, 10, 40, 30], [60, 10, 100, 35]], np.float32)


def draw_image(gain=1.0):
    """Image of a dark and a reddish animal, ellipses in their boxes, and its background model."""
    empty = np.broadcast_to(FLOOR, (60, 120, 3)).astype(float)
    image = empty.copy()
    y, x = np.mgrid[:60, :120] + 0.5
    for (left, top, right, bottom), colour in zip(
        BOXES, ([40, 40, 40], [190, 90, 70]), strict=True
    ):
        inside = ((2 * x - left - right) / (right - left)) ** 2 + (
            (2 * y - top - bottom) / (bottom - top)
        ) ** 2 <= 1
        image[inside] = colour
    image, empty = (np.round(gain * a).astype(np.uint8) for a in (image, empty))
    return image, BackgroundModel(empty, np.full(empty.shape[:2], 8, np.uint8))


def test_brightness_and_colour_are_relative_to_the_floor():
    colour_features = compute_colour_features(*draw_image()[:1], BOXES, draw_image()[1])
    assert colour_features.shape == (2, N_COLOUR_FEATURES)
    assert colour_features[0, 2] == pytest.approx(
        np.log(40 / 255 + 0.04) - np.log(FLOOR / 255 + 0.04).mean(), abs=0.01
    )
    assert colour_features[1, 5] > 0.3, "red against green"
    assert colour_features[0, 9] == pytest.approx(0.5 * np.log(np.pi / 4 * 30 * 20), abs=0.06)


def test_colour_features_hardly_change_with_the_light():
    (bright, before), (dim, after) = draw_image(), draw_image(0.6)
    np.testing.assert_allclose(
        compute_colour_features(bright, BOXES, before),
        compute_colour_features(dim, BOXES, after),
        atol=0.12,
    )


def test_without_a_background_model_the_middle_is_measured():
    colour_features = compute_colour_features(draw_image()[0], BOXES, None)
    assert np.isfinite(colour_features).all()


def test_small_boxes_have_no_colour_features():
    boxes = np.array([[10, 10, 12, 30], [-20, -20, -5, -5], [500, 0, 600, 50]], np.float32)
    assert np.isnan(compute_colour_features(*draw_image()[:1], boxes, draw_image()[1])).all()
