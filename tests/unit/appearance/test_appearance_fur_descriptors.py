"""Fur descriptors of a rendered animal, turned and bent, on a plain floor."""

import cv2
import numpy as np
import pytest

from murid.appearance.fur_descriptors import DESCRIPTOR_SIZE, LENGTH, WIDTH, compute_fur_descriptors
from murid.synthetic.animal import Posture, sample_coat_of_breed
from murid.synthetic.rodent import render_from_above
from murid.video.background_model import BackgroundModel

SIZE, BODY_PX = 240, 55.0
BACKGROUND = np.full((SIZE, SIZE, 3), 180, np.uint8)
BACKGROUND_MODEL = BackgroundModel(BACKGROUND, np.full((SIZE, SIZE), 8, np.uint8))
BOX = np.array([[85, 85, 155, 155]], np.float32)


def draw_image(animal, heading, bend=0.0):
    """Image of one of several animals of the same coat that differ by their fur pattern."""
    rng = np.random.default_rng(animal)
    fur = cv2.GaussianBlur(rng.standard_normal((256, 256)).astype(np.float32), (0, 0), 1.5) * 5
    coat = sample_coat_of_breed("agouti", np.random.default_rng(0))
    sprite = render_from_above(
        coat, Posture(heading, bend), 64, np.array([0, 0, 1], np.float32), rng, fur
    )
    left, top = np.round(SIZE / 2 - sprite.origin).astype(int)
    image, (h, w) = BACKGROUND.astype(np.float32) / 255, sprite.alpha.shape
    place, alpha = image[top : top + h, left : left + w], sprite.alpha[..., None]
    place[:] = place * (1 - alpha) + sprite.image * alpha
    return np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)


def describe(animal, heading, bend=0.0):
    """Fur descriptor of the middle of the body, without head and rump."""
    values = compute_fur_descriptors(
        draw_image(animal, heading, bend), BOX, BACKGROUND_MODEL, BODY_PX
    )
    assert values.shape == (1, DESCRIPTOR_SIZE)
    return values.reshape(WIDTH, LENGTH)[4:-4, 6:-8].ravel()


@pytest.mark.parametrize(
    ("heading", "bend"), [(0.9, 0.0), (2.5, 0.0), (-1.3, 0.0), (0.4, 0.7), (3.0, -0.7)]
)
def test_descriptors_of_one_animal_correlate_in_every_pose(heading, bend):
    first = describe(1, heading=0.0)
    same, other = (np.corrcoef(first, describe(animal, heading, bend))[0, 1] for animal in (1, 2))
    assert same > 0.5
    assert abs(other) < 0.3


def test_brightness_does_not_change_the_descriptor():
    values = compute_fur_descriptors(draw_image(1, 0.3), BOX, BACKGROUND_MODEL, BODY_PX)
    brighter = compute_fur_descriptors(
        np.minimum(draw_image(1, 0.3) + 10, 255).astype(np.uint8), BOX, BACKGROUND_MODEL, BODY_PX
    )
    np.testing.assert_allclose(values, brighter, atol=4)
    assert np.corrcoef(values[0], brighter[0])[0, 1] > 0.95


def test_pixels_of_a_touching_animal_are_left_out():
    alone = draw_image(1, 0.3)
    both, beside = alone.copy(), np.roll(draw_image(2, 0.3), 22, axis=0)
    other = np.abs(beside.astype(int) - BACKGROUND).max(axis=2) > 8
    both[other] = beside[other]
    box = np.array([[86, 104, 149, 137]], np.float32)
    boxes = np.concatenate([box, box + np.array([0, 22, 0, 22], np.float32)])
    assert np.isnan(
        compute_fur_descriptors(both, box, BACKGROUND_MODEL, BODY_PX)
    ).all()  # Both together are not of the shape of one animal.
    seen, apart = (
        compute_fur_descriptors(both, box, BACKGROUND_MODEL, BODY_PX, boxes),
        compute_fur_descriptors(alone, box, BACKGROUND_MODEL, BODY_PX),
    )
    assert np.corrcoef(seen[0], apart[0])[0, 1] > 0.7


def test_no_animal_has_no_descriptor():
    assert np.isnan(compute_fur_descriptors(BACKGROUND, BOX, BACKGROUND_MODEL, BODY_PX)).all()
    assert np.isnan(
        compute_fur_descriptors(
            draw_image(1, 0), np.array([[-9, 5, -3, 9]], np.float32), BACKGROUND_MODEL, BODY_PX
        )
    ).all()
