import cv2
import numpy as np
import pytest

from murid.video.image_file import decode_image, to_rgb_image
from murid.video.intensity import fit_intensity_scale

RGB = np.random.default_rng(0).integers(0, 256, (20, 31, 3)).astype(np.uint8)


def encode(suffix, image):
    return cv2.imencode(suffix, image)[1].tobytes()


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_8_bits_are_read_as_they_are(suffix):
    np.testing.assert_array_equal(decode_image(encode(suffix, RGB[..., ::-1])), RGB)
    grey = decode_image(encode(suffix, RGB[..., 0]))
    np.testing.assert_array_equal(grey, np.stack([RGB[..., 0]] * 3, axis=2))


def test_opacity_is_left_out():
    opacity = np.full((20, 31, 1), 9, np.uint8)
    content = encode(".png", np.concatenate([RGB[..., ::-1], opacity], axis=2))
    np.testing.assert_array_equal(decode_image(content), RGB)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("is_grey", [False, True])
def test_more_bits_keep_their_type(dtype, is_grey):
    values = RGB.astype(dtype) * 16
    values = values[..., 0] if is_grey else values
    content = encode(".tif", values if is_grey else values[..., ::-1])
    decoded = decode_image(content)
    assert decoded.dtype == dtype
    pixels = to_rgb_image(decoded, fit_intensity_scale([decoded]))
    assert pixels.dtype == np.uint8
    expected = np.stack([RGB[..., 0]] * 3, axis=2) if is_grey else RGB
    np.testing.assert_array_equal(pixels, expected)


def test_what_is_no_image():
    assert decode_image(b"") is None
    assert decode_image(b"broken") is None
