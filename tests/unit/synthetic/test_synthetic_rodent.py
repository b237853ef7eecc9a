import numpy as np
import pytest

from murid.synthetic.animal import Posture, sample_coat, sample_posture
from murid.synthetic.rodent import render_from_above
from murid.synthetic.sprite import resize_sprite

OVERHEAD = np.array([0, 0, 1], np.float32)


def render(posture: Posture, length_px: float = 60.0, seed: int = 0):
    rng = np.random.default_rng(seed)
    return render_from_above(sample_coat(rng), posture, length_px, OVERHEAD, rng)


def extent(mask):
    ys, xs = np.nonzero(mask > 0.5)
    return np.ptp(xs) + 1, np.ptp(ys) + 1


@pytest.mark.parametrize("length_px", [24.0, 60.0, 160.0])
def test_a_straight_animal_is_as_long_as_asked(length_px):
    width, height = extent(render(Posture(heading=0.0), length_px).body)
    assert width == pytest.approx(length_px, rel=0.15)
    assert height < 0.65 * width


def test_heading_turns_the_body():
    width, height = extent(render(Posture(heading=np.pi / 2)).body)
    assert height > 1.5 * width


def test_rearing_shortens_the_body():
    flat, upright = render(Posture(heading=0.0)), render(Posture(heading=0.0, rear=0.9))
    assert extent(upright.body)[0] < 0.8 * extent(flat.body)[0]


def test_the_tail_is_opaque_but_not_body():
    sprite = render(Posture(heading=0.0, tail_length=1.0))
    assert extent(sprite.alpha)[0] > 1.4 * extent(sprite.body)[0]
    assert (sprite.alpha >= sprite.body).all()


def test_colours_and_opacities_are_finite_and_in_range():
    rng = np.random.default_rng(3)
    for _ in range(30):
        sprite = render_from_above(
            sample_coat(rng), sample_posture(rng), float(rng.uniform(20, 150)), OVERHEAD, rng
        )
        assert np.isfinite(sprite.image).all()
        assert sprite.image.dtype == sprite.alpha.dtype == np.float32
        assert 0 <= sprite.alpha.min() <= sprite.alpha.max() <= 1
        assert sprite.body.max() > 0.9


def test_resizing_moves_the_origin_along():
    sprite = render(Posture(heading=0.3))
    twice = resize_sprite(sprite, 2.0)
    np.testing.assert_allclose(twice.origin, 2 * sprite.origin)
    assert twice.body.sum() == pytest.approx(4 * sprite.body.sum(), rel=0.05)
