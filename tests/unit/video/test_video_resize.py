"""Images that are smaller by a whole factor."""

import numpy as np

from murid.video.resize import shrink


def test_each_pixel_is_the_mean_of_a_square():
    image = np.random.default_rng(0).integers(0, 256, (7, 11, 3)).astype(np.uint8)
    small = shrink(image, 3)
    assert small.shape == (2, 3, 3)
    means = image[:6, :9].reshape(2, 3, 3, 3, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(small, means, atol=0.51)
    assert shrink(image, 1) is image
