from dataclasses import replace

import numpy as np
import pytest

from murid.synthetic.animal import Posture, sample_coat
from murid.synthetic.rodent import render_from_above
from murid.synthetic.still import make_still
from murid.synthetic.still_coats import make_coat
from murid.synthetic.still_config import StillConfig

CONFIG = StillConfig(size_px=160)


def test_same_seed_gives_the_same_image():
    first = make_still(11, CONFIG)
    second = make_still(11, CONFIG)
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.boxes, second.boxes)
    assert not np.array_equal(first.image, make_still(12, CONFIG).image)


def test_boxes_are_inside_of_the_image_and_have_an_identity():
    # Pups have no identity.
    config = replace(CONFIG, litters=0.0)
    for seed in range(40):
        still = make_still(seed, config)
        assert still.image.shape == (160, 160, 3)
        assert len(still.identities) == len(still.boxes)
        assert (still.boxes >= 0).all()
        assert (still.boxes <= 160).all()
        assert (still.boxes[:, 2:] > still.boxes[:, :2]).all()
        assert (still.identities >= 0).all()
        assert (still.identities < CONFIG.n_identities).all()


def test_most_images_have_animals_and_some_have_several():
    stills = [make_still(seed, CONFIG) for seed in range(60)]
    counts = [len(still.boxes) for still in stills]
    assert sum(count == 0 for count in counts) < 25
    assert max(counts) >= 3


def test_an_identity_always_has_the_same_coat():
    colour = make_coat(5).base_colour
    np.testing.assert_array_equal(colour, make_coat(5).base_colour)
    others = [make_coat(k).base_colour for k in range(6, 12)]
    assert any(not np.array_equal(colour, other) for other in others)


def test_cutouts_have_no_identity():
    rng = np.random.default_rng(1)
    light = np.array([0, 0, 1], np.float32)
    sprite = render_from_above(sample_coat(rng), Posture(0.4), 60, light, rng)
    background = np.full((140, 260, 3), 200, np.uint8)
    config = StillConfig(size_px=160, cutouts=1.0, empty=0.0)
    stills = [make_still(seed, config, [sprite], [background]) for seed in range(12)]
    assert all((still.identities == -1).all() for still in stills)
    assert sum(len(still.boxes) for still in stills) >= 12


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_share_of_empty_images(share):
    config = StillConfig(size_px=96, empty=share)
    counts = [len(make_still(seed, config).boxes) for seed in range(15)]
    if share:
        assert all(count == 0 for count in counts)
    else:
        assert any(counts)
