import dataclasses
import math

import numpy as np
import pytest
import torch

from murid.networks.comparison.yolox_head import LevelOutput
from murid.networks.comparison.yolox_loss import yolox_loss
from murid.networks.network import build_network_from_config
from murid.networks.presets import PRESETS

TINY = dataclasses.replace(PRESETS["yolox-s"], width=0.125, max_side_px=64)


def make_levels(side: int = 64) -> list[LevelOutput]:
    """Predictions of nothing: tiny boxes, no objects."""
    levels = []
    for n in (side // stride for stride in (8, 16, 32)):
        box = torch.tensor([0.0, 0, -9, -9])[None, :, None, None].repeat(1, 1, n, n)
        levels.append(
            LevelOutput(box, torch.full((1, 1, n, n), -9.0), torch.full((1, 1, n, n), 9.0))
        )
    return levels


def test_losses_of_one_perfect_cell_by_hand() -> None:
    levels = make_levels()
    levels[0].box[0, :, 2, 3] = torch.tensor([0.5, 0.5, math.log(2), math.log(2)])
    losses = yolox_loss(levels, [np.array([[20, 12, 36, 28]], np.float32)])
    n_other = 8 * 8 + 4 * 4 + 2 * 2
    assert float(losses.overlap) == pytest.approx(0, abs=1e-5)
    assert float(losses.objectness) == pytest.approx(
        9 + n_other * math.log1p(math.exp(-9)), rel=1e-3
    )
    assert float(losses.classes) == pytest.approx(math.log1p(math.exp(-9)), rel=1e-3)
    assert float(losses.total) == pytest.approx(
        5 * losses.overlap + losses.objectness + losses.classes
    )


def test_an_image_without_animals_has_only_the_objectness_loss() -> None:
    network = build_network_from_config(TINY)
    losses = yolox_loss(network(torch.rand(1, 3, 64, 64)), [np.zeros((0, 4), np.float32)])
    assert (losses.overlap.item(), losses.classes.item()) == (0, 0)
    losses.total.backward()
    assert float(losses.objectness.detach()) > 0


def test_losses_decrease_in_a_few_steps() -> None:
    torch.manual_seed(0)
    network = build_network_from_config(TINY)
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


def test_losses_of_extreme_logits_are_finite() -> None:
    levels = make_levels()
    levels[2].box[:] = 300
    losses = yolox_loss(levels, [np.array([[20, 12, 36, 28]], np.float32)])
    assert all(torch.isfinite(value) for value in losses)


def test_losses_of_a_cell_with_half_the_overlap_by_hand() -> None:
    levels = make_levels()
    # A box of 16 x 8 pixels, of the same centre as the animal of 16 x 16.
    levels[0].box[0, :, 2, 3] = torch.tensor([0.5, 0.5, math.log(2), 0.0])
    losses = yolox_loss(levels, [np.array([[20, 12, 36, 28]], np.float32)])
    assert float(losses.overlap) == pytest.approx(1 - 0.5**2, rel=1e-4)
    # The target of the class is the IoU.
    assert float(losses.classes) == pytest.approx(0.5 * 9 + math.log1p(math.exp(-9)), rel=1e-3)
    expected = 5 * losses.overlap + losses.objectness + losses.classes
    assert float(losses.total) == pytest.approx(float(expected))


def test_losses_are_divided_by_the_cells_of_the_whole_batch() -> None:
    boxes = np.array([[20, 12, 36, 28]], np.float32)
    levels = make_levels()
    levels[0].box[0, :, 2, 3] = torch.tensor([0.5, 0.5, math.log(2), math.log(2)])
    alone = yolox_loss(levels, [boxes])
    twice = [LevelOutput(*(part.repeat(2, 1, 1, 1) for part in level)) for level in levels]
    for name, value in yolox_loss(twice, [boxes, boxes])._asdict().items():
        assert float(value) == pytest.approx(float(getattr(alone, name)), abs=1e-6), name
