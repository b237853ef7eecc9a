import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from murid.detection.decode import HeadMaps, decode
from murid.errors import ArrayError
from murid.networks.presets import BoxMode
from murid.networks.targets import Targets, gaussian_radius, make_targets


def as_boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def scatter(targets: Targets, image: int) -> HeadMaps:
    """Dense maps of one image that say exactly what the targets say."""
    heatmap = targets.heatmap[image, 0].numpy()
    offset, size = (
        np.zeros((2, *heatmap.shape), np.float32),
        np.zeros((targets.size.shape[1], *heatmap.shape), np.float32),
    )
    for column in np.flatnonzero(targets.cells[0].numpy() == image):
        row, col = targets.cells[1:, column].tolist()
        offset[:, row, col], size[:, row, col] = targets.offset[column], targets.size[column]
    return HeadMaps(heatmap, offset, size)


@pytest.mark.parametrize(
    ("width", "height", "published"),
    [(8, 8, 2), (20, 20, 5), (40, 40, 10), (60, 30, 11), (100, 100, 27)],
)
def test_the_radius_has_the_published_numbers(width: float, height: float, published: int) -> None:
    assert int(gaussian_radius(np.array([width]), np.array([height]))[0]) == published


def test_the_radius_of_a_square_of_twenty() -> None:
    assert gaussian_radius(np.array([20.0]), np.array([20.0]))[0] == pytest.approx(5.47, abs=5e-3)


def test_a_peak_is_a_gaussian_cut_at_its_radius() -> None:
    heatmap = (
        make_targets([as_boxes((60, 60, 140, 140))], 256, 256, box_mode="wh").heatmap[0, 0].numpy()
    )
    sigma = 11 / 6
    assert heatmap[25, 25] == 1
    assert heatmap[25, 28] == pytest.approx(math.exp(-9 / (2 * sigma**2)))
    assert heatmap[22, 29] == pytest.approx(math.exp(-25 / (2 * sigma**2)))
    assert heatmap[25, 30] > 0
    assert heatmap[25, 31] == 0
    assert np.count_nonzero(heatmap) == 11 * 11


def test_overlapping_animals_keep_both_peaks() -> None:
    boxes = as_boxes((40, 40, 120, 120), (52, 44, 132, 124))
    alone = [make_targets([boxes[i : i + 1]], 256, 256, box_mode="wh").heatmap for i in (0, 1)]
    targets = make_targets([boxes], 256, 256, box_mode="wh")
    assert (targets.heatmap == 1).sum() == 2
    assert targets.heatmap.max() == 1
    torch.testing.assert_close(targets.heatmap, torch.maximum(*alone), rtol=0, atol=0)


@pytest.mark.parametrize(
    "corner", [(-30, -20, 18, 16), (230, 236, 300, 290), (0, 0, 3, 3), (253, 253, 256, 256)]
)
@pytest.mark.parametrize("box_mode", ["wh", "ltrb"])
def test_peaks_at_the_border_stay_inside(corner: tuple[float, ...], box_mode: BoxMode) -> None:
    targets = make_targets([as_boxes(corner)], 256, 256, box_mode=box_mode)
    assert (targets.heatmap == 1).sum() == 1
    image, row, column = targets.cells[:, 0].tolist()
    assert targets.heatmap[image, 0, row, column] == 1
    assert (targets.offset >= 0).all()
    assert (targets.offset <= 1).all()
    assert (targets.size >= 0).all()


@pytest.mark.parametrize("box_mode", ["wh", "ltrb"])
def test_decoding_inverts_the_targets(box_mode: BoxMode) -> None:
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(4)), axis=-1).reshape(-1, 2) * 48 + 40
    centres, half = grid + rng.uniform(-6, 6, (20, 2)), rng.uniform(4, 30, (20, 2))
    boxes = np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)
    targets = make_targets([boxes[:11], as_boxes(), boxes[11:]], 256, 320, box_mode=box_mode)
    for image, expected in ((0, boxes[:11]), (1, boxes[:0]), (2, boxes[11:])):
        detections = decode(scatter(targets, image), box_mode=box_mode, score_threshold=1.0)
        assert (detections.scores == 1).all()
        found = detections.boxes
        order = [np.abs(found - box).sum(axis=1).argmin() for box in expected]
        np.testing.assert_allclose(found[order], expected, atol=1e-3)
        assert len(found) == len(expected)


