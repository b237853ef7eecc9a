from dataclasses import replace

import numpy as np
import pytest

from murid.paper.rendered_images import ImageSet
from murid.synthetic.still import make_still
from murid.synthetic.still_config import StillConfig
from murid.training import image_pool

CONFIG = StillConfig(size_px=32, body_px=(10, 16), n_identities=5)
IMAGES = ImageSet(CONFIG, first_seed=100, n_images=5)


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    """Four images per file."""
    monkeypatch.setattr(image_pool, "_IMAGES_PER_FILE", 4)


def test_images_are_those_of_their_seeds(tmp_path):
    images = IMAGES.render(tmp_path)
    assert len(images) == len(list(images)) == 5
    for number in (0, 4):
        still = make_still(100 + number, replace(CONFIG, backgrounds=0.0))
        np.testing.assert_array_equal(images[number].image, still.image)
        np.testing.assert_array_equal(images[number].boxes, still.boxes)
        np.testing.assert_array_equal(images[number].identities, still.identities)
        assert images[number].background is None
    with pytest.raises(IndexError):
        images[5]


def test_what_exists_is_not_rendered_again(tmp_path, monkeypatch):
    assert IMAGES.count_missing(tmp_path) == 8
    IMAGES.render(tmp_path)
    assert IMAGES.count_missing(tmp_path) == 0
    assert replace(IMAGES, n_images=9).count_missing(tmp_path) == 4
    monkeypatch.setattr("murid.paper.rendered_images.make_still", None)
    assert len(IMAGES.render(tmp_path)) == 5


def test_another_configuration_or_seed_has_its_own_directory(tmp_path):
    other = replace(IMAGES, config=replace(CONFIG, body_px=(10, 17)))
    places = {images.locate(tmp_path) for images in (IMAGES, replace(IMAGES, first_seed=1), other)}
    assert len(places) == 3


def test_what_is_read_can_be_changed(tmp_path):
    images = IMAGES.render(tmp_path)
    number = next(k for k, still in enumerate(images) if len(still.boxes))
    images[number].boxes[:] = 0
    images[number].image[:] = 0
    assert images[number].image.any()
    assert images[number].boxes.any()
