import numpy as np
import pytest

from murid.synthetic.composition import Shadow, compose_scene
from murid.synthetic.enclosure import Enclosure
from murid.synthetic.sprite import Sprite

NO_SHADOW = Shadow(strength=0.0)


def make_enclosure(size: int = 100, cover_alpha: np.ndarray | None = None) -> Enclosure:
    image = np.full((size, size, 3), 0.5, np.float32)
    if cover_alpha is None:
        cover_alpha = np.zeros((size, size), np.float32)
    return Enclosure(image, np.ones((size, size), bool), np.ones_like(image), cover_alpha)


def make_square(side: int, brightness: float) -> Sprite:
    image = np.full((side, side, 3), brightness, np.float32)
    opaque = np.ones((side, side), np.float32)
    return Sprite(image, opaque, opaque, np.zeros(2, np.float32))


def compose_squares(*positions: tuple[float, float]):
    """Scene and truth of a black square, and a white one above it if there are two positions."""
    sprites = [make_square(20, 0.0), make_square(20, 1.0)]
    sprites = sprites[-len(positions) :]
    return compose_scene(make_enclosure(), sprites, np.array(positions), NO_SHADOW)


def test_box_bounds_the_body():
    scene, truth = compose_squares((30.0, 40.0))
    np.testing.assert_array_equal(truth.boxes, [[30, 40, 50, 60]])
    assert truth.visible_fractions == pytest.approx([1.0])
    assert (scene[40:60, 30:50] == 1).all()
    assert (scene[:40] == 0.5).all()


def test_slightly_occluded_animal_keeps_its_whole_box():
    _, truth = compose_squares((30.0, 30.0), (45.0, 30.0))
    np.testing.assert_array_equal(truth.boxes[0], [30, 30, 50, 50])


def test_heavily_occluded_animal_has_the_box_of_its_visible_part():
    _, truth = compose_squares((30.0, 30.0), (40.0, 30.0))
    np.testing.assert_array_equal(truth.boxes[0], [30, 30, 40, 50])
    assert truth.visible_fractions[0] == pytest.approx(0.5)


def test_hidden_animal_has_no_box_but_the_others_keep_their_indices():
    _, truth = compose_squares((30.0, 30.0), (32.0, 30.0))
    np.testing.assert_array_equal(truth.animal_indices, [1])


def test_box_is_clipped_at_the_edge_of_the_image():
    _, truth = compose_squares((-5.0, 90.0))
    np.testing.assert_array_equal(truth.boxes, [[0, 90, 15, 100]])


@pytest.mark.parametrize("position", [[-50.0, 10.0], [200.0, 10.0], [10.0, 300.0]])
def test_animal_outside_of_the_image_changes_nothing(position):
    sprites = [make_square(20, 1.0)]
    scene, truth = compose_scene(make_enclosure(), sprites, np.array([position]), Shadow())
    assert len(truth.boxes) == 0
    assert (scene == 0.5).all()


def test_roof_hides_animals_below():
    cover_alpha = np.zeros((100, 100), np.float32)
    cover_alpha[:, :50] = 1
    enclosure = make_enclosure(cover_alpha=cover_alpha)
    _, truth = compose_scene(enclosure, [make_square(20, 0.0)], np.array([[20.0, 20.0]]), NO_SHADOW)
    assert len(truth.boxes) == 0
