import numpy as np
import pytest

from murid.synthetic.animal import Posture, sample_coat
from murid.synthetic.cutouts import compute_median_background, cut_out_animal
from murid.synthetic.rodent import render_from_above
from murid.synthetic.still import StillConfig, make_coat, make_still

CONFIG = StillConfig(size_px=160)


def test_same_seed_same_picture():
    a, b = make_still(11, CONFIG), make_still(11, CONFIG)
    np.testing.assert_array_equal(a.image, b.image)
    np.testing.assert_array_equal(a.boxes, b.boxes)
    assert not np.array_equal(a.image, make_still(12, CONFIG).image)


def test_boxes_lie_in_the_picture_and_have_an_identity():
    for seed in range(40):
        still = make_still(seed, CONFIG)
        assert still.image.shape == (160, 160, 3)
        assert len(still.identities) == len(still.boxes)
        assert (still.boxes >= 0).all()
        assert (still.boxes <= 160).all()
        assert (still.boxes[:, 2:] > still.boxes[:, :2]).all()
        assert (still.identities >= 0).all()
        assert (still.identities < CONFIG.n_identities).all()


def test_most_pictures_have_animals_and_some_have_several():
    stills = [make_still(seed, CONFIG) for seed in range(60)]
    counts = [len(s.boxes) for s in stills]
    assert sum(c == 0 for c in counts) < 25
    assert max(counts) >= 3


def test_a_number_always_wears_the_same_coat():
    np.testing.assert_array_equal(make_coat(5).base, make_coat(5).base)
    assert any(not np.array_equal(make_coat(5).base, make_coat(k).base) for k in range(6, 12))


def photograph(x: float) -> np.ndarray:
    rng = np.random.default_rng(1)
    sprite = render_from_above(
        sample_coat(rng), Posture(0.4), 60, np.array([0, 0, 1], np.float32), rng
    )
    image = np.full((140, 260, 3), 200, np.uint8)
    top, left = 30, int(x)
    window = image[top : top + sprite.alpha.shape[0], left : left + sprite.alpha.shape[1]]
    window[sprite.alpha > 0.5] = 20
    return image


def test_cut_animal_finds_the_body_and_drops_the_tail():
    place = compute_median_background([photograph(x) for x in (10, 65, 120)])
    assert (place > 150).all()
    sprite = cut_out_animal(photograph(60), place)
    assert sprite is not None
    assert 0.1 < sprite.body.sum() / sprite.body.size < sprite.alpha.sum() / sprite.alpha.size
    assert sprite.image.min() < 0.1


def test_cut_animal_refuses_an_empty_picture():
    place = np.full((60, 60, 3), 100, np.uint8)
    assert cut_out_animal(place, place) is None


def test_cutouts_are_composed_without_identity():
    place = compute_median_background([photograph(x) for x in (10, 65, 120)])
    sprite = cut_out_animal(photograph(60), place)
    config = StillConfig(size_px=160, cutouts=1.0, empty=0.0)
    stills = [make_still(seed, config, [sprite], [place]) for seed in range(12)]
    assert all((s.identities == -1).all() for s in stills)
    assert sum(len(s.boxes) for s in stills) >= 12


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_empty_share_is_obeyed(share):
    config = StillConfig(size_px=96, empty=share)
    counts = [len(make_still(seed, config).boxes) for seed in range(15)]
    assert all(c == 0 for c in counts) if share else any(counts)
