"""Losses of detection (heatmap, offset, size) and of identity."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from murid.errors import ConfigError
from murid.models.network import NetworkOutput
from murid.models.targets import Targets

_CLAMP = 1e-4


class DetectionLosses(NamedTuple):
    """Scalar losses of the three heads, and their weighted sum."""

    heat: torch.Tensor
    offset: torch.Tensor
    size: torch.Tensor
    total: torch.Tensor


def focal_heatmap_loss(logits: torch.Tensor, heatmap: torch.Tensor) -> torch.Tensor:
    """Penalty-reduced focal loss (paper, section III-A, Eq. 2; CornerNet with α = 2, β = 4).

    Parameters
    ----------
    logits, heatmap : Tensor
        ``(B, C, h, w)`` float32: prediction, and target that is exactly 1 at centres.

    Returns
    -------
    Tensor
        Scalar: the sum over cells divided by the number of centres in the batch, or undivided if there are none.
    """
    p = torch.sigmoid(logits).clamp(_CLAMP, 1 - _CLAMP)
    centres = heatmap == 1
    positive = torch.where(centres, torch.log(p) * (1 - p) ** 2, 0.0)
    negative = torch.log(1 - p) * p**2 * (1 - heatmap) ** 4
    return -(positive + negative).sum() / centres.sum().clamp(min=1)


def masked_l1_loss(maps: torch.Tensor, cells: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """L1 loss at centres alone (paper, section III-A, Eq. 3).

    Parameters
    ----------
    maps : Tensor
        ``(B, D, h, w)`` float32 prediction.
    cells : Tensor
        ``(3, N)`` int64: image, row and column.
    values : Tensor
        ``(N, D)`` float32 target.

    Returns
    -------
    Tensor
        Scalar: the sum divided by the number of values (FairMOT; the paper prints the bare sum).
    """
    image, row, column = cells
    return (maps[image, :, row, column] - values).abs().sum() / (values.numel() + _CLAMP)


def detection_loss(output: NetworkOutput, targets: Targets, size_weight: float = 0.1) -> DetectionLosses:
    """Losses of the three heads and L_heat + L_offset + λ·L_size (paper, section III-A, λ = 0.1)."""
    heat = focal_heatmap_loss(output.heatmap, targets.heatmap)
    offset = masked_l1_loss(output.offset, targets.cells, targets.offset)
    size = masked_l1_loss(output.size, targets.cells, targets.size)
    return DetectionLosses(heat, offset, size, heat + offset + size_weight * size)


class IdentityClassifier(nn.Module):
    """Tells training identities apart; discarded after training.

    Cross-entropy over a linear layer on unit embeddings scaled by √2·ln(n - 1) (JDE, FairMOT).

    Parameters
    ----------
    embedding_size : int
    n_identities : int
        At least 3: the scale of two would be zero.

    Raises
    ------
    ConfigError
        If there are fewer identities.
    """

    def __init__(self, embedding_size: int, n_identities: int) -> None:
        super().__init__()
        if n_identities < 3:
            raise ConfigError(f"n_identities: expected at least 3, got {n_identities}")
        self.scale = math.sqrt(2) * math.log(n_identities - 1)
        self.linear = nn.Linear(embedding_size, n_identities)

    def forward(self, embeddings: torch.Tensor, identities: torch.Tensor) -> torch.Tensor:
        """Mean loss of unit rows ``(K, d)`` with identities ``(K,)`` int64; -1 is left out, zero if all are."""
        logits = self.linear(self.scale * embeddings)
        total = functional.cross_entropy(logits, identities, ignore_index=-1, reduction="sum")
        return total / (identities >= 0).sum().clamp(min=1)
