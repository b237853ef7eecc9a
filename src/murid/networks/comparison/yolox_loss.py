"""Losses of plain YOLOX: IoU, objectness and class of the cells that SimOTA assigns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from torchvision.ops import box_iou

from murid.core.types import Int64
from murid.networks.comparison.simota import assign_cells
from murid.networks.comparison.yolox_head import LevelOutput, Predictions, concatenate_levels

# Weight of the IoU loss (YOLOX).
_IOU_WEIGHT = 5.0


class YoloxLosses(NamedTuple):
    """Scalar losses divided by the number of assigned cells in the batch, and their total."""

    overlap: torch.Tensor
    objectness: torch.Tensor
    classes: torch.Tensor
    total: torch.Tensor


def yolox_loss(
    levels: Sequence[LevelOutput],
    boxes: Sequence[NDArray[Any]],
    labels: Sequence[Int64] | None = None,
) -> YoloxLosses:
    """Return the losses of YOLOX for a batch.

    They are 1 - IoU² of the assigned cells, the cross-entropy of objectness in all cells, and the
    cross-entropy of class in the assigned cells. The IoU of the boxes is the target of the class.
    The additional L1 loss of YOLOX's last epochs, which have no mosaic augmentation, is left out,
    because there is no mosaic augmentation here.

    Parameters
    ----------
    levels : sequence of LevelOutput
        Predictions of `Yolox` for a batch.
    boxes : sequence of ndarray
        One ``(n, 4)`` array per image, xyxy in input pixels.
    labels : sequence of ndarray, optional
        One ``(n,)`` int64 array per image: the class of each box. Default: all 0.

    Returns
    -------
    YoloxLosses
        `total` is 5 · overlap + objectness + classes.
    """
    predictions = concatenate_levels(levels)
    if labels is None:
        labels = [np.zeros(len(truth), np.int64) for truth in boxes]
    parts = [
        _sum_losses(predictions, image, truth, classes)
        for image, (truth, classes) in enumerate(zip(boxes, labels, strict=True))
    ]
    # Divide by the assigned cells of the whole batch, not of each image (YOLOX).
    n_cells = max(1, sum(n for _, n in parts))
    sums = torch.stack([losses for losses, _ in parts]).sum(dim=0)
    overlap, objectness, classes = sums / n_cells
    total = _IOU_WEIGHT * overlap + objectness + classes
    return YoloxLosses(overlap, objectness, classes, total)


def _sum_losses(
    predictions: Predictions, image: int, true_boxes: NDArray[Any], true_classes: Int64
) -> tuple[torch.Tensor, int]:
    """Return the three losses ``(3,)`` summed over one image, and the number of assigned cells."""
    boxes = predictions.boxes[image]
    objectness = predictions.objectness[image]
    classes = predictions.classes[image]
    truth = torch.from_numpy(true_boxes).to(boxes)
    # Assign cells to animals by the predictions, without gradient.
    labels = torch.from_numpy(true_classes).to(boxes.device)
    scores = objectness.detach().sigmoid()[:, None] * classes.detach().sigmoid()
    assigned = assign_cells(
        boxes.detach(), scores, predictions.centres, predictions.strides, truth, labels
    )
    cells = assigned.cells
    # Targets: 1 for objectness of assigned cells, the IoU for their class.
    is_object = torch.zeros_like(objectness).index_fill(0, cells, 1)
    one_hot = functional.one_hot(labels[assigned.animals], classes.shape[1])
    class_targets = one_hot * assigned.ious[:, None]
    ious = box_iou(boxes[cells], truth[assigned.animals]).diagonal()
    cross_entropy = functional.binary_cross_entropy_with_logits
    losses = (
        (1 - ious**2).sum(),
        cross_entropy(objectness, is_object, reduction="sum"),
        cross_entropy(classes[cells], class_targets, reduction="sum"),
    )
    return torch.stack(losses), len(cells)
