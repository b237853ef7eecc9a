import numpy as np
import pytest

from murid.synthetic.composition import Shadow, compose
from murid.synthetic.enclosure import Enclosure
from murid.synthetic.sprite import Sprite

NO_SHADOW = Shadow(strength=0.0)


def empty_arena(size: int = 100, cover: np.ndarray | None = None) -> Enclosure:
    image = np.full((size, size, 3), 0.5, np.float32)
    cover = np.zeros((size, size), np.float32) if cover is None else cover
    return Enclosure(image, np.ones((size, size), bool), np.ones_like(image), cover)


def square(side: int, tone: float) -> Sprite:
    opaque = np.ones((side, side), np.float32)
    return Sprite(
        np.full((side, side, 3), tone, np.float32), opaque, opaque, np.zeros(2, np.float32)
    )


def test_box_is_the_body_in_place():
    scene, truth = compose(empty_arena(), [square(20, 1.0)], np.array([[30.0, 40.0]]), NO_SHADOW)
    np.testing.assert_array_equal(truth.boxes, [[30, 40, 50, 60]])
    assert truth.visible_fractions == pytest.approx([1.0])
    assert (scene[40:60, 30:50] == 1).all()
    assert (scene[:40] == 0.5).all()


def test_mostly_visible_animal_keeps_its_whole_box_and_a_heavily_covered_one_its_visible_part():
    sprites = [square(20, 0.0), square(20, 1.0)]
    _, a_little = compose(empty_arena(), sprites, np.array([[30.0, 30.0], [45.0, 30.0]]), NO_SHADOW)
    np.testing.assert_array_equal(a_little.boxes[0], [30, 30, 50, 50])
    _, a_lot = compose(empty_arena(), sprites, np.array([[30.0, 30.0], [40.0, 30.0]]), NO_SHADOW)
    np.testing.assert_array_equal(a_lot.boxes[0], [30, 30, 40, 50])
    assert a_lot.visible_fractions[0] == pytest.approx(0.5)


def test_hidden_animal_has_no_box_but_the_others_keep_their_rows():
    sprites = [square(20, 0.0), square(20, 1.0)]
    _, truth = compose(empty_arena(), sprites, np.array([[30.0, 30.0], [32.0, 30.0]]), NO_SHADOW)
    np.testing.assert_array_equal(truth.animal_indices, [1])


def test_box_is_cut_at_the_edge_of_the_picture():
    _, truth = compose(empty_arena(), [square(20, 1.0)], np.array([[-5.0, 90.0]]), NO_SHADOW)
    np.testing.assert_array_equal(truth.boxes, [[0, 90, 15, 100]])


@pytest.mark.parametrize("position", [[-50.0, 10.0], [200.0, 10.0], [10.0, 300.0]])
def test_animal_outside_the_picture_leaves_no_trace(position):
    scene, truth = compose(empty_arena(), [square(20, 1.0)], np.array([position]), Shadow())
    assert len(truth.boxes) == 0
    assert (scene == 0.5).all()


def test_a_roof_hides_what_is_under_it():
    cover = np.zeros((100, 100), np.float32)
    cover[:, :50] = 1
    _, truth = compose(
        empty_arena(cover=cover), [square(20, 0.0)], np.array([[20.0, 20.0]]), NO_SHADOW
    )
    assert len(truth.boxes) == 0
