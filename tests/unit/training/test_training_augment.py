import dataclasses

import numpy as np
import pytest

from murid.synthetic.still import Still
from murid.training.augment import AffineWarp, augment, shift_colours, warp_boxes
from murid.training.config import AugmentConfig

UNCHANGED = AugmentConfig(
    hue=0, saturation=0, value=0, rotate_deg=0, shear_deg=0, translate=0, scale=(1, 1), flip=0
)


def make_square(x: int = 16, y: int = 24, side: int = 12, size: int = 64) -> Still:
    image = np.zeros((size, size, 3), np.uint8)
    image[y : y + side, x : x + side] = 250
    return Still(
        image,
        np.array([[x, y, x + side, y + side]], np.float32),
        np.array([3]),
        np.zeros_like(image),
    )


def find_bounds(image: np.ndarray) -> list[int]:
    ys, xs = np.nonzero(image[..., 0] > 125)
    return [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]


def test_zeros_leave_the_image_unchanged():
    still = make_square()
    same = augment(still, UNCHANGED, np.random.default_rng(0))
    np.testing.assert_array_equal(same.image, still.image)
    np.testing.assert_array_equal(same.boxes, still.boxes)


@pytest.mark.parametrize(
    "change", [{"translate": 0.2}, {"scale": (0.6, 1.4)}, {"flip": 1.0}, {"shear_deg": 8.0}]
)
def test_boxes_follow_the_image(change: dict):
    config = dataclasses.replace(UNCHANGED, **change)
    for seed in range(6):
        seen = augment(make_square(), config, np.random.default_rng(seed))
        if len(seen.boxes):
            np.testing.assert_allclose(seen.boxes[0], find_bounds(seen.image), atol=1.6)


@pytest.mark.parametrize(
    "change",
    [
        {"translate": 0.2},
        {"scale": (0.6, 1.4)},
        {"flip": 1.0},
        {"shear_deg": 8.0},
        {"rotate_deg": 90.0},
        {"rotate_deg": 30.0, "scale": (0.7, 1.3), "shear_deg": 5.0, "flip": 0.5},
    ],
)
def test_keypoints_follow_the_image(change: dict):
    """The nose is marked red, the centre green, and the tail base blue."""
    points = np.array([[24, 25], [32, 32], [41, 38]], np.float32)
    image = np.zeros((64, 64, 3), np.uint8)
    for channel, (x, y) in enumerate(points.astype(int).tolist()):
        image[y - 2 : y + 2, x - 2 : x + 2, channel] = 250
    boxes = np.array([[22, 23, 43, 40]], np.float32)
    still = Still(image, boxes, np.array([3]), None, points[None])
    config = dataclasses.replace(UNCHANGED, **change)
    n_compared = 0
    for seed in range(10):
        seen = augment(still, config, np.random.default_rng(seed))
        assert seen.keypoints.shape == (len(seen.boxes), 3, 2)
        y, x = np.mgrid[:64, :64] + 0.5
        # What is above the other channels: outside of the image it is grey.
        colours = seen.image - np.median(seen.image, axis=2, keepdims=True)
        for known in seen.keypoints:
            for channel in np.flatnonzero(np.isfinite(known).all(axis=1)):
                if ((known[channel] < 5) | (known[channel] > 59)).any():
                    continue
                weights = np.clip(colours[..., channel] - 60, 0, None)
                marked = [(weights * axis).sum() / weights.sum() for axis in (x, y)]
                np.testing.assert_allclose(known[channel], marked, atol=0.3)
                n_compared += 1
    assert n_compared >= 12


def test_unknown_keypoints_stay_unknown():
    assert augment(make_square(), UNCHANGED, np.random.default_rng(0)).keypoints is None


def test_a_window_of_a_larger_image_keeps_the_scale():
    large = make_square(x=150, y=60, side=20, size=200)
    windows = [augment(large, UNCHANGED, np.random.default_rng(seed), 64) for seed in range(20)]
    assert {window.image.shape for window in windows} == {(64, 64, 3)}
    with_animal = [window for window in windows if len(window.boxes)]
    assert len(with_animal) >= 12
    for window in with_animal:
        np.testing.assert_allclose(window.boxes[0], find_bounds(window.image), atol=1)
    assert max(np.ptp(window.boxes[0, ::2]) for window in with_animal) == 20
    assert len({window.boxes[0, 0] for window in with_animal}) > 5


