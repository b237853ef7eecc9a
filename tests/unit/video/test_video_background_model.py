from __future__ import annotations

import numpy as np
import pytest

from murid.video.background_model import sort_images


@pytest.mark.parametrize("n", [1, 2, 3, 7, 16, 31, 60])
def test_images_are_sorted_pixel_by_pixel(n: int):
    stack = np.random.default_rng(n).integers(0, 256, (n, 5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(sort_images(stack.copy()), np.sort(stack, axis=0))
