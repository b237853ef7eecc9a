"""YOLOX's decoupled head on three strides, for plain YOLOX: the baseline that the paper compares with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from murid.models.backbones import CspDarknet
from murid.models.layers import ConvUnit
from murid.models.neck import PathAggregation
from murid.models.presets import count_channels


class LevelOutput(NamedTuple):
    """Raw predictions on one stride: box ``(B, 4, h, w)``, objectness ``(B, 1, h, w)`` and class ``(B, C, h, w)``."""

    box: torch.Tensor
    objectness: torch.Tensor
    classes: torch.Tensor


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

    def forward(self, level: torch.Tensor) -> LevelOutput:
        """``(B, n_in, h, w)`` to the three predictions."""
        x = self.stem(level)
        boxes = self.box_branch(x)
        return LevelOutput(self.box(boxes), self.objectness(boxes), self.classes(self.class_branch(x)))


class Yolox(nn.Module):
    """Plain YOLOX: backbone, neck and a decoupled head on strides 8, 16 and 32.

    Parameters
    ----------
    depth, width : float
        Multipliers of bottlenecks and channels.
    n_classes : int
    """

    def __init__(self, depth: float, width: float, n_classes: int = 1) -> None:
        super().__init__()
        self.backbone = CspDarknet(depth, width)
        self.neck = PathAggregation(depth, width)
        hidden = count_channels(width)[1]
        self.heads = nn.ModuleList(DecoupledHead(n, hidden, n_classes) for n in count_channels(width)[1:])

    def forward(self, images: torch.Tensor) -> Sequence[LevelOutput]:
        """Predictions for images ``(B, 3, H, W)``, sides multiples of 32, on strides 8, 16 and 32."""
        levels = self.neck(self.backbone(images))
        return [head(level) for head, level in zip(self.heads, levels, strict=True)]
