"""Plain YOLOX with its decoupled head on three strides, the baseline of the paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torchvision.ops import nms

from murid.networks.backbones import CspDarknet
from murid.networks.layers import ConvUnit
from murid.networks.neck import PafpnNeck
from murid.networks.presets import NetworkConfig, count_channels

STRIDES = (8, 16, 32)
# Initial probability of objects and classes (YOLOX, after Lin et al. 2017).
_PRIOR = 0.01
# Maximum logarithm of a side in strides, so that the boxes of an untrained network are finite.
_MAX_LOG_SIDE = 8.0
# IoU above which non-maximum suppression drops the box of the lower score (YOLOX evaluation).
_NMS_IOU = 0.65
# Boxes with the highest scores that enter non-maximum suppression; limits its time for an untrained
# network, which finds objects everywhere.
_MAX_CANDIDATES = 1000


class LevelOutput(NamedTuple):
    """Raw predictions on one stride.

    Attributes
    ----------
    box : Tensor
        ``(B, 4, h, w)``.
    objectness : Tensor
        ``(B, 1, h, w)`` logits.
    classes : Tensor
        ``(B, C, h, w)`` logits.
    """

    box: torch.Tensor
    objectness: torch.Tensor
    classes: torch.Tensor


class Predictions(NamedTuple):
    """Predictions of all strides, concatenated; A is the number of cells.

    Attributes
    ----------
    boxes : Tensor
        ``(B, A, 4)`` xyxy in input pixels.
    objectness : Tensor
        ``(B, A)`` logits.
    classes : Tensor
        ``(B, A, C)`` logits.
    centres : Tensor
        ``(A, 2)``: centres of the cells, x and y in input pixels.
    strides : Tensor
        ``(A,)``.
    """

    boxes: torch.Tensor
    objectness: torch.Tensor
    classes: torch.Tensor
    centres: torch.Tensor
    strides: torch.Tensor


class DecoupledHead(nn.Module):
    """Class branch and box branch, each of two 3×3 convolutions, on one stride (YOLOX)."""

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
        """Return the predictions for a map ``(B, n_in, h, w)``."""
        x = self.stem(level)
        box_features = self.box_branch(x)
        class_features = self.class_branch(x)
        return LevelOutput(
            self.box(box_features), self.objectness(box_features), self.classes(class_features)
        )


class Yolox(nn.Module):
    """Plain YOLOX: backbone, neck and a decoupled head on strides 8, 16 and 32.

    Parameters
    ----------
    config : NetworkConfig
        Of which `depth`, `width`, `n_channels` and `n_classes` are used.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = CspDarknet(config.depth, config.width, config.n_channels)
        self.neck = PafpnNeck(config.depth, config.width)
        channels = count_channels(config.width)
        self.heads = nn.ModuleList(
            DecoupledHead(n, channels[1], config.n_classes) for n in channels[1:]
        )

    def forward(self, images: torch.Tensor) -> list[LevelOutput]:
        """Return predictions on strides 8, 16 and 32 for images ``(B, 3 | 4, H, W)``.

        H and W are multiples of 32.
        """
        levels = self.neck(self.backbone(images))
        return [head(level) for head, level in zip(self.heads, levels, strict=True)]


def concatenate_levels(levels: Sequence[LevelOutput]) -> Predictions:
    """Return the predictions of all strides, concatenated, in float32, with boxes in pixels.

    A cell predicts the distance of the box's centre from the upper left corner of the cell, and the
    logarithms of the box's sides, in strides (YOLOX).
    """
    parts = [_decode_level(level, stride) for level, stride in zip(levels, STRIDES, strict=True)]
    return Predictions(
        torch.cat([part.boxes for part in parts], 1),
        torch.cat([part.objectness for part in parts], 1),
        torch.cat([part.classes for part in parts], 1),
        torch.cat([part.centres for part in parts]),
        torch.cat([part.strides for part in parts]),
    )


def _decode_level(level: LevelOutput, stride: int) -> Predictions:
    """Return the predictions of one stride with boxes in pixels."""
    # (B, channels, h, w) to (B, h * w, channels).
    box = level.box.float().flatten(2).transpose(1, 2)
    objectness = level.objectness.float().flatten(2).transpose(1, 2)
    classes = level.classes.float().flatten(2).transpose(1, 2)
    # Upper left corners of the cells, in strides.
    height, width = level.box.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    corners = torch.stack([columns, rows], dim=-1).reshape(-1, 2).to(box)
    # Boxes from their centres and half their sides, in pixels.
    centres = (corners + box[..., :2]) * stride
    half_sides = box[..., 2:].clamp(max=_MAX_LOG_SIDE).exp() * (stride / 2)
    boxes = torch.cat([centres - half_sides, centres + half_sides], dim=-1)
    strides = corners.new_full((len(corners),), stride)
    return Predictions(boxes, objectness[..., 0], classes, (corners + 0.5) * stride, strides)


def decode_yolox(
    levels: Sequence[LevelOutput], score_threshold: float
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return boxes ``(n, 4)`` xyxy pixels and scores ``(n,)`` of each image, best first.

    The score is the objectness times the probability of the most likely class. Non-maximum
    suppression drops boxes whose IoU with a better one is above 0.65 (YOLOX).
    """
    predictions = concatenate_levels(levels)
    class_scores = predictions.classes.sigmoid().amax(dim=-1)
    all_scores = predictions.objectness.sigmoid() * class_scores
    detections = []
    for boxes, scores in zip(predictions.boxes, all_scores, strict=True):
        # Keep the best candidates, then drop duplicates.
        rows = torch.nonzero(scores >= score_threshold)[:, 0]
        rows = rows[scores[rows].argsort(descending=True, stable=True)[:_MAX_CANDIDATES]]
        rows = rows[nms(boxes[rows], scores[rows], _NMS_IOU)]
        detections.append((boxes[rows], scores[rows]))
    return detections
