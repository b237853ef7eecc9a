import json

import numpy as np
import pytest
import torch

from murid.core.keypoints import KEYPOINTS
from murid.synthetic.still import Still
from murid.training.image_pool import _IMAGES_PER_FILE, ImagePool, PooledBatches, build_image_pool

SIZE = 32


class MarkedImages(torch.utils.data.Dataset):
    """Images with a white box whose keypoints mark pixels of other colours."""

    def __init__(self) -> None:
        self.n_made = 0

    def __getitem__(self, number: int) -> Still:
        self.n_made += 1
        rng = np.random.default_rng(number)
        left, top = rng.integers(2, 14, 2)
        width, height = rng.integers(6, 16, 2)
        image = np.zeros((SIZE, SIZE, 3), np.uint8)
        image[top : top + height, left : left + width] = 80
        nose = (left + 1, top + 1)
        tail_base = (left + width - 2, top + height - 2)
        image[nose[1], nose[0], 0] = 255
        image[tail_base[1], tail_base[0], 1] = 255
        points = np.array([nose, (np.nan, np.nan), tail_base], np.float32) + 0.5
        return Still(
            image,
            np.array([[left, top, left + width, top + height]], np.float32),
            np.array([number // 2]),
            np.zeros_like(image),
            points[None],
        )


@pytest.fixture(scope="module")
def pool(tmp_path_factory) -> ImagePool:
    return build_image_pool(MarkedImages(), 300, tmp_path_factory.mktemp("pool"), "settings")


def find_pixel(plane: torch.Tensor) -> list[float]:
    row, column = divmod(int(plane.argmax()), SIZE)
    return [column + 0.5, row + 0.5]


def test_whole_files_are_made(pool):
    assert pool.n_images == 2 * _IMAGES_PER_FILE
    image, boxes, identities, keypoints, class_ids = pool.read(300)
    expected = MarkedImages()[300]
    assert class_ids.tolist() == len(boxes) * [0]
    np.testing.assert_array_equal(image[:3].transpose(1, 2, 0), expected.image)
    assert image[3].max() > 0  # the difference from the background
    np.testing.assert_array_equal(boxes, expected.boxes)
    np.testing.assert_array_equal(identities, [150])
    np.testing.assert_array_equal(keypoints, expected.keypoints)


def test_labels_follow_the_turned_and_mirrored_image(pool):
    batches = PooledBatches(pool, 16, seed=0)
    shapes = set()
    for number in range(8):
        batch = batches[number].to(torch.device("cpu"))
        assert batch.images.shape == (16, 4, SIZE, SIZE)
        assert 0 <= batch.images.min() <= batch.images.max() <= 1
        for image, boxes, keypoints in zip(batch.images, batch.boxes, batch.keypoints, strict=True):
            rows, columns = torch.nonzero(image[2] > 0.1, as_tuple=True)
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(boxes[0], np.array(box, np.float32))
            assert keypoints.shape == (1, len(KEYPOINTS), 2)
            np.testing.assert_allclose(keypoints[0, 0], find_pixel(image[0]))
            np.testing.assert_allclose(keypoints[0, 2], find_pixel(image[1]))
            assert np.isnan(keypoints[0, 1]).all()
            # Where the nose lies relative to the tail base, and which side is longer.
            shapes.add(tuple(np.sign(keypoints[0, 0] - keypoints[0, 2]).tolist()))
    assert len(shapes) == 4


def test_pairs_stay_together_and_batches_are_repeatable(pool):
    batch = PooledBatches(pool, 8, seed=3)[5]
    assert batch.images.dtype == torch.uint8
    pairs = batch.identities.reshape(-1, 2)
    assert (pairs[:, 0] == pairs[:, 1]).all()
    assert len(set(pairs[:, 0].tolist())) == 4
    again = PooledBatches(pool, 8, seed=3)[5]
    assert torch.equal(batch.images, again.images)
    assert not torch.equal(batch.images, PooledBatches(pool, 8, seed=4)[5].images)
    assert not torch.equal(batch.images, PooledBatches(pool, 8, seed=3)[6].images)


def test_finished_files_are_kept_and_other_settings_make_new_ones(tmp_path):
    images = MarkedImages()
    build_image_pool(images, 2 * _IMAGES_PER_FILE, tmp_path, "a")
    (tmp_path / "labels-00001.npz").unlink()
    images.n_made = 0
    build_image_pool(images, 2 * _IMAGES_PER_FILE, tmp_path, "a")
    assert images.n_made == _IMAGES_PER_FILE
    build_image_pool(images, _IMAGES_PER_FILE, tmp_path, "b")
    assert images.n_made == 2 * _IMAGES_PER_FILE
    assert not (tmp_path / "labels-00001.npz").exists()
    assert json.loads((tmp_path / "index.json").read_text())["key"]


def test_processes_make_the_same_images(tmp_path, pool):
    parallel = build_image_pool(MarkedImages(), 2 * _IMAGES_PER_FILE, tmp_path, "a", n_workers=2)
    for number in (0, 255, 256, 511):
        for one, other in zip(parallel.read(number), pool.read(number), strict=True):
            np.testing.assert_array_equal(one, other)
