"""Losses of plain YOLOX: overlap, objectness and class of the cells that SimOTA assigns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch.nn import functional
from torchvision.ops import box_iou

from murid.networks.comparison.simota import assign_cells
from murid.networks.comparison.yolox_head import LevelOutput, Predictions, lay_out

OVERLAP_WEIGHT = 5.0


class YoloxLosses(NamedTuple):
    """Scalar losses, each divided by the number of assigned cells in the batch, and their weighted sum."""

    overlap: torch.Tensor
    objectness: torch.Tensor
    classes: torch.Tensor
    total: torch.Tensor


def yolox_loss(levels: Sequence[LevelOutput], boxes: Sequence[NDArray[Any]]) -> YoloxLosses:
    """1 - IoU² of assigned cells, cross-entropy of objectness in all cells and of class in assigned ones (YOLOX).

    The class is told as far as the boxes overlap. The L1 loss with which YOLOX ends its training,
    after mosaic pictures are switched off, is left out: there are none here.

    Parameters
    ----------
    levels : sequence of LevelOutput
        Of a batch.
    boxes : sequence of ndarray
        One ``(n, 4)`` array an image, xyxy in input pixels; all animals are of the first class.

    Returns
    -------
    YoloxLosses
        The total is 5 · overlap + objectness + class.
    """
    predictions = lay_out(levels)
    parts = [_sum_losses(predictions, row, found) for row, found in enumerate(boxes)]
    n_cells = max(1, sum(n for _, n in parts))
    overlap, objectness, classes = torch.stack([losses for losses, _ in parts]).sum(dim=0) / n_cells
    return YoloxLosses(
        overlap, objectness, classes, OVERLAP_WEIGHT * overlap + objectness + classes
    )


def _sum_losses(
    predictions: Predictions, row: int, found: NDArray[Any]
) -> tuple[torch.Tensor, int]:
    """Sums ``(3,)`` over the cells of one image, and how many are assigned."""
    boxes, objectness, classes = (value[row] for value in predictions[:3])
    truth = torch.from_numpy(found).to(boxes)
    labels = torch.zeros(len(truth), dtype=torch.int64, device=boxes.device)
    scores = objectness.detach().sigmoid()[:, None] * classes.detach().sigmoid()
    assigned = assign_cells(
        boxes.detach(), scores, predictions.centres, predictions.strides, truth, labels
    )
    cells = assigned.cells
    is_object = torch.zeros_like(objectness).index_fill(0, cells, 1)
    wanted = (
        functional.one_hot(labels[assigned.animals], classes.shape[1]) * assigned.overlaps[:, None]
    )
    overlaps = box_iou(boxes[cells], truth[assigned.animals]).diagonal()
    losses = (
        (1 - overlaps**2).sum(),
        functional.binary_cross_entropy_with_logits(objectness, is_object, reduction="sum"),
        functional.binary_cross_entropy_with_logits(classes[cells], wanted, reduction="sum"),
    )
    return torch.stack(losses), len(cells)
