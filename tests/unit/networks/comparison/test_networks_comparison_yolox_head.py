import math

import pytest
import torch

from murid.networks.comparison.yolox_head import LevelOutput, concatenate_levels, decode_yolox


def make_levels(side: int = 64) -> list[LevelOutput]:
    """Predictions of nothing: tiny boxes, no objects."""
    levels = []
    for n in (side // stride for stride in (8, 16, 32)):
        box = torch.tensor([0.0, 0, -9, -9])[None, :, None, None].repeat(1, 1, n, n)
        levels.append(
            LevelOutput(box, torch.full((1, 1, n, n), -9.0), torch.full((1, 1, n, n), 9.0))
        )
    return levels


def test_boxes_are_relative_to_the_corner_of_a_cell_in_strides() -> None:
    levels = make_levels()
    levels[1].box[0, :, 2, 1] = torch.tensor([0.5, 0.25, math.log(2), math.log(1.5)])
    predictions = concatenate_levels(levels)
    row = 8 * 8 + 2 * 4 + 1
    torch.testing.assert_close(
        predictions.boxes[0, row], torch.tensor([24.0 - 16, 36 - 12, 24 + 16, 36 + 12])
    )
    assert predictions.centres[row].tolist() == [24, 40]
    assert predictions.strides[row] == 16


def test_decoding_keeps_the_best_of_overlapping_boxes() -> None:
    levels = make_levels()
    for column, logit in ((3, 2.0), (4, 1.0), (7, 0.0)):
        levels[0].objectness[0, 0, 2, column] = logit
        levels[0].box[0, :, 2, column] = torch.tensor(
            [3.5 - column if column < 7 else 0.0, 0.5, math.log(3), 0.0]
        )
    ((boxes, scores),) = decode_yolox(levels, 0.1)
    assert len(boxes) == 2
    torch.testing.assert_close(boxes[0], torch.tensor([28.0 - 12, 20 - 4, 28 + 12, 20 + 4]))
    expected = [1 / (1 + math.exp(-2)), 0.5]
    assert scores.tolist() == pytest.approx(
        [value / (1 + math.exp(-9)) for value in expected], rel=1e-4
    )
