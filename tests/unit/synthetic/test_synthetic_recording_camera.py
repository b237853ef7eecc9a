import numpy as np
import pytest

from murid.synthetic.camera import CameraModel
from murid.synthetic.recording_camera import Film

PLAIN = CameraModel(mono=False, blur_px=0.0, noise=0.0)


def make_film(camera: CameraModel, flicker: float = 0.0, seed: int = 0) -> Film:
    return Film(camera, 60, 80, np.random.default_rng(seed), flicker)


@pytest.fixture
def scene():
    return np.random.default_rng(5).random((60, 80, 3), np.float32)


def test_a_plain_camera_shows_the_scene_as_it_is(scene):
    image = make_film(PLAIN).expose(scene)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image, 255 * scene, atol=1.01)


def test_infrared_has_no_colour(scene):
    image = make_film(CameraModel(mono=True, blur_px=0.0, noise=0.02)).expose(scene)
    assert image.shape == scene.shape
    assert (np.ptp(image, axis=2) == 0).all()


def test_noise_is_as_strong_as_asked_and_new_in_every_frame():
    film, grey = (
        make_film(CameraModel(mono=True, blur_px=0.0, noise=0.05)),
        np.full((60, 80, 3), 0.5, np.float32),
    )
    a, b = (film.expose(grey)[..., 0].astype(float) for _ in range(2))
    assert a.std() == pytest.approx(255 * 0.05, rel=0.1)
    assert (a - b).std() > 10


def test_flicker_changes_the_light_of_the_whole_picture():
    grey = np.full((60, 80, 3), 0.5, np.float32)
    steady, lively = make_film(PLAIN), make_film(PLAIN, flicker=0.1)
    assert np.std([steady.expose(grey).mean() for _ in range(20)]) == 0
    pictures = [lively.expose(grey) for _ in range(20)]
    assert np.std([p.mean() for p in pictures]) > 2
    assert all(np.ptp(p) == 0 for p in pictures)


def test_a_vignette_darkens_the_corners():
    image = make_film(CameraModel(mono=True, blur_px=0.0, noise=0.0, vignette=0.5)).expose(
        np.ones((60, 80, 3), np.float32)
    )
    assert image[0, 0, 0] < 0.6 * image[30, 40, 0]


def test_compression_and_blur_take_detail_away(scene):
    sharp = make_film(PLAIN).expose(scene)
    for camera in (
        CameraModel(mono=False, blur_px=2.0, noise=0.0),
        CameraModel(mono=False, blur_px=0, noise=0, jpeg_quality=20),
    ):
        assert make_film(camera).expose(scene).std() < 0.95 * sharp.std()
