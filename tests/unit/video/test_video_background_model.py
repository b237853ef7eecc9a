from __future__ import annotations

import numpy as np
import pytest

from murid.video.background_model import sort_pictures


@pytest.mark.parametrize("n", [1, 2, 3, 7, 16, 31, 60])
def test_pictures_are_sorted_pixel_by_pixel(n: int):
    stack = np.random.default_rng(n).integers(0, 256, (n, 5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(sort_pictures(stack.copy()), np.sort(stack, axis=0))
