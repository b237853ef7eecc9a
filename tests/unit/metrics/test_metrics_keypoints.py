import numpy as np
import pytest

from murid.errors import ArrayError
from murid.metrics.keypoints import (
    compute_errors,
    compute_keypoint_scores,
    compute_pck,
    find_exchanged,
    match_centres,
)

UNKNOWN = [np.nan, np.nan]


def test_each_label_gets_one_centre_at_most_and_none_that_is_far():
    labels = np.array([[0.0, 0], [10, 0], [100, 0]])
    centres = np.array([[9.0, 0], [60, 0], [4, 0]])
    assert match_centres(labels, centres, 20).tolist() == [2, 0, -1]
    # The nearest pairs alone would leave a label without a centre.
    assert match_centres(
        np.array([[0.0, 0], [10, 0]]), np.array([[9.0, 0], [22, 0]]), 15
    ).tolist() == [0, 1]
    assert match_centres(labels, np.zeros((0, 2)), 20).tolist() == [-1, -1, -1]
    assert match_centres(np.zeros((0, 2)), centres, 20).tolist() == []


def test_a_far_pair_takes_no_centre_from_a_near_one():
    labels = np.array([[0.0, 0], [500, 0]])
    assert match_centres(labels, np.array([[5.0, 0]]), 20).tolist() == [0, -1]


def test_errors_are_distances():
    points = np.array([[3.0, 4], UNKNOWN])
    np.testing.assert_allclose(compute_errors(points, np.zeros((2, 2))), [5, np.nan])


def test_pck_counts_unknown_keypoints_as_wrong():
    errors = np.array([5.0, 10, 20, np.nan])
    assert compute_pck(errors, 100, (0.05, 0.1, 0.2)) == (0.25, 0.5, 0.75)
    assert np.isnan(compute_pck(np.zeros(0), 100, (0.1,))).all()


def test_bodies_with_exchanged_ends():
    label_nose = np.tile([100.0, 0], (4, 1))
    label_tail_base = np.zeros((4, 2))
    nose = np.array([[95.0, 0], [5, 0], [60, 0], [5, 0]])
    tail_base = np.array([[0.0, 0], [95, 0], [40, 0], UNKNOWN])
    exchanged = find_exchanged(nose, tail_base, label_nose, label_tail_base)
    assert exchanged.tolist() == [False, True, False, False]


def test_scores():
    """Ten animals of 100 px: seven right, one exchanged, one without a tail base, one not found."""
    label_nose = np.tile([100.0, 0], (11, 1))
    label_tail_base = np.zeros((11, 2))
    # The eleventh has no labelled tail base and does not count.
    label_tail_base[10] = UNKNOWN
    nose = np.tile([100.0, 4], (11, 1))
    tail_base = np.tile([0.0, 15], (11, 1))
    nose[7], tail_base[7] = [0, 0], [100, 0]
    tail_base[8] = UNKNOWN
    nose[9], tail_base[9] = UNKNOWN, UNKNOWN
    matched = np.arange(11) != 9
    scores = compute_keypoint_scores(nose, tail_base, label_nose, label_tail_base, matched)
    assert (scores.n_labelled, scores.body_length_px) == (10, 100)
    assert (scores.matched_share, scores.known_share) == pytest.approx((0.9, 0.8))
    assert scores.exchanged_share == pytest.approx(1 / 8)
    assert (scores.nose_error_median, scores.tail_base_error_median) == pytest.approx((0.04, 0.15))
    assert scores.nose_error_p90 == pytest.approx(np.quantile([0.04] * 8 + [1], 0.9))
    assert scores.nose_pck == pytest.approx((0.8, 0.8, 0.8))
    assert scores.tail_base_pck == pytest.approx((0, 0, 0.7))


def test_errors_are_relative_to_the_median_body_length():
    label_nose = np.array([[50.0, 0], [100, 0], [400, 0]])
    nose = label_nose + np.array([0.0, 10])
    scores = compute_keypoint_scores(nose, np.zeros((3, 2)), label_nose, np.zeros((3, 2)))
    assert scores.body_length_px == 100
    assert scores.nose_error_median == pytest.approx(0.1)
    assert scores.matched_share == 1


def test_without_labels_there_is_nothing_to_score():
    nothing = np.zeros((0, 2))
    scores = compute_keypoint_scores(nothing, nothing, nothing, nothing)
    assert scores.n_labelled == 0
    assert np.isnan([scores.nose_error_median, scores.exchanged_share, scores.known_share]).all()


def test_shapes_have_to_agree():
    two, three = np.zeros((2, 2)), np.zeros((3, 2))
    with pytest.raises(ArrayError, match="nose: expected shape"):
        compute_keypoint_scores(three, two, two, two)
    with pytest.raises(ArrayError, match="matched: expected shape"):
        compute_keypoint_scores(two, two, two, two, np.ones(3, bool))
