"""A spotted animal, turned and bent, before a plain floor."""

import cv2
import numpy as np
import pytest

from murid.appearance.fur_descriptors import DESCRIPTOR_SIZE, LENGTH, WIDTH, compute_fur_descriptors
from murid.synthetic.animal import Posture, sample_coat_of_breed
from murid.synthetic.rodent import render_from_above
from murid.video.background_model import BackgroundModel

SIZE, BODY_PX = 240, 55.0
EMPTY = np.full((SIZE, SIZE, 3), 180, np.uint8)
BACKDROP = BackgroundModel(EMPTY, np.full((SIZE, SIZE), 8, np.uint8))
BOX = np.array([[85, 85, 155, 155]], np.float32)


def describe_identities(animal, heading, bend=0.0):
    """Picture of one of several animals whose coats differ by their fur alone."""
    rng = np.random.default_rng(animal)
    fur = cv2.GaussianBlur(rng.standard_normal((256, 256)).astype(np.float32), (0, 0), 1.5) * 5
    coat = sample_coat_of_breed("agouti", np.random.default_rng(0))
    sprite = render_from_above(
        coat, Posture(heading, bend), 64, np.array([0, 0, 1], np.float32), rng, fur
    )
    left, top = np.round(SIZE / 2 - sprite.origin).astype(int)
    image, (h, w) = EMPTY.astype(np.float32) / 255, sprite.alpha.shape
    place, alpha = image[top : top + h, left : left + w], sprite.alpha[..., None]
    place[:] = place * (1 - alpha) + sprite.image * alpha
    return np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)


def take(animal, heading, bend=0.0):
    """Print of its middle, without head and rump."""
    values = compute_fur_descriptors(
        describe_identities(animal, heading, bend), BOX, BACKDROP, BODY_PX
    )
    assert values.shape == (1, DESCRIPTOR_SIZE)
    return values.reshape(WIDTH, LENGTH)[4:-4, 6:-8].ravel()


@pytest.mark.parametrize(
    ("heading", "bend"), [(0.9, 0.0), (2.5, 0.0), (-1.3, 0.0), (0.4, 0.7), (3.0, -0.7)]
)
def test_a_print_knows_its_animal_however_it_lies(heading, bend):
    first = take(1, heading=0.0)
    same, other = (np.corrcoef(first, take(animal, heading, bend))[0, 1] for animal in (1, 2))
    assert same > 0.5
    assert abs(other) < 0.3


def test_light_of_the_body_is_no_pattern():
    values = compute_fur_descriptors(describe_identities(1, 0.3), BOX, BACKDROP, BODY_PX)
    brighter = compute_fur_descriptors(
        np.minimum(describe_identities(1, 0.3) + 10, 255).astype(np.uint8), BOX, BACKDROP, BODY_PX
    )
    np.testing.assert_allclose(values, brighter, atol=4)
    assert np.corrcoef(values[0], brighter[0])[0, 1] > 0.95


def test_what_touches_an_animal_is_left_out():
    alone = describe_identities(1, 0.3)
    both, beside = alone.copy(), np.roll(describe_identities(2, 0.3), 22, axis=0)
    other = np.abs(beside.astype(int) - EMPTY).max(axis=2) > 8
    both[other] = beside[other]
    box = np.array([[86, 104, 149, 137]], np.float32)
    boxes = np.concatenate([box, box + np.array([0, 22, 0, 22], np.float32)])
    assert np.isnan(
        compute_fur_descriptors(both, box, BACKDROP, BODY_PX)
    ).all()  # taken together, they are no animal
    seen, apart = (
        compute_fur_descriptors(both, box, BACKDROP, BODY_PX, boxes),
        compute_fur_descriptors(alone, box, BACKDROP, BODY_PX),
    )
    assert np.corrcoef(seen[0], apart[0])[0, 1] > 0.7


def test_nothing_there():
    assert np.isnan(compute_fur_descriptors(EMPTY, BOX, BACKDROP, BODY_PX)).all()
    assert np.isnan(
        compute_fur_descriptors(
            describe_identities(1, 0), np.array([[-9, 5, -3, 9]], np.float32), BACKDROP, BODY_PX
        )
    ).all()
