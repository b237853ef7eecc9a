import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from murid.core import boxes as bx

CORNERS = arrays(
    np.float64, st.tuples(st.integers(0, 6), st.just(4)), elements=st.floats(-1000, 1000)
)


def make_boxes(corners: np.ndarray) -> np.ndarray:
    """Boxes of at least one pixel from any four numbers a row."""
    return np.concatenate([corners[:, :2], corners[:, :2] + np.abs(corners[:, 2:]) + 1], axis=1)


@given(CORNERS)
def test_conversions_round_trip(corners):
    boxes = make_boxes(corners)
    np.testing.assert_allclose(bx.from_xywh(bx.to_xywh(boxes)), boxes, atol=1e-9)
    np.testing.assert_allclose(bx.from_cxcyah(bx.to_cxcyah(boxes)), boxes, atol=1e-6)


@given(CORNERS, CORNERS)
def test_iou_is_symmetric_and_between_0_and_1(first, second):
    a, b = make_boxes(first), make_boxes(second)
    iou = bx.compute_iou(a, b)
    np.testing.assert_allclose(iou, bx.compute_iou(b, a).T)
    assert iou.shape == (len(a), len(b))
    assert ((iou >= 0) & (iou <= 1 + 1e-12)).all()
    np.testing.assert_allclose(np.diag(bx.compute_iou(a, a)), 1)


def test_known_overlaps():
    a = np.array([[0, 0, 10, 10]], np.float32)
    b = np.array(
        [[5, 0, 15, 10], [10, 0, 20, 10], [0, 0, 10, 10], [2, 2, 4, 4], [5, 5, 5, 5]], np.float32
    )
    np.testing.assert_allclose(bx.compute_iou(a, b), [[1 / 3, 0, 1, 0.04, 0]], rtol=1e-6)
    np.testing.assert_allclose(bx.compute_intersections(a, b), [[50, 0, 100, 4, 0]])
    assert bx.compute_iou(a, b).dtype == np.float32


def test_integer_boxes_are_accepted():
    a = np.array([[0, 0, 10, 10], [3, 3, 3, 3]])
    np.testing.assert_allclose(bx.compute_iou(a, a), [[1, 0], [0, 0]])


def test_empty_boxes_have_no_overlap():
    none, one = np.zeros((0, 4), np.float32), np.ones((1, 4), np.float32)
    assert bx.compute_iou(none, one).shape == (0, 1)
    assert bx.compute_iou(one, none).shape == (1, 0)


def test_centres_areas_and_clipping():
    boxes = np.array([[-5, 10, 25, 50], [3, 4, 1, 2]], np.float32)
    np.testing.assert_allclose(bx.compute_centres(boxes), [[10, 30], [2, 3]])
    np.testing.assert_allclose(bx.compute_areas(boxes), [1200, 0])
    clipped = bx.clip(boxes, 20, 40)
    np.testing.assert_allclose(clipped[0], [0, 10, 20, 40])
    assert boxes[0, 0] == -5
    assert clipped.dtype == np.float32


@pytest.mark.parametrize(
    ("box", "cxcyah"), [((0, 0, 20, 10), (10, 5, 2, 10)), ((10, 10, 12, 18), (11, 14, 0.25, 8))]
)
def test_centre_aspect_height(box, cxcyah):
    np.testing.assert_allclose(bx.to_cxcyah(np.array([box], np.float64)), [cxcyah])
