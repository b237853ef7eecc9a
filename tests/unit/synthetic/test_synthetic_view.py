import numpy as np
import pytest

from murid.synthetic.animal import BREEDS, Posture, sample_coat_of_breed
from murid.synthetic.environment import build_environment
from murid.synthetic.rodent import render_from_side
from murid.synthetic.view import View

LIGHT = np.array([0, 0, 1], np.float32)


def test_from_above_nothing_changes():
    points = np.array([[10.0, 20.0], [300.0, 200.0]])
    pixels, across, along = View("above", 240, 320).project(points)
    np.testing.assert_array_equal(pixels, points)
    np.testing.assert_array_equal(across, along)


@pytest.mark.parametrize("kind", ["tilted", "side"])
def test_what_is_far_is_smaller_higher_and_behind(kind):
    view = View(kind, 240, 320)
    pixels, across, _ = view.project(np.array([[160.0, 220.0], [160.0, 20.0]]))
    assert across[1] < across[0]
    assert pixels[1, 1] < pixels[0, 1]
    np.testing.assert_array_equal(view.sort(pixels, np.array([0, 1])), [1, 0])


def test_a_tilted_camera_sees_the_arena_where_it_sees_the_animals():
    place = build_environment(np.random.default_rng(0), "field", 240, 320, 40)
    marked = place.arena.image.copy()
    marked[98:103, 118:123] = 5.0
    view = View("tilted", 240, 320)
    shown = view.show(
        type(place.arena)(marked, place.arena.floor, place.arena.cover, place.arena.cover_alpha)
    ).image
    y, x = np.unravel_index(shown[..., 0].argmax(), shown.shape[:2])
    np.testing.assert_allclose((x, y), view.project(np.array([[120.0, 100.0]]))[0][0], atol=3)


@pytest.mark.parametrize(("heading", "side"), [(0.0, 1), (np.pi, -1)])
def test_a_profile_looks_where_it_heads_and_stands_on_its_feet(heading, side):
    rng = np.random.default_rng(0)
    sprite = render_from_side(
        sample_coat_of_breed("albino", rng), Posture(heading, tail_length=0.9), 60, LIGHT, rng
    )
    body = np.nonzero(sprite.body > 0.5)
    tail = np.nonzero((sprite.alpha > 0.5) & (sprite.body < 0.5))
    assert np.sign(body[1].mean() - tail[1].mean()) == side
    assert body[0].max() == pytest.approx(sprite.origin[1], abs=2)


def test_a_reared_profile_is_taller():
    rng = np.random.default_rng(0)
    flat, upright = (
        render_from_side(
            sample_coat_of_breed("black", rng), Posture(0.0, rear=rear), 60, LIGHT, rng
        )
        for rear in (0.0, 0.8)
    )
    assert (upright.body > 0.5).any(axis=1).sum() > 1.4 * (flat.body > 0.5).any(axis=1).sum()


@pytest.mark.parametrize("breed", BREEDS)
def test_breeds_look_like_themselves(breed):
    coats = [sample_coat_of_breed(breed, np.random.default_rng(seed)) for seed in range(5)]
    assert all(((coat.base >= 0) & (coat.base <= 1)).all() for coat in coats)
    assert np.ptp([coat.base.mean() for coat in coats]) < 0.25
    assert {coat.pattern for coat in coats} == {breed if breed in ("hooded", "dyed") else "plain"}


@pytest.mark.parametrize("kind", ["field", "disc", "cage", "tank"])
@pytest.mark.parametrize("tone", [None, 0.2, 0.8])
def test_places_are_pictures_with_a_floor_of_the_tone_asked_for(kind, tone):
    place = build_environment(np.random.default_rng(3), kind, 240, 320, 40, floor_brightness=tone)
    image = place.arena.image
    assert image.shape == (240, 320, 3)
    assert np.isfinite(image).all()
    assert 0.2 < place.arena.floor.mean() < 0.9
    if tone is not None:
        assert abs(np.median(image[150:200, 120:200]) - tone) < 0.25


def test_shelters_are_opaque_and_on_the_ground():
    place = build_environment(np.random.default_rng(3), "cage", 240, 320, 30, n_shelters=2)
    assert len(place.shelters) == 2
    np.testing.assert_allclose(place.ground.confine(place.shelters), place.shelters)
    for x, y in place.shelters.astype(int):
        assert (place.arena.cover_alpha[y - 8 : y + 8, x - 8 : x + 8] == 1).all()
