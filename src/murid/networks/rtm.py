"""The three RTM heads on the stride-4 map: centre heatmap, centre offset and box size."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from murid.networks.presets import BoxMode

# Initial bias of the heatmap, the logit of 0.1 (FairMOT, CenterNet). Nearly all cells are
# background, and with a larger value their losses dominate the first steps.
_PRIOR_BIAS = -2.19
# Standard deviation of the initial weights of the offset and size heads (CenterNet).
_REGRESSION_STD = 0.001


class HeadOutput(NamedTuple):
    """Predictions of the heads; offset and size are in stride-4 cells.

    Attributes
    ----------
    heatmap : Tensor
        ``(B, C, H / 4, W / 4)`` logits.
    offset : Tensor
        ``(B, 2, H / 4, W / 4)``.
    size : Tensor
        ``(B, 2 | 4, H / 4, W / 4)``.
    """

    heatmap: torch.Tensor
    offset: torch.Tensor
    size: torch.Tensor


def _build_head(n_in: int, hidden: int, n_out: int) -> nn.Sequential:
    """Return a 3×3 convolution, ReLU and 1×1 convolution (paper, section III-A; FairMOT)."""
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
        n_sides = {"wh": 2, "ltrb": 4}[box_mode]
        self.size = _build_head(n_in, hidden, n_sides)
        nn.init.constant_(_get_last(self.heatmap).bias, _PRIOR_BIAS)  # type: ignore[arg-type]
        for head in (self.offset, self.size):
            nn.init.normal_(_get_last(head).weight, std=_REGRESSION_STD)
            nn.init.zeros_(_get_last(head).bias)  # type: ignore[arg-type]

    def forward(self, p2: torch.Tensor) -> HeadOutput:
        """Return the three predictions for the map ``(B, n_in, H / 4, W / 4)``."""
        return HeadOutput(self.heatmap(p2), self.offset(p2), self.size(p2))
