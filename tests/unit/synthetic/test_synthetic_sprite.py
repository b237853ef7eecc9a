import numpy as np
import pytest

from murid.synthetic.animal import Posture, sample_coat
from murid.synthetic.rodent import render_from_above
from murid.synthetic.sprite import flip_sprite, resize_sprite


@pytest.fixture
def sprite():
    rng = np.random.default_rng(0)
    light = np.array([0, 0, 1], np.float32)
    return render_from_above(sample_coat(rng), Posture(heading=0.3), 60.0, light, rng)


def test_resizing_scales_the_body_and_its_origin(sprite):
    twice = resize_sprite(sprite, 2.0)
    np.testing.assert_allclose(twice.origin, 2 * sprite.origin)
    assert twice.body.sum() == pytest.approx(4 * sprite.body.sum(), rel=0.05)


def test_flipping_twice_restores_the_sprite(sprite):
    flipped = flip_sprite(sprite, left_right=True, up_down=True)
    np.testing.assert_array_equal(flipped.body, sprite.body[::-1, ::-1])
    restored = flip_sprite(flipped, left_right=True, up_down=True)
    np.testing.assert_array_equal(restored.image, sprite.image)
    np.testing.assert_allclose(restored.origin, sprite.origin, atol=1e-4)
