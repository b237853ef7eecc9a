"""Plain YOLOX: decoding, SimOTA, losses."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from murid.networks.comparison.simota import assign_cells
from murid.networks.comparison.yolox_head import LevelOutput, concatenate_levels, decode_yolox
from murid.networks.comparison.yolox_loss import yolox_loss
from murid.networks.network import make_network
from murid.networks.presets import PRESETS

TINY = dataclasses.replace(PRESETS["yolox-s"], width=0.125, longest_side=64)


def make_levels(side: int = 64) -> list[LevelOutput]:
    """Predictions of nothing: tiny boxes, no objects."""
    levels = []
    for n in (side // stride for stride in (8, 16, 32)):
        box = torch.tensor([0.0, 0, -9, -9])[None, :, None, None].repeat(1, 1, n, n)
        levels.append(
            LevelOutput(box, torch.full((1, 1, n, n), -9.0), torch.full((1, 1, n, n), 9.0))
        )
    return levels


def test_boxes_are_told_from_the_corner_of_a_cell_in_strides() -> None:
    levels = make_levels()
    levels[1].box[0, :, 2, 1] = torch.tensor([0.5, 0.25, math.log(2), math.log(1.5)])
    predictions = concatenate_levels(levels)
    row = 8 * 8 + 2 * 4 + 1
    torch.testing.assert_close(
        predictions.boxes[0, row], torch.tensor([24.0 - 16, 36 - 12, 24 + 16, 36 + 12])
    )
    assert predictions.centres[row].tolist() == [24, 40]
    assert predictions.strides[row] == 16


def test_decoding_keeps_the_best_of_what_overlaps() -> None:
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


def test_simota_on_five_cells_by_hand() -> None:
    # Two animals side by side; stride 8, cells in a row. Cell 4 is out of reach of both.
    centres = torch.tensor([[4.0, 4], [12, 4], [20, 4], [28, 4], [60, 4]])
    strides = torch.full((5,), 8.0)
    truth = torch.tensor([[0.0, 0, 16, 8], [16, 0, 32, 8]])  # middles 8 and 24; 12 pixels of reach
    boxes = torch.tensor(
        [[0.0, 0, 16, 8], [0, 0, 16, 8], [8, 0, 24, 8], [16, 0, 32, 4], [0, 0, 16, 8]]
    )
    scores = torch.full((5, 1), 0.5)
    # Overlaps with the first: 1, 1, 1/3, 0 -> two cells. With the second: 0, 0, 1/3, 1/2 -> at
    # least one: cell 3.
    found = assign_cells(boxes, scores, centres, strides, truth, torch.zeros(2, dtype=torch.int64))
    assert found.cells.tolist() == [0, 1, 3]
    assert found.animals.tolist() == [0, 0, 1]
    assert found.ious.tolist() == pytest.approx([1, 1, 0.5])


def test_simota_gives_a_wanted_cell_to_the_animal_that_costs_less() -> None:
    centres, strides = torch.tensor([[8.0, 8]]), torch.tensor([8.0])
    truth = torch.tensor([[0.0, 0, 16, 16], [0, 0, 16, 12]])
    found = assign_cells(
        truth[1:], torch.ones(1, 1), centres, strides, truth, torch.zeros(2, dtype=torch.int64)
    )
    assert (found.cells.tolist(), found.animals.tolist()) == ([0], [1])


def test_simota_prefers_the_surer_cell_and_takes_none_out_of_reach() -> None:
    centres, strides = torch.tensor([[4.0, 4], [12, 4], [80, 4]]), torch.full((3,), 8.0)
    truth = torch.tensor([[0.0, 0, 16, 8]])
    boxes = torch.tensor([[0.0, 0, 16, 4]] * 3)
    scores = torch.tensor([[0.2], [0.8], [1.0]])
    found = assign_cells(boxes, scores, centres, strides, truth, torch.zeros(1, dtype=torch.int64))
    assert found.cells.tolist() == [1]  # overlaps of 1/2 and 1/2 sum to one cell


def test_simota_without_animals_assigns_nothing() -> None:
    nothing = assign_cells(
        torch.rand(4, 4),
        torch.rand(4, 1),
        torch.rand(4, 2),
        torch.ones(4),
        torch.zeros(0, 4),
        torch.zeros(0).long(),
    )
    assert [len(column) for column in nothing] == [0, 0, 0]


def test_losses_of_one_perfect_cell_by_hand() -> None:
    levels = make_levels()
    levels[0].box[0, :, 2, 3] = torch.tensor([0.5, 0.5, math.log(2), math.log(2)])
    losses = yolox_loss(levels, [np.array([[20, 12, 36, 28]], np.float32)])
    quiet = 8 * 8 + 4 * 4 + 2 * 2
    assert float(losses.overlap) == pytest.approx(0, abs=1e-5)
    assert float(losses.objectness) == pytest.approx(9 + quiet * math.log1p(math.exp(-9)), rel=1e-3)
    assert float(losses.classes) == pytest.approx(math.log1p(math.exp(-9)), rel=1e-3)
    assert float(losses.total) == pytest.approx(
        5 * losses.overlap + losses.objectness + losses.classes
    )


def test_an_empty_picture_teaches_objectness_alone() -> None:
    network = make_network(TINY)
    losses = yolox_loss(network(torch.rand(1, 3, 64, 64)), [np.zeros((0, 4), np.float32)])
    assert (losses.overlap.item(), losses.classes.item()) == (0, 0)
    losses.total.backward()
    assert float(losses.objectness.detach()) > 0


def test_losses_fall_in_a_few_steps_and_the_animals_are_found() -> None:
    torch.manual_seed(0)
    network = make_network(TINY)
    images = torch.full((2, 3, 64, 64), 0.5)
    images[0, 0, 8:24, 12:40], images[1, 1, 30:54, 20:36] = 1, 1
    boxes = [np.array([[12, 8, 40, 24]], np.float32), np.array([[20, 30, 36, 54]], np.float32)]
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3)
    history = []
    for _ in range(50):
        losses = yolox_loss(network(images), boxes)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        history.append(float(losses.total.detach()))
    assert np.isfinite(history).all()
    assert np.mean(history[-5:]) < 0.5 * np.mean(history[:5])


def test_an_untrained_network_with_wild_logits_stays_finite() -> None:
    levels = make_levels()
    levels[2].box[:] = 300
    losses = yolox_loss(levels, [np.array([[20, 12, 36, 28]], np.float32)])
    assert all(torch.isfinite(value) for value in losses)
