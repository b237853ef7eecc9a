"""Numbers of paths, and the terms of the log-likelihood ratio by which they are changed."""

import numpy as np

from murid.identification.swaps.refinement import number_paths


def test_paths_are_numbered_in_the_order_in_which_they_begin():
    next_tracklets = np.array([2, 3, -1, -1, -1, -1])
    on_path = np.array([True, True, True, True, False, True])
    assert number_paths(next_tracklets, on_path).tolist() == [0, 1, 0, 1, -1, 2]
