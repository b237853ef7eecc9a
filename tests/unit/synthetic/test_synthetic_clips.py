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
from murid.synthetic.keypoint_truth import make_unknown_keypoints
from murid.synthetic.rodent import render_from_above
from murid.synthetic.still import StillConfig

BACKGROUND = np.full((200, 280, 3), 200, np.uint8)
LIGHT = np.array([0, 0, 1], np.float32)


def draw_frames(xs: list[int], length_px: float = 60) -> list[np.ndarray]:
    """Frames of one dark animal at several positions."""
    rng = np.random.default_rng(1)
    sprite = render_from_above(sample_coat(rng), Posture(0.4), length_px, LIGHT, rng)
    height, width = sprite.alpha.shape
    images = []
    for x in xs:
        image = BACKGROUND.copy()
        window = image[60 : 60 + height, x : x + width]
        window[sprite.alpha > 0.5] = 20
        images.append(image)
    return images


def find_bounding_box(image: np.ndarray) -> list[int]:
    ys, xs = np.nonzero(image[..., 0] < 100)
    return [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]


def decode_jpeg(encoded: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_animal_is_found_without_its_tail_and_atypical_sizes_are_left_out():
    typical = draw_frames([20, 60, 100])
    solos = find_solo_frames([*typical, *draw_frames([60], length_px=100), BACKGROUND], BACKGROUND)
    assert len(solos) == 3
    for solo, image in zip(solos, typical, strict=True):
        outer = np.array(find_bounding_box(image))
        (box,) = solo.boxes
        assert (box[:2] >= outer[:2] - 1).all()
        assert (box[2:] <= outer[2:] + 1).all()
        assert np.prod(box[2:] - box[:2]) < 0.9 * np.prod(outer[2:] - outer[:2])
        np.testing.assert_allclose(decode_jpeg(solo.image_jpeg).astype(int), image, atol=40)
        assert solo.identities.tolist() == [-1]
    assert solos[1].boxes[0, 0] - solos[0].boxes[0, 0] == pytest.approx(40, abs=2)


def test_large_frames_are_reduced_with_their_boxes():
    large = [image.repeat(4, axis=0).repeat(4, axis=1) for image in draw_frames([60])]
    large_background = BACKGROUND.repeat(4, axis=0).repeat(4, axis=1)
    (solo,) = find_solo_frames(large, large_background)
    assert decode_jpeg(solo.image_jpeg).shape == (457, 640, 3)
    assert decode_jpeg(solo.background_jpeg).shape == (457, 640, 3)
    (same,) = find_solo_frames(draw_frames([60]), BACKGROUND)
    np.testing.assert_allclose(solo.boxes / 640, same.boxes / 280, atol=0.01)


def test_boxes_and_identities_follow_the_window():
    """Two animals that differ in brightness."""
    brightness = {7: 20, 9: 90}
    image = BACKGROUND.copy()
    image[40:60, 30:80] = brightness[7]
    image[120:150, 180:220] = brightness[9]
    boxes = np.array([[30, 40, 80, 60], [180, 120, 220, 150]], np.float32)
    identities = np.array([7, 9])
    unknown = make_unknown_keypoints(2)
    frame = ClipFrame(encode_jpeg(image), encode_jpeg(BACKGROUND), boxes, identities, unknown)
    config = StillConfig(size_px=128, body_px=(20, 80), backgrounds=1.0, overlays=0.0)
    camera = CameraModel(mono=False, noise=0.0, blur_px=0)
    seen = set()
    for seed in range(40):
        still = sample_window(np.random.default_rng(seed), frame, camera, config)
        assert still.image.shape == still.background.shape == (128, 128, 3)
        changed = np.abs(still.image.astype(int) - still.background).max(axis=2) > 40
        pixel_boxes = still.boxes.round().astype(int)
        for (x1, y1, x2, y2), identity in zip(pixel_boxes, still.identities, strict=True):
            inside = np.median(still.image[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1])
            assert inside == pytest.approx(brightness[int(identity)], abs=12)
            around = still.image[max(0, y1 - 4) : y2 + 4, max(0, x1 - 4) : x2 + 4]
            fills_window = around.size == 3 * (x2 - x1) * (y2 - y1)
            assert np.mean(np.abs(around.astype(int) - inside) < 30) < 0.95 or fills_window
            seen.add(int(identity))
            changed[max(0, y1 - 3) : y2 + 3, max(0, x1 - 3) : x2 + 3] = False
        # Only an animal of which less than a quarter is in the window has no box.
        without_box = {7, 9} - set(still.identities.tolist())
        assert not changed.any() or without_box
    assert seen == {7, 9}


def test_windows_have_a_background_or_not_and_are_reproducible():
    solos = find_solo_frames(draw_frames([20, 60, 100]), BACKGROUND)
    config = StillConfig(size_px=96, body_px=(22, 60), backgrounds=0.5)

    def make(seed):
        rng = np.random.default_rng(seed)
        return sample_window(rng, solos[seed % 3], sample_window_camera(rng), config)

    stills = [make(seed) for seed in range(20)]
    assert all(len(still.boxes) <= 1 for still in stills)
    assert {still.background is None for still in stills} == {True, False}
    np.testing.assert_array_equal(make(3).image, stills[3].image)
