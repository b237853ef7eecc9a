"""SimOTA: which cells answer for which animal, when plain YOLOX learns (Ge et al. 2021, section 2)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.nn import functional
from torchvision.ops import box_iou

_REACH = 1.5
"""Strides from the middle of a box, in x and in y, within which a cell may answer for it."""
_OVERLAP_WEIGHT = 3.0
_MOST_CELLS = 10
_TINY = 1e-8


class Assignment(NamedTuple):
    """Cells that answer for an animal: ``(m,)`` int64 cells, ``(m,)`` int64 animals, ``(m,)`` IoU of their boxes."""

    cells: torch.Tensor
    animals: torch.Tensor
    overlaps: torch.Tensor


@torch.no_grad()
def assign_cells(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    centres: torch.Tensor,
    strides: torch.Tensor,
    truth: torch.Tensor,
    labels: torch.Tensor,
) -> Assignment:
    """Choose cells for the animals of one picture.

    Each animal takes as many cells as its ten best overlaps sum to, at least one, and of those near
    its middle the ones that it costs least to be told by: the loss of class, and three times that
    of overlap. A cell that two animals want answers for the one that costs less.

    Parameters
    ----------
    boxes : Tensor
        ``(A, 4)`` predicted, xyxy pixels.
    scores : Tensor
        ``(A, C)`` predicted, objectness times class, in [0, 1].
    centres, strides : Tensor
        ``(A, 2)`` and ``(A,)`` of the cells, pixels.
    truth : Tensor
        ``(n, 4)`` xyxy pixels.
    labels : Tensor
        ``(n,)`` int64 classes.

    Returns
    -------
    Assignment
        By cell, ascending.
    """
    middles = (truth[:, :2] + truth[:, 2:]) / 2
    near = ((centres[None] - middles[:, None]).abs() < _REACH * strides[None, :, None]).all(
        dim=-1
    )  # (n, A)
    cells = torch.nonzero(near.any(dim=0))[:, 0]
    near = near[:, cells]
    overlaps = box_iou(truth, boxes[cells])
    costs = _compute_class_costs(scores[cells], labels) - _OVERLAP_WEIGHT * (overlaps + _TINY).log()
    costs = costs.masked_fill(~near, torch.inf)
    taken = _take_cheapest(costs, _count_cells(overlaps, near))
    animals = (
        costs.masked_fill(~taken, torch.inf).argmin(dim=0)
        if len(truth)
        else taken.new_zeros(0, dtype=torch.int64)
    )
    kept = torch.nonzero(taken.any(dim=0))[:, 0]
    return Assignment(cells[kept], animals[kept], overlaps[animals[kept], kept])


def _compute_class_costs(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropies ``(n, a)`` of the square roots of the scores against each animal's class."""
    wanted = (
        functional.one_hot(labels, scores.shape[1]).to(scores)[:, None].expand(-1, len(scores), -1)
    )
    roots = scores.clamp(min=_TINY).sqrt()[None].expand(len(labels), -1, -1)
    return functional.binary_cross_entropy(roots, wanted, reduction="none").sum(dim=-1)


def _count_cells(overlaps: torch.Tensor, near: torch.Tensor) -> torch.Tensor:
    """How many cells each animal takes ``(n,)``: the sum of its best overlaps, at least 1, at most those near it."""
    best = overlaps.topk(min(_MOST_CELLS, overlaps.shape[1]), dim=1).values
    return torch.minimum(best.sum(dim=1).int().clamp(min=1), near.sum(dim=1))


def _take_cheapest(costs: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """``(n, a)`` bool: the cheapest `counts` cells of each row."""
    places = costs.argsort(dim=1, stable=True).argsort(dim=1)
    return places < counts[:, None]
