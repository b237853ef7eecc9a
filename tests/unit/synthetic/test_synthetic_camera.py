import numpy as np
import pytest

from murid.synthetic.camera import CameraModel, VideoCamera

PLAIN = CameraModel(mono=False, blur_px=0.0, noise=0.0)


def make_camera(model: CameraModel, flicker: float = 0.0, seed: int = 0) -> VideoCamera:
    return VideoCamera(model, 60, 80, np.random.default_rng(seed), flicker)


@pytest.fixture
def scene():
    return np.random.default_rng(5).random((60, 80, 3), np.float32)


@pytest.fixture
def grey_scene():
    return np.full((60, 80, 3), 0.5, np.float32)


def test_plain_camera_shows_the_scene_unchanged(scene):
    image = make_camera(PLAIN).take_frame(scene)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image, 255 * scene, atol=1.01)


def test_infrared_has_no_colour(scene):
    image = make_camera(CameraModel(mono=True, blur_px=0.0, noise=0.02)).take_frame(scene)
    assert image.shape == scene.shape
    assert (np.ptp(image, axis=2) == 0).all()


def test_noise_has_the_requested_deviation_and_changes_every_frame(grey_scene):
    camera = make_camera(CameraModel(mono=True, blur_px=0.0, noise=0.05))
    first, second = (camera.take_frame(grey_scene)[..., 0].astype(float) for _ in range(2))
    assert first.std() == pytest.approx(255 * 0.05, rel=0.1)
    assert (first - second).std() > 10


def test_flicker_changes_the_light_of_the_whole_image(grey_scene):
    steady = make_camera(PLAIN)
    flickering = make_camera(PLAIN, flicker=0.1)
    assert np.std([steady.take_frame(grey_scene).mean() for _ in range(20)]) == 0
    images = [flickering.take_frame(grey_scene) for _ in range(20)]
    assert np.std([image.mean() for image in images]) > 2
    assert all(np.ptp(image) == 0 for image in images)


def test_vignette_darkens_the_corners():
    camera = make_camera(CameraModel(mono=True, blur_px=0.0, noise=0.0, vignette=0.5))
    image = camera.take_frame(np.ones((60, 80, 3), np.float32))
    assert image[0, 0, 0] < 0.6 * image[30, 40, 0]


@pytest.mark.parametrize(
    "model",
    [
        CameraModel(mono=False, blur_px=2.0, noise=0.0),
        CameraModel(mono=False, blur_px=0, noise=0, jpeg_quality=20),
    ],
    ids=["blur", "compression"],
)
def test_blur_and_compression_remove_detail(scene, model):
    sharp = make_camera(PLAIN).take_frame(scene)
    assert make_camera(model).take_frame(scene).std() < 0.95 * sharp.std()