def test_a_rotated_box_is_shrunk():
    angle = np.deg2rad(45)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([32.0, 32.0])
    warp = AffineWarp(np.column_stack([turn, centre - turn @ centre]), float(angle))
    boxes, kept = warp_boxes(np.array([[22, 22, 42, 42]], np.float32), warp, 64, 64)
    assert kept.tolist() == [True]
    np.testing.assert_allclose(boxes[0, 2:] - boxes[0, :2], 20 * np.sqrt(2) * 2**-0.25, rtol=1e-5)


def test_boxes_outside_the_image_are_dropped_with_their_identities():
    warp = AffineWarp(np.array([[1.0, 0, 50], [0, 1, 0]]), 0.0)
    boxes = np.array([[0, 0, 12, 12], [12, 0, 40, 12], [30, 30, 60, 60]], np.float32)
    found, kept = warp_boxes(boxes, warp, 64, 64)
    assert kept.tolist() == [True, False, False]
    np.testing.assert_allclose(found, [[50, 0, 62, 12]])
    shifted = dataclasses.replace(UNCHANGED, translate=1.0)
    lost = [augment(make_square(), shifted, np.random.default_rng(seed)) for seed in range(12)]
    assert any(len(still.boxes) == 0 for still in lost)
    assert all(len(still.boxes) == len(still.identities) for still in lost)


def test_an_image_without_boxes():
    empty = Still(
        np.zeros((64, 64, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    )
    assert augment(empty, AugmentConfig(), np.random.default_rng(0)).boxes.shape == (0, 4)


def test_colours_are_multiplied():
    image = np.full((4, 4, 3), (200, 100, 50), np.uint8)
    darker = shift_colours(image, np.array([1.0, 1.0, 0.5]))
    np.testing.assert_allclose(darker[0, 0], (100, 50, 25), atol=2)
    grey = shift_colours(image, np.array([1.0, 0.0, 1.0]))
    assert np.ptp(grey[0, 0]) <= 1


def test_mirroring_is_exact_and_the_background_follows():
    still = make_square(x=10, side=20)
    still.background[:, :7] = 200
    mirrored = augment(still, dataclasses.replace(UNCHANGED, flip=1.0), np.random.default_rng(0))
    np.testing.assert_array_equal(mirrored.image, still.image[:, ::-1])
    np.testing.assert_array_equal(mirrored.background, still.background[:, ::-1])
    np.testing.assert_allclose(mirrored.boxes, [[64 - 30, 24, 64 - 10, 44]])


def test_image_and_background_change_colour_alike():
    colour = Still(
        np.full((8, 8, 3), (180, 90, 60), np.uint8),
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.int64),
        np.full((8, 8, 3), (180, 90, 60), np.uint8),
    )
    config = dataclasses.replace(UNCHANGED, value=0.4, saturation=0.7)
    changed = augment(colour, config, np.random.default_rng(0))
    np.testing.assert_array_equal(changed.image, changed.background)
    assert not np.array_equal(changed.image, colour.image)


def test_the_box_of_a_rotated_animal_stays_around_its_centre():
    config = dataclasses.replace(UNCHANGED, rotate_deg=40.0)
    rotated = [augment(make_square(x=40), config, np.random.default_rng(seed)) for seed in range(6)]
    for still in rotated:
        bounds = np.array(find_bounds(still.image), np.float32)
        found = (still.boxes[0, :2] + still.boxes[0, 2:]) / 2
        np.testing.assert_allclose(found, (bounds[:2] + bounds[2:]) / 2, atol=1)
    assert len({still.image.tobytes() for still in rotated}) == 6


def test_boxes_with_less_than_a_tenth_of_their_area_inside_are_dropped():
    boxes = np.array([[0, 0, 100, 20]], np.float32)
    for inside_px, expected in ((12, [True]), (8, [False])):
        warp = AffineWarp(np.array([[1.0, 0, 200 - inside_px], [0, 1, 0]]), 0.0)
        assert warp_boxes(boxes, warp, 200, 200)[1].tolist() == expected
