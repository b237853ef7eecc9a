from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from murid.detection.preprocess import (
    PAD_VALUE,
    apply_letterbox,
    check_image,
    compute_letterbox,
    letterbox_boxes,
    to_input,
    undo_letterbox,
)
from murid.errors import ArrayError


@pytest.mark.parametrize(
    ("video", "max_side_px", "expected"),
    [
        ((640, 480), 512, (512, 384, 0, 0)),
        ((480, 640), 512, (384, 512, 0, 0)),
        ((1920, 1080), 512, (512, 288, 0, 0)),
        ((640, 648), 512, (512, 512, 3, 0)),  # 506 x 512 inside 512 x 512
        ((100, 30), 512, (512, 160, 0, 3)),  # 512 x 154, enlarged
        ((4000, 3), 512, (512, 32, 0, 16)),  # never thinner than a pixel
    ],
)
def test_the_input_follows_the_shape_of_the_video(video, max_side_px, expected):
    box = compute_letterbox(*video, max_side_px)
    width, height, pad_x, pad_y = expected
    assert (box.width, box.height) == (width, height)
    assert box.pad_x == pad_x
    assert abs(box.pad_y - pad_y) <= 1


@given(st.integers(1, 4000), st.integers(1, 4000), st.integers(32, 1024))
def test_input_sides_are_the_smallest_multiples_that_hold_the_image(w, h, max_side_px):
    box = compute_letterbox(w, h, max_side_px)
    inner = box.compute_inner_size(w, h)
    assert max(inner) == max_side_px
    for side, content, pad in zip(
        (box.width, box.height), inner, (box.pad_x, box.pad_y), strict=True
    ):
        assert side % 32 == 0
        assert 0 <= side - content < 32
        assert abs(side - content - 2 * pad) <= 1


@given(st.integers(16, 3000), st.integers(16, 3000), st.integers(64, 1024))
def test_undo_is_the_inverse_of_letterboxing_boxes(w, h, max_side_px):
    box = compute_letterbox(w, h, max_side_px)
    boxes = np.array([[0, 0, w, h], [-5, 3, w / 2, h + 4]], np.float32)
    back = undo_letterbox(letterbox_boxes(boxes, box, w, h), box, w, h)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, boxes, atol=1e-3 * max(w, h) / max_side_px + 1e-3)


def test_boxes_are_moved_with_the_image():
    image = np.zeros((301, 200, 3), np.uint8)
    image[100:200, 50:150] = 255
    box = compute_letterbox(200, 301, 160)
    placed = apply_letterbox(image, box)
    x1, y1, x2, y2 = letterbox_boxes(np.array([[50, 100, 150, 200]], np.float32), box, 200, 301)[0]
    rows, columns = np.nonzero(placed[..., 0] > 127)
    assert abs(rows.min() - y1) < 1
    assert abs(rows.max() + 1 - y2) < 1
    bright = columns[np.isin(placed[rows, columns, 0], [255])]
    assert abs(bright.min() - x1) < 1.5
    assert abs(bright.max() + 1 - x2) < 1.5


def test_the_border_is_grey_and_the_image_unchanged_at_scale_one():
    image = np.random.default_rng(0).integers(0, 256, (40, 64, 3), dtype=np.uint8)
    placed = apply_letterbox(image, compute_letterbox(64, 40, 64))
    assert placed.shape == (64, 64, 3)
    np.testing.assert_array_equal(placed[12:52], image)
    assert (placed[:12] == PAD_VALUE).all()
    assert (placed[52:] == PAD_VALUE).all()


def test_input_is_rgb_planes_over_255():
    image = np.zeros((32, 64, 3), np.uint8)
    image[..., 0], image[..., 2] = 255, 51
    batch = to_input([image, image[::-1]])
    assert batch.shape == (2, 3, 32, 64)
    assert batch.dtype == np.float32
    assert batch.flags.c_contiguous
    np.testing.assert_allclose(batch[1, :, 5, 7], [1, 0, 0.2], rtol=1e-6)


def test_the_difference_is_the_last_plane():
    image, difference = np.zeros((32, 64, 3), np.uint8), np.full((32, 64), 51, np.uint8)
    batch = to_input([image, image], [difference, image[..., 0]])
    assert batch.shape == (2, 4, 32, 64)
    np.testing.assert_allclose(batch[:, 3, 9, 9], [0.2, 0], rtol=1e-6)
    assert not batch[:, :3].any()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080), (640, 480), (1000, 800)])
def test_downscaled_noise_is_close_to_area_means(width: int, height: int):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    box = compute_letterbox(width, height, 512)
    inner = box.compute_inner_size(width, height)
    placed = apply_letterbox(image, box)[
        box.pad_y : box.pad_y + inner[1], box.pad_x : box.pad_x + inner[0]
    ]
    means = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
    # Linear interpolation in one step, or the nearest pixel, differ by 20 to 60.
    assert np.abs(placed.astype(int) - means).mean() < 15


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_an_array_of_another_kind_is_refused(image):
    with pytest.raises(ArrayError, match=r"\(h, w, 3\)"):
        check_image(image)
