import cv2
import numpy as np
import pytest

from murid.synthetic.animal import Posture, sample_coat
from murid.synthetic.camera import CameraModel
from murid.synthetic.clips import (
    ClipFrame,
    encode_jpeg,
    find_solo_frames,
    sample_window,
    sample_window_camera,
)
from murid.synthetic.rodent import render_from_above
from murid.synthetic.still import StillConfig

PLACE = np.full((200, 280, 3), 200, np.uint8)


def film(xs: list[int], length_px: float = 60) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    sprite = render_from_above(
        sample_coat(rng), Posture(0.4), length_px, np.array([0, 0, 1], np.float32), rng
    )
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


def unpack(packed: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(packed, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_the_animal_is_found_without_its_tail_and_odd_sizes_are_left_out():
    solos = find_solo_frames([*film([20, 60, 100]), *film([60], length_px=100), PLACE], PLACE)
    assert len(solos) == 3
    for solo, image in zip(solos, film([20, 60, 100]), strict=True):
        everything = bound(image)
        (box,) = solo.boxes
        assert (box[:2] >= np.array(everything[:2]) - 1).all()
        assert (box[2:] <= np.array(everything[2:]) + 1).all()
        assert np.prod(box[2:] - box[:2]) < 0.9 * np.prod(
            np.subtract(everything[2:], everything[:2])
        )
        np.testing.assert_allclose(unpack(solo.packed).astype(int), image, atol=40)
        assert solo.identities.tolist() == [-1]
    assert solos[1].boxes[0, 0] - solos[0].boxes[0, 0] == pytest.approx(40, abs=2)


def test_large_frames_are_made_smaller_with_their_boxes():
    large = [image.repeat(4, axis=0).repeat(4, axis=1) for image in film([60])]
    (solo,) = find_solo_frames(large, PLACE.repeat(4, axis=0).repeat(4, axis=1))
    assert unpack(solo.packed).shape == unpack(solo.packed_place).shape == (457, 640, 3)
    (same,) = find_solo_frames(film([60]), PLACE)
    np.testing.assert_allclose(solo.boxes / 640, same.boxes / 280, atol=0.01)


def test_boxes_and_identities_follow_the_window():
    """Two animals, told apart by their tone."""
    image = PLACE.copy()
    image[40:60, 30:80], image[120:150, 180:220] = 20, 90
    boxes = np.array([[30, 40, 80, 60], [180, 120, 220, 150]], np.float32)
    footage = ClipFrame(encode_jpeg(image), encode_jpeg(PLACE), boxes, np.array([7, 9]))
    config, plain = (
        StillConfig(size_px=128, body_px=(20, 80), backgrounds=1.0),
        CameraModel(mono=False, noise=0.0, blur_px=0),
    )
    seen = set()
    for seed in range(40):
        still = sample_window(np.random.default_rng(seed), footage, plain, config)
        assert still.image.shape == still.background.shape == (128, 128, 3)
        for (x1, y1, x2, y2), identity in zip(
            still.boxes.round().astype(int), still.identities, strict=True
        ):
            inside = np.median(still.image[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1])
            assert inside == pytest.approx({7: 20, 9: 90}[identity], abs=12)
            around = still.image[max(0, y1 - 4) : y2 + 4, max(0, x1 - 4) : x2 + 4]
            assert np.mean(np.abs(around.astype(int) - inside) < 30) < 0.95 or around.size == 3 * (
                x2 - x1
            ) * (y2 - y1)
            seen.add(int(identity))
        changed = np.abs(still.image.astype(int) - still.background).max(axis=2) > 40
        for x1, y1, x2, y2 in still.boxes.round().astype(int):
            changed[max(0, y1 - 3) : y2 + 3, max(0, x1 - 3) : x2 + 3] = False
        cut = {7, 9} - set(still.identities.tolist())
        assert (
            not changed.any() or cut
        )  # what is left is an animal of which less than a quarter is in the window
    assert seen == {7, 9}


def test_windows_come_with_and_without_a_backdrop_and_are_the_same_again():
    solos = find_solo_frames(film([20, 60, 100]), PLACE)
    config = StillConfig(size_px=96, body_px=(22, 60), backgrounds=0.5)

    def draw(seed):
        rng = np.random.default_rng(seed)
        return sample_window(rng, solos[seed % 3], sample_window_camera(rng), config)

    stills = [draw(seed) for seed in range(20)]
    assert all(len(still.boxes) <= 1 for still in stills)
    assert {still.background is None for still in stills} == {True, False}
    np.testing.assert_array_equal(draw(3).image, stills[3].image)
