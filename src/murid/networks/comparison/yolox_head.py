"""Plain YOLOX with its decoupled head on three strides: the baseline that the paper compares with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torchvision.ops import nms

from murid.networks.backbones import CspDarknet
from murid.networks.layers import ConvUnit
from murid.networks.neck import PathAggregation
from murid.networks.presets import NetworkConfig, count_channels

STRIDES = (8, 16, 32)
_PRIOR = 0.01
_LARGEST_LOG = 8.0  # of a side in strides, so that an untrained network stays finite
_NMS_IOU = 0.65
_MOST_CANDIDATES = 1000


class LevelOutput(NamedTuple):
    """Raw predictions on one stride: box ``(B, 4, h, w)``, objectness ``(B, 1, h, w)`` and class ``(B, C, h, w)``."""

    box: torch.Tensor
    objectness: torch.Tensor
    classes: torch.Tensor


class Predictions(NamedTuple):
    """Predictions of all strides, end to end; A is the number of cells.

    Attributes
    ----------
    boxes : Tensor
        ``(B, A, 4)`` xyxy in input pixels.
    objectness : Tensor
        ``(B, A)`` logits.
    classes : Tensor
        ``(B, A, C)`` logits.
    centres : Tensor
        ``(A, 2)`` of the cells, x and y in input pixels.
    strides : Tensor
        ``(A,)``.
    """

    boxes: torch.Tensor
    objectness: torch.Tensor
    classes: torch.Tensor
    centres: torch.Tensor
    strides: torch.Tensor


class DecoupledHead(nn.Module):
    """Two branches, for class and for box, each of two 3×3 convolutions, on one stride (YOLOX)."""

    def __init__(self, n_in: int, hidden: int, n_classes: int) -> None:
        super().__init__()
        self.stem = ConvUnit(n_in, hidden)
        self.class_branch = nn.Sequential(ConvUnit(hidden, hidden, 3), ConvUnit(hidden, hidden, 3))
        self.box_branch = nn.Sequential(ConvUnit(hidden, hidden, 3), ConvUnit(hidden, hidden, 3))
        self.classes = nn.Conv2d(hidden, n_classes, 1)
        self.box = nn.Conv2d(hidden, 4, 1)
        self.objectness = nn.Conv2d(hidden, 1, 1)
        for last in (self.classes, self.objectness):
            assert last.bias is not None
            nn.init.constant_(last.bias, -math.log((1 - _PRIOR) / _PRIOR))

    def forward(self, level: torch.Tensor) -> LevelOutput:
        """``(B, n_in, h, w)`` to the three predictions."""
        x = self.stem(level)
        boxes = self.box_branch(x)
        return LevelOutput(
            self.box(boxes), self.objectness(boxes), self.classes(self.class_branch(x))
        )


class Yolox(nn.Module):
    """Plain YOLOX: backbone, neck and a decoupled head on strides 8, 16 and 32.

    Parameters
    ----------
    config : NetworkConfig
        Of which depth, width, channels and classes matter.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = CspDarknet(config.depth, config.width, config.n_channels)
        self.neck = PathAggregation(config.depth, config.width)
        channels = count_channels(config.width)
        self.heads = nn.ModuleList(
            DecoupledHead(n, channels[1], config.n_classes) for n in channels[1:]
        )

    def forward(self, images: torch.Tensor) -> list[LevelOutput]:
        """Predictions for images ``(B, 3 | 4, H, W)``, sides multiples of 32, on strides 8, 16 and 32."""
        levels = self.neck(self.backbone(images))
        return [head(level) for head, level in zip(self.heads, levels, strict=True)]


def lay_out(levels: Sequence[LevelOutput]) -> Predictions:
    """Put the predictions of all strides end to end in float32, boxes in pixels.

    A cell says how far the box's centre is from its own corner, and the logarithm of its sides, in
    strides (YOLOX).
    """
    parts = [_lay_out(level, stride) for level, stride in zip(levels, STRIDES, strict=True)]
    boxes, objectness, classes, centres, strides = zip(*parts, strict=True)
    return Predictions(
        torch.cat(boxes, 1),
        torch.cat(objectness, 1),
        torch.cat(classes, 1),
        torch.cat(centres),
        torch.cat(strides),
    )


def _lay_out(level: LevelOutput, stride: int) -> Predictions:
    box, objectness, classes = (value.float().flatten(2).transpose(1, 2) for value in level)
    height, width = level.box.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    corners = torch.stack([columns, rows], dim=-1).reshape(-1, 2).to(box)
    middle = (corners + box[..., :2]) * stride
    half = box[..., 2:].clamp(max=_LARGEST_LOG).exp() * (stride / 2)
    strides = corners.new_full((len(corners),), stride)
    boxes = torch.cat([middle - half, middle + half], dim=-1)
    return Predictions(boxes, objectness[..., 0], classes, (corners + 0.5) * stride, strides)


def decode_yolox(
    levels: Sequence[LevelOutput], score_threshold: float
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Boxes ``(n, 4)`` xyxy pixels and scores ``(n,)`` of each image, best first.

    The score is that of an object times that of its likeliest class; boxes that overlap a better
    one by an IoU of more than 0.65 are dropped (YOLOX).
    """
    found = []
    predictions = lay_out(levels)
    likeliest = predictions.classes.sigmoid().amax(dim=-1)
    for boxes, scores in zip(
        predictions.boxes, predictions.objectness.sigmoid() * likeliest, strict=True
    ):
        rows = torch.nonzero(scores >= score_threshold)[:, 0]
        rows = rows[scores[rows].argsort(descending=True, stable=True)[:_MOST_CANDIDATES]]
        rows = rows[nms(boxes[rows], scores[rows], _NMS_IOU)]
        found.append((boxes[rows], scores[rows]))
    return found
