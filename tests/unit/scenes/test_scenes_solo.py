import numpy as np
import pytest

from murid.scenes.rodent import Posture, render_rodent, sample_coat
from murid.scenes.solo import draw_window, make_solos
from murid.scenes.still import StillConfig, make_still

PLACE = np.full((200, 280, 3), 200, np.uint8)


def film(xs: list[int], length_px: float = 60) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    sprite = render_rodent(sample_coat(rng), Posture(0.4), length_px, np.array([0, 0, 1], np.float32), rng)
    images = []
    for x in xs:
        image = PLACE.copy()
        window = image[60 : 60 + sprite.alpha.shape[0], x : x + sprite.alpha.shape[1]]
        window[sprite.alpha > 0.5] = 20
        images.append(image)
    return images


def bound(image: np.ndarray) -> list[int]:
    ys, xs = np.nonzero(image[..., 0] < 100)
    return [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]


def test_the_animal_is_found_without_its_tail_and_odd_sizes_are_left_out():
    solos = make_solos([*film([20, 60, 100]), *film([60], length_px=100), PLACE], PLACE)
    assert len(solos) == 3
    for solo, image in zip(solos, film([20, 60, 100]), strict=True):
        everything = bound(image)
        assert (solo.box[:2] >= np.array(everything[:2]) - 1).all()
        assert (solo.box[2:] <= np.array(everything[2:]) + 1).all()
        assert np.prod(solo.box[2:] - solo.box[:2]) < 0.9 * np.prod(np.subtract(everything[2:], everything[:2]))
        np.testing.assert_allclose(solo.unpack().astype(int), image, atol=40)
    assert solos[1].box[0] - solos[0].box[0] == pytest.approx(40, abs=2)


def test_large_frames_are_made_smaller_with_their_boxes():
    large = [image.repeat(4, axis=0).repeat(4, axis=1) for image in film([60])]
    (solo,) = make_solos(large, PLACE.repeat(4, axis=0).repeat(4, axis=1))
    assert max(solo.place.shape) == 640
    assert solo.unpack().shape == solo.place.shape
    (same,) = make_solos(film([60]), PLACE)
    np.testing.assert_allclose(solo.box / 640, same.box / 280, atol=0.01)


def test_boxes_follow_the_window():
    (solo,) = make_solos(film([60]), PLACE)
    seen = 0
    for seed in range(40):
        image, backdrop, boxes = draw_window(np.random.default_rng(seed), solo, 128, (20, 80))
        assert image.shape == backdrop.shape == (128, 128, 3)
        if not len(boxes):
            continue
        seen += 1
        box = boxes[0].round().astype(int)
        changed = np.abs(image.astype(int) - backdrop).max(axis=2) > 60
        inside = changed[box[1] : box[3], box[0] : box[2]]
        assert inside.mean() > 0.3
        assert inside.sum() > 0.6 * changed.sum()  # the rest is tail
    assert seen > 25


def test_stills_show_real_frames_where_these_are_given():
    solos = make_solos(film([20, 60, 100]), PLACE)
    config = StillConfig(size_px=96, solos=1.0, backdrops=0.5)
    stills = [make_still(seed, config, solos=solos) for seed in range(20)]
    assert all(len(still.boxes) <= 1 for still in stills)
    assert any(len(still.boxes) for still in stills)
    assert all((still.identities == -1).all() for still in stills)
    assert {still.backdrop is None for still in stills} == {True, False}
    again = make_still(3, config, solos=solos)
    np.testing.assert_array_equal(again.image, stills[3].image)
