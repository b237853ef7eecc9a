import numpy as np
import pytest

from murid.synthetic.animal import Posture, sample_coat_of_breed
from murid.synthetic.rodent import render_from_above
from murid.synthetic.solo_segments import Part, SoloSummary, choose_parts, lift_animal

PLACE = np.full((160, 240, 3), 200, np.uint8)


def photograph(x: int, y: int, place: np.ndarray = PLACE) -> tuple[np.ndarray, np.ndarray]:
    """A black mouse on a plain floor, its sprite's origin at x, y; and where its body is."""
    rng = np.random.default_rng(0)
    sprite = render_from_above(
        sample_coat_of_breed("black", rng), Posture(0.5), 60, np.array([0, 0, 1], np.float32), rng
    )
    image, truth = place.astype(np.float32) / 255, np.zeros(place.shape[:2], bool)
    left, top = (round(float(v)) for v in np.array([x, y]) - sprite.origin)
    height, width = sprite.alpha.shape
    inside = np.s_[top : top + height, left : left + width]
    alpha = sprite.alpha[..., None]
    image[inside] = image[inside] * (1 - alpha) + sprite.image * alpha
    truth[inside] = sprite.body > 0.5
    return (255 * image).astype(np.uint8), truth


def scout(n: int, seed: int = 0, tone: float = 0.1) -> SoloSummary:
    rng = np.random.default_rng(seed)
    path = np.cumsum(rng.normal(0, 8, (n // 5, 2)), axis=0)
    return SoloSummary(np.arange(0, n, 5), 120 + 60 * np.tanh(path / 60), 1200.0, tone)


def test_a_lifted_animal_put_back_gives_the_picture_again():
    image, truth = photograph(120, 80)
    lifted = lift_animal(image, PLACE)
    assert lifted is not None
    sprite = lifted.sprite
    left, top = (lifted.position - sprite.origin).round().astype(int)
    height, width = sprite.alpha.shape
    again, body = PLACE.astype(np.float32) / 255, np.zeros(truth.shape, bool)
    window, alpha = np.s_[top : top + height, left : left + width], sprite.alpha[..., None]
    again[window] = again[window] * (1 - alpha) + sprite.image * alpha
    body[window] = sprite.body > 0.5
    assert np.abs(255 * again - image).mean() < 1
    assert (body & truth).sum() / (body | truth).sum() > 0.85


def test_the_edge_is_soft_and_free_of_the_background():
    image, _ = photograph(120, 80)
    sprite = lift_animal(image, PLACE).sprite
    edge = (sprite.alpha > 0.4) & (sprite.alpha < 0.9)
    assert edge.sum() > 20
    assert np.median(sprite.image[edge]) < 0.35


def test_nothing_is_lifted_off_an_empty_place():
    assert lift_animal(PLACE, PLACE) is None


def test_mirroring_moves_the_animal_to_the_other_side():
    image, _ = photograph(90, 60)
    lifted = lift_animal(image, PLACE)
    part = Part(0, 0, (True, True), (100.0, 70.0), (100.0, 70.0))
    played = part.perform(lifted, 0.1)
    np.testing.assert_allclose(played.position, [200, 140] - lifted.position)
    np.testing.assert_array_equal(played.sprite.body, lifted.sprite.body[::-1, ::-1])
    np.testing.assert_array_equal(part.move(played.position), lifted.position)


@pytest.mark.parametrize("tone", [0.4, 0.7])
def test_a_dyed_animal_has_the_tone_asked_for_and_keeps_its_shape(tone):
    image, _ = photograph(90, 60)
    lifted = lift_animal(image, PLACE)
    body = lifted.sprite.body > 0.5
    own = float(np.median(lifted.sprite.image[body]))
    part = Part(0, 0, (False, False), (0.0, 0.0), (0.0, 0.0), tone=tone)
    dyed = part.perform(lifted, own).sprite
    assert np.median(dyed.image[body]) == pytest.approx(tone, abs=0.05)
    np.testing.assert_array_equal(dyed.alpha, lifted.sprite.alpha)


def choose(seed: int = 0, n_animals: int = 4, n_solos: int = 1, **changes: bool) -> list[Part]:
    solos = [scout(3000, k) for k in range(n_solos)]
    options = {"same_arena": True, "recolour": True, "coloured": False} | changes
    return choose_parts(
        np.random.default_rng(seed), solos, n_animals, 300, floor_tone=0.8, **options
    )


def test_the_same_seed_casts_the_same_parts():
    assert choose(1) == choose(1) != choose(2)


def test_each_recording_gives_an_animal_in_turn():
    assert [part.solo for part in choose(n_solos=3, n_animals=5)] == [0, 1, 2, 0, 1]


def test_animals_of_one_recording_play_different_stretches_in_different_coats():
    parts = choose()
    starts = sorted(part.start for part in parts)
    assert np.diff(starts).min() >= 250
    assert all(0 <= start <= 2700 for start in starts)
    tones = [part.tone for part in parts]
    assert tones[0] is None
    assert len(set(tones)) == 4
    assert all(abs(tone - 0.8) > 0.15 for tone in tones[1:])


def test_coats_stay_as_they_are_where_so_wished():
    assert all(part.tone is None for part in choose(recolour=False))


def test_ranges_of_other_arenas_are_laid_over_the_first():
    first, second = scout(1000, 0), scout(1000, 1)
    second = SoloSummary(second.frames, 0.5 * second.positions + 300, second.area_px, second.tone)
    part = choose_parts(
        np.random.default_rng(0),
        [first, second],
        2,
        100,
        floor_tone=0.8,
        same_arena=False,
        recolour=True,
        coloured=True,
    )[1]
    moved = np.percentile(part.move(second.positions), [1, 99], axis=0)
    assert (moved[0] > first.range[0] - 5).all()
    assert (moved[1] < first.range[1] + 5).all()
    assert part.zoom > 1.2
