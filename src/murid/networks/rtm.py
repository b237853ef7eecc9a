"""The heads on the stride-4 map: the three of RTM (centre, offset, box size), and keypoints."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from murid.core.keypoints import KEYPOINTS
from murid.networks.presets import BoxMode

# Initial bias of the heatmap, the logit of 0.1 (FairMOT, CenterNet). Nearly all cells are
# background, and with a larger value their losses dominate the first steps.
_PRIOR_BIAS = -2.19
# Standard deviation of the initial weights of the offset and size heads (CenterNet).
_REGRESSION_STD = 0.001
# Values per keypoint: x, y, and the logarithm of the expected error.
_VALUES_PER_KEYPOINT = 3
# Channels inside the keypoint head as a share of those of the other heads. Half of them cost less
# than a twentieth of the network's operations.
_KEYPOINT_HEAD_SHARE = 0.5


class HeadOutput(NamedTuple):
    """Predictions of the heads; offset and size are in stride-4 cells, keypoints in box diagonals.

    Attributes
    ----------
    heatmap : Tensor
        ``(B, C, H / 4, W / 4)`` logits.
    offset : Tensor
        ``(B, 2, H / 4, W / 4)``.
    size : Tensor
        ``(B, 2 | 4, H / 4, W / 4)``.
    keypoints : Tensor or None
        ``(B, 9, H / 4, W / 4)``: for each keypoint its displacement from the corner of the cell, x
        and y, and the logarithm of the expected error. None without this head.
    """

    heatmap: torch.Tensor
    offset: torch.Tensor
    size: torch.Tensor
    keypoints: torch.Tensor | None


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
    """Heatmap, offset and size heads (paper, section III-A), and one of keypoints if wanted.

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
    keypoints : bool
        Whether there is a head of keypoints.
    """

    def __init__(
        self, n_in: int, hidden: int, n_classes: int, box_mode: BoxMode, keypoints: bool = False
    ) -> None:
        super().__init__()
        self.heatmap = _build_head(n_in, hidden, n_classes)
        self.offset = _build_head(n_in, hidden, 2)
        n_sides = {"wh": 2, "ltrb": 4}[box_mode]
        self.size = _build_head(n_in, hidden, n_sides)
        nn.init.constant_(_get_last(self.heatmap).bias, _PRIOR_BIAS)  # type: ignore[arg-type]
        regressions = [self.offset, self.size]
        self.keypoints = None
        if keypoints:
            n_values = _VALUES_PER_KEYPOINT * len(KEYPOINTS)
            self.keypoints = _build_head(n_in, int(_KEYPOINT_HEAD_SHARE * hidden), n_values)
            regressions.append(self.keypoints)
        for head in regressions:
            nn.init.normal_(_get_last(head).weight, std=_REGRESSION_STD)
            nn.init.zeros_(_get_last(head).bias)  # type: ignore[arg-type]

    def forward(self, p2: torch.Tensor) -> HeadOutput:
        """Return the predictions for the map ``(B, n_in, H / 4, W / 4)``."""
        keypoints = None if self.keypoints is None else self.keypoints(p2)
        return HeadOutput(self.heatmap(p2), self.offset(p2), self.size(p2), keypoints)
