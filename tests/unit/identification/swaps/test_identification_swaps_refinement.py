"""Numbers of paths, and the terms of the log-likelihood ratio by which they are changed."""

import numpy as np

from murid.identification.swaps.llr_terms import PATH_WEIGHTS, LlrTerms
from murid.identification.swaps.refinement import number_paths


def test_paths_are_numbered_in_the_order_in_which_they_begin():
    next_tracklets = np.array([2, 3, -1, -1, -1, -1])
    on_path = np.array([True, True, True, True, False, True])
    assert number_paths(next_tracklets, on_path).tolist() == [0, 1, 0, 1, -1, 2]


def test_terms_are_added_up_by_their_weights():
    columns = np.eye(6)
    terms = LlrTerms(*columns)
    np.testing.assert_allclose(
        terms.compute_weighted_sum(PATH_WEIGHTS),
        [
            PATH_WEIGHTS.tracklet_motion,
            PATH_WEIGHTS.contact_motion,
            PATH_WEIGHTS.appearance,
            PATH_WEIGHTS.tracklet_votes,
            PATH_WEIGHTS.contact_votes,
            PATH_WEIGHTS.point_matches,
        ],
    )
    assert len(LlrTerms.empty()) == 0
