"""Foreground of single frames."""

import numpy as np
import pytest

from murid.appearance.foreground import ForegroundFinder, compute_grid_size
from murid.core import Frame
from murid.video.resize import downscale

HEIGHT, WIDTH = 120, 200


def make_image(left=None, fur=40, shadow=None, seed=0):
    """Return an image of a bright floor with noise, and an animal and its shadow on it."""
    image = np.random.default_rng(seed).normal(180, 2, (HEIGHT, WIDTH, 3))
    if left is not None:
        image[40:64, left : left + 48] = fur
        image[50:52, left + 48 : left + 90] = fur  # its tail
    if shadow is not None:
        image[64:80, left : left + 48] = shadow
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture
def finder():
    images = [make_image(2 * k, seed=k) for k in range(30)]
    return ForegroundFinder((Frame(k, k / 30, image) for k, image in enumerate(images)), 2.0)


def test_the_foreground_is_the_animal_without_its_tail(finder):
    mask = finder.find(make_image(60, seed=99))
    assert mask.shape == (60, 100)
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max()) == (20, 31)
    assert (columns.min(), columns.max()) == (30, 53)
    assert mask.sum() > 0.9 * 12 * 24
    assert not finder.find(make_image(seed=99)).any()


def test_shadows_are_no_foreground(finder):
    rows, _ = np.nonzero(finder.find(make_image(60, shadow=155)))
    assert rows.max() == 31


def test_frames_that_cannot_be_compared_have_no_foreground(finder):
    assert finder.find(make_image()[:60]) is None
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    assert finder.find(np.repeat(np.repeat(noise[::8, ::8], 8, 0), 8, 1)) is None


def test_images_of_several_sizes_have_no_background():
    frames = [Frame(k, k / 30, np.zeros((60, 80 + k, 3), np.uint8)) for k in range(5)]
    finder = ForegroundFinder(frames, 1.0)
    assert not finder.has_background
    assert finder.find(frames[0].image) is None


@pytest.mark.parametrize("size", [(640, 480), (33, 70), (5, 3)])
@pytest.mark.parametrize("cell_px", [0.5, 1.0, 3.3, 17.0])
def test_the_grid_is_that_of_the_smaller_image(size, cell_px):
    width, height = size
    columns, rows = compute_grid_size(width, height, cell_px)
    image = np.zeros((height, width, 3), np.uint8)
    assert downscale(image, max(columns, rows))[0].shape[:2] == (rows, columns)
