"""SimOTA label assignment: which cells predict which animal (YOLOX, Ge et al. 2021, section 2)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.nn import functional
from torchvision.ops import box_iou

# Maximum distance, in strides and along each axis, of a cell from the centre of the box that it
# predicts (YOLOX has 1.5 in recent versions).
_CENTRE_RADIUS = 1.5
# Weight of the IoU cost relative to the class cost (YOLOX).
_IOU_WEIGHT = 3.0
# IoUs that are summed to estimate the number of cells of an animal (YOLOX).
_N_TOP_IOUS = 10
# Keeps logarithms and roots finite (YOLOX).
_EPSILON = 1e-8


class Assignment(NamedTuple):
    """Cells that are assigned to an animal.

    Attributes
    ----------
    cells, animals : Tensor
        ``(m,)`` int64: cell, and the animal that it predicts.
    ious : Tensor
        ``(m,)``: IoU of the predicted and the true box.
    """

    cells: torch.Tensor
    animals: torch.Tensor
    ious: torch.Tensor


@torch.no_grad()
def assign_cells(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    centres: torch.Tensor,
    strides: torch.Tensor,
    truth: torch.Tensor,
    labels: torch.Tensor,
) -> Assignment:
    """Assign cells to the animals of one image.

    The number of cells of an animal is the sum of its ten highest IoUs, at least one. Among the
    cells near its centre the animal takes those of the lowest cost: the class loss plus three times
    the IoU loss. A cell that several animals take is assigned to the one with the lowest cost.

    Parameters
    ----------
    boxes : Tensor
        ``(A, 4)`` predicted, xyxy pixels.
    scores : Tensor
        ``(A, C)`` predicted, objectness times class, in [0, 1].
    centres, strides : Tensor
        ``(A, 2)`` and ``(A,)``: centres and strides of the cells, pixels.
    truth : Tensor
        ``(n, 4)`` xyxy pixels.
    labels : Tensor
        ``(n,)`` int64 classes.

    Returns
    -------
    Assignment
        Sorted by cell.
    """
    # Keep the cells that are near the centre of an animal: near is (n, A).
    true_centres = (truth[:, :2] + truth[:, 2:]) / 2
    distances = (centres[None] - true_centres[:, None]).abs()
    near = (distances < _CENTRE_RADIUS * strides[None, :, None]).all(dim=-1)
    cells = torch.nonzero(near.any(dim=0))[:, 0]
    near = near[:, cells]

    # Cost of predicting each animal by each of these cells.
    ious = box_iou(truth, boxes[cells])
    class_costs = _compute_class_costs(scores[cells], labels)
    costs = class_costs - _IOU_WEIGHT * (ious + _EPSILON).log()
    costs = costs.masked_fill(~near, torch.inf)

    # Each animal takes its cheapest cells; a cell goes to the cheapest of its animals.
    taken = _take_cheapest(costs, _count_cells(ious, near))
    if len(truth):
        animals = costs.masked_fill(~taken, torch.inf).argmin(dim=0)
    else:
        animals = taken.new_zeros(0, dtype=torch.int64)
    assigned = torch.nonzero(taken.any(dim=0))[:, 0]
    animals = animals[assigned]
    return Assignment(cells[assigned], animals, ious[animals, assigned])


def _compute_class_costs(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return cross-entropies ``(n, a)`` of the roots of the scores and each animal's class.

    The root makes the product of objectness and class comparable with one probability (YOLOX).
    """
    one_hot = functional.one_hot(labels, scores.shape[1]).to(scores)
    targets = one_hot[:, None].expand(-1, len(scores), -1)
    roots = scores.clamp(min=_EPSILON).sqrt()[None].expand(len(labels), -1, -1)
    return functional.binary_cross_entropy(roots, targets, reduction="none").sum(dim=-1)


def _count_cells(ious: torch.Tensor, near: torch.Tensor) -> torch.Tensor:
    """Return how many cells each animal takes ``(n,)``: 1 or more, at most the cells near it."""
    best = ious.topk(min(_N_TOP_IOUS, ious.shape[1]), dim=1).values
    return torch.minimum(best.sum(dim=1).int().clamp(min=1), near.sum(dim=1))


def _take_cheapest(costs: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Return ``(n, a)`` bool, true for the `counts` cheapest cells of each row."""
    ranks = costs.argsort(dim=1, stable=True).argsort(dim=1)
    return ranks < counts[:, None]
