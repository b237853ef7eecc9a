import numpy as np

from murid.synthetic.pixels import to_float_image, to_subpixels


def test_levels_become_numbers_from_0_to_1() -> None:
    image = to_float_image(np.array([0, 51, 255], np.uint8))

    assert image.dtype == np.float32
    np.testing.assert_allclose(image, [0, 0.2, 1], rtol=1e-6)


def test_positions_are_rounded_to_sixteenths_of_a_pixel() -> None:
    points = to_subpixels(np.array([[1.0, 2.5], [0.03, 0.04]]))

    assert points.dtype == np.int32
    assert points.tolist() == [[16, 40], [0, 1]]
