import numpy as np
import pytest

from murid.synthetic.animal import Posture, sample_coat, sample_coat_of_breed, sample_posture
from murid.synthetic.rodent import render_from_above, render_from_side

OVERHEAD = np.array([0, 0, 1], np.float32)


def render(posture: Posture, length_px: float = 60.0, seed: int = 0):
    rng = np.random.default_rng(seed)
    return render_from_above(sample_coat(rng), posture, length_px, OVERHEAD, rng)


def measure_extent(mask):
    """Width and height of a mask, pixels."""
    ys, xs = np.nonzero(mask > 0.5)
    return np.ptp(xs) + 1, np.ptp(ys) + 1


@pytest.mark.parametrize("length_px", [24.0, 60.0, 160.0])
def test_straight_animal_has_the_requested_length(length_px):
    width, height = measure_extent(render(Posture(heading=0.0), length_px).body)
    assert width == pytest.approx(length_px, rel=0.15)
    assert height < 0.65 * width


def test_heading_rotates_the_body():
    width, height = measure_extent(render(Posture(heading=np.pi / 2)).body)
    assert height > 1.5 * width


def test_rearing_shortens_the_body_from_above():
    flat_width, _ = measure_extent(render(Posture(heading=0.0)).body)
    upright_width, _ = measure_extent(render(Posture(heading=0.0, rear=0.9)).body)
    assert upright_width < 0.8 * flat_width


def test_tail_is_opaque_but_not_part_of_the_body():
    sprite = render(Posture(heading=0.0, tail_length=1.0))
    assert measure_extent(sprite.alpha)[0] > 1.4 * measure_extent(sprite.body)[0]
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


@pytest.mark.parametrize(("heading", "side"), [(0.0, 1), (np.pi, -1)])
def test_side_view_faces_its_heading_and_stands_on_its_feet(heading, side):
    rng = np.random.default_rng(0)
    coat = sample_coat_of_breed("albino", rng)
    sprite = render_from_side(coat, Posture(heading, tail_length=0.9), 60, OVERHEAD, rng)
    body = np.nonzero(sprite.body > 0.5)
    tail = np.nonzero((sprite.alpha > 0.5) & (sprite.body < 0.5))
    assert np.sign(body[1].mean() - tail[1].mean()) == side
    assert body[0].max() == pytest.approx(sprite.origin[1], abs=2)


def test_rearing_animal_is_taller_from_the_side():
    rng = np.random.default_rng(0)
    heights = []
    for rear in (0.0, 0.8):
        coat = sample_coat_of_breed("black", rng)
        sprite = render_from_side(coat, Posture(0.0, rear=rear), 60, OVERHEAD, rng)
        heights.append((sprite.body > 0.5).any(axis=1).sum())
    flat, upright = heights
    assert upright > 1.4 * flat
