"""RTM's three heads on the stride-4 map: where centres are, where in their cell, how large the box is."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from murid.networks.presets import BoxMode

_PRIOR_BIAS = -2.19
"""Logit of 0.1: the heatmap starts almost empty, as most of it must end (FairMOT)."""


class HeadOutput(NamedTuple):
    """Heatmap logits ``(B, C, H / 4, W / 4)``, offset ``(B, 2, ..)`` and size ``(B, 2 | 4, ..)`` in stride-4 cells."""

    heatmap: torch.Tensor
    offset: torch.Tensor
    size: torch.Tensor


def _build_head(n_in: int, hidden: int, n_out: int) -> nn.Sequential:
    """3×3 convolution, ReLU, 1×1 convolution, without batch norm (paper, section III-A; FairMOT)."""
    return nn.Sequential(
        nn.Conv2d(n_in, hidden, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(hidden, n_out, 1)
    )


def _get_last(head: nn.Sequential) -> nn.Conv2d:
    last = head[-1]
    assert isinstance(last, nn.Conv2d)
    return last


class RtmHeads(nn.Module):
    """Heatmap, offset and size heads (paper, section III-A).

    Parameters
    ----------
    n_in : int
        Channels of the stride-4 map.
    hidden : int
        Channels inside each head.
    n_classes : int
        Channels of the heatmap.
    box_mode : {"wh", "ltrb"}
        Whether the size head has two or four channels.
    """

    def __init__(self, n_in: int, hidden: int, n_classes: int, box_mode: BoxMode) -> None:
        super().__init__()
        self.heatmap = _build_head(n_in, hidden, n_classes)
        self.offset = _build_head(n_in, hidden, 2)
        self.size = _build_head(n_in, hidden, len(box_mode))  # one channel a letter
        nn.init.constant_(_get_last(self.heatmap).bias, _PRIOR_BIAS)  # type: ignore[arg-type]
        for head in (self.offset, self.size):
            nn.init.normal_(_get_last(head).weight, std=0.001)
            nn.init.zeros_(_get_last(head).bias)  # type: ignore[arg-type]

    def forward(self, p2: torch.Tensor) -> HeadOutput:
        """``(B, n_in, H / 4, W / 4)`` to the three maps."""
        return HeadOutput(self.heatmap(p2), self.offset(p2), self.size(p2))