def test_ltrb_keeps_the_part_outside_and_wh_does_not() -> None:
    box = as_boxes((-20, 40, 60, 80))
    whole = decode(
        scatter(make_targets([box], 128, 128, box_mode="ltrb"), 0),
        box_mode="ltrb",
        score_threshold=1.0,
    )
    inside = decode(
        scatter(make_targets([box], 128, 128, box_mode="wh"), 0), box_mode="wh", score_threshold=1.0
    )
    np.testing.assert_allclose(whole.boxes, box, atol=1e-3)
    np.testing.assert_allclose(inside.boxes, as_boxes((0, 40, 60, 80)), atol=1e-3)


def test_ltrb_with_a_centre_outside_the_image() -> None:
    box = as_boxes((-90, 40, 30, 80))
    targets = make_targets([box], 128, 128, box_mode="ltrb")
    assert targets.cells[2, 0] == 0
    assert targets.offset[0, 0] == 0
    np.testing.assert_allclose(targets.size[0], [22.5, 5, 7.5, 5])


def test_animals_that_share_a_cell_are_both_kept() -> None:
    targets = make_targets([as_boxes((40, 40, 80, 80), (30, 50, 90, 70))], 128, 128, box_mode="wh")
    assert targets.cells.tolist() == [[0, 0], [15, 15], [15, 15]]
    assert targets.size.tolist() == [[10, 10], [15, 5]]


def test_labels_choose_the_channel() -> None:
    boxes, labels = as_boxes((10, 10, 30, 30), (60, 60, 90, 90)), np.array([1, 0])
    targets = make_targets([boxes], 128, 128, box_mode="wh", labels=[labels], n_classes=2)
    assert targets.heatmap[0, 1, 5, 5] == 1
    assert targets.heatmap[0, 0, 18, 18] == 1
    assert targets.heatmap[0, 0, 5, 5] == 0


def test_a_batch_without_animals() -> None:
    targets = make_targets([as_boxes(), as_boxes()], 64, 96, box_mode="ltrb")
    assert targets.heatmap.shape == (2, 1, 16, 24)
    assert not targets.heatmap.any()
    assert (targets.cells.shape, targets.offset.shape, targets.size.shape) == (
        (3, 0),
        (0, 2),
        (0, 4),
    )


@pytest.mark.parametrize(
    "box", [(10, 10, 10, 20), (200, 10, 220, 20), (10, 20, 30, 15), (np.nan, 0, 10, 10)]
)
def test_boxes_without_an_area_inside_are_refused(box: tuple[float, ...]) -> None:
    with pytest.raises(ArrayError, match="boxes"):
        make_targets([as_boxes(box)], 128, 128, box_mode="wh")


def test_decoding_inverts_the_targets_of_keypoints() -> None:
    boxes = as_boxes((20, 40, 60, 80), (100, 30, 150, 60))
    keypoints = np.array(
        [[[22, 41], [40, 60], [58, 79]], [[149, 31], [np.nan, np.nan], [101, 59]]], np.float32
    )
    targets = make_targets([boxes], 128, 192, box_mode="ltrb", keypoints=[keypoints])
    heads = scatter(targets, 0)
    maps = np.zeros((9, *heads.heatmap.shape), np.float32)
    _, rows, columns = targets.cells.numpy()
    maps.reshape(3, 3, *heads.heatmap.shape)[:, :2, rows, columns] = targets.keypoints.permute(
        1, 2, 0
    )
    found = decode(replace(heads, keypoints=maps), box_mode="ltrb", score_threshold=1.0)
    order = [np.abs(found.boxes - box).sum(axis=1).argmin() for box in boxes]
    np.testing.assert_allclose(found.keypoints[order][..., :2], keypoints, atol=1e-3)
    # Without keypoints all are unknown.
    assert make_targets([boxes], 128, 192, box_mode="ltrb").keypoints.isnan().all()


def test_the_radius_is_that_of_sides_rounded_up_to_cells() -> None:
    # 25.25 cells: of 25 cells the radius is 6, of 26 cells it is 7.
    boxes = as_boxes((40, 40, 141, 141))
    heatmap = make_targets([boxes], 256, 256, box_mode="wh").heatmap
    assert int((heatmap > 0).sum()) == 15 * 15


def test_a_centre_belongs_to_the_cell_that_contains_it() -> None:
    # Centre (103, 101) pixels: 25.75 and 25.25 cells.
    targets = make_targets([as_boxes((93, 91, 113, 111))], 256, 256, box_mode="wh")
    assert targets.cells[:, 0].tolist() == [0, 25, 25]
    np.testing.assert_allclose(targets.offset, [[0.75, 0.25]])
