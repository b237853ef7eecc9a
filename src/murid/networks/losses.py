"""Losses of detection (heatmap, offset, size) and of identity."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import nn
from torch.nn import functional
from torchvision.ops import complete_box_iou_loss, sigmoid_focal_loss

from murid.errors import ConfigError
from murid.networks.network import NetworkOutput
from murid.networks.targets import Targets

IdentityLoss = Literal["cross_entropy", "focal"]
Reduction = Literal["mean", "sum"]
_CLAMP = 1e-4
_FOCAL_ALPHA, _FOCAL_GAMMA, _FOCAL_PRIOR = 0.25, 2.0, 0.01


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
        Scalar: the sum over cells divided by the number of centres in the batch, or undivided if
        there are none.
    """
    p = torch.sigmoid(logits).clamp(_CLAMP, 1 - _CLAMP)
    centres = heatmap == 1
    positive = torch.where(centres, torch.log(p) * (1 - p) ** 2, 0.0)
    negative = torch.log(1 - p) * p**2 * (1 - heatmap) ** 4
    return -(positive + negative).sum() / centres.sum().clamp(min=1)


def masked_l1_loss(
    maps: torch.Tensor, cells: torch.Tensor, values: torch.Tensor, reduction: Reduction = "mean"
) -> torch.Tensor:
    """L1 loss at centres alone (paper, section III-A, Eq. 3).

    Parameters
    ----------
    maps : Tensor
        ``(B, D, h, w)`` float32 prediction.
    cells : Tensor
        ``(3, N)`` int64: image, row and column.
    values : Tensor
        ``(N, D)`` float32 target.
    reduction : {"mean", "sum"}
        Whether the sum is divided by the number of values (FairMOT), or left as the paper prints
        it.

    Returns
    -------
    Tensor
        Scalar, in cells.
    """
    image, row, column = cells
    total = (maps[image, :, row, column] - values).abs().sum()
    return total if reduction == "sum" else total / (values.numel() + _CLAMP)


def box_overlap_loss(offset: torch.Tensor, size: torch.Tensor, targets: Targets) -> torch.Tensor:
    """One minus the complete IoU of predicted and true boxes, mean over centres (Zheng et al. 2020).

    Parameters
    ----------
    offset, size : Tensor
        ``(B, 2, h, w)`` and ``(B, 2 | 4, h, w)`` float32 predictions, in cells.
    targets : Targets

    Returns
    -------
    Tensor
        Scalar, zero without animals.
    """
    image, row, column = targets.cells
    boxes = _to_boxes(offset[image, :, row, column], size[image, :, row, column].clamp(min=0.1))
    truth = _to_boxes(targets.offset, targets.size)
    loss: torch.Tensor = complete_box_iou_loss(boxes, truth, reduction="sum") / max(1, len(truth))
    return loss


def _to_boxes(centres: torch.Tensor, sizes: torch.Tensor) -> torch.Tensor:
    """Corners ``(N, 4)`` of boxes given by centre and either both sides or the distances to the four sides."""
    before, after = (sizes / 2, sizes / 2) if sizes.shape[1] == 2 else (sizes[:, :2], sizes[:, 2:])
    return torch.cat([centres - before, centres + after], dim=1)


def detection_loss(
    output: NetworkOutput,
    targets: Targets,
    size_weight: float = 0.1,
    reduction: Reduction = "mean",
    overlap_weight: float = 0.0,
) -> DetectionLosses:
    """Losses of the three heads and L_heat + L_offset + λ·L_size (paper, section III-A, λ = 0.1).

    With an `overlap_weight`, L_size has that share of `box_overlap_loss` as well, which the paper
    does not have.
    """
    heat = focal_heatmap_loss(output.heatmap, targets.heatmap)
    offset = masked_l1_loss(output.offset, targets.cells, targets.offset, reduction)
    size = masked_l1_loss(output.size, targets.cells, targets.size, reduction)
    if overlap_weight:
        size = size + overlap_weight * box_overlap_loss(output.offset, output.size, targets)
    return DetectionLosses(heat, offset, size, heat + offset + size_weight * size)


class IdentityClassifier(nn.Module):
    """Tells training identities apart; discarded after training.

    A linear layer on unit embeddings scaled by √2·ln(n - 1) (JDE, FairMOT).

    Parameters
    ----------
    embedding_size : int
    n_identities : int
        At least 3: the scale of two would be zero.
    loss : {"cross_entropy", "focal"}
        Over the identities together (JDE, FairMOT), or for each by itself with α = 0.25 and γ = 2
        (FairMOT's alternative; Lin et al. 2017), where the first guess is that an animal is any one
        of them with 0.01.

    Raises
    ------
    ConfigError
        If there are fewer identities, or the loss is unknown.
    """

    def __init__(
        self, embedding_size: int, n_identities: int, loss: IdentityLoss = "cross_entropy"
    ) -> None:
        super().__init__()
        if n_identities < 3:
            raise ConfigError(f"n_identities: expected at least 3, got {n_identities}")
        if loss not in ("cross_entropy", "focal"):
            raise ConfigError(f"loss: expected cross_entropy or focal, got {loss!r}")
        self.loss = loss
        self.scale = math.sqrt(2) * math.log(n_identities - 1)
        self.linear = nn.Linear(embedding_size, n_identities)
        if loss == "focal":
            nn.init.normal_(self.linear.weight, std=0.01)
            nn.init.constant_(self.linear.bias, math.log(_FOCAL_PRIOR / (1 - _FOCAL_PRIOR)))

    def forward(self, embeddings: torch.Tensor, identities: torch.Tensor) -> torch.Tensor:
        """Mean loss of unit rows ``(K, d)`` with identities ``(K,)`` int64; -1 is left out, zero if all are."""
        known = identities >= 0
        logits = self.linear(self.scale * embeddings[known])
        return self._sum_losses(logits, identities[known]) / known.sum().clamp(min=1)

    def _sum_losses(self, logits: torch.Tensor, identities: torch.Tensor) -> torch.Tensor:
        if self.loss == "cross_entropy":
            return functional.cross_entropy(logits, identities, reduction="sum")
        truth = functional.one_hot(identities, logits.shape[1]).to(logits)
        total: torch.Tensor = sigmoid_focal_loss(
            logits, truth, _FOCAL_ALPHA, _FOCAL_GAMMA, reduction="sum"
        )
        return total


def batch_hard_triplet_loss(
    embeddings: torch.Tensor, identities: torch.Tensor, margin: float = 0.3
) -> torch.Tensor:
    """Triplet loss with the farthest of the same and the nearest of other animals (Hermans et al. 2017, Eq. 5).

    FairMOT has it and does not use it. It needs animals that are in a batch more than once.

    Parameters
    ----------
    embeddings : Tensor
        ``(K, d)`` float32 unit rows.
    identities : Tensor
        ``(K,)`` int64; -1 is left out.
    margin : float
        By how much others must be farther away, as Euclidean distance between unit rows.

    Returns
    -------
    Tensor
        Scalar: the mean over animals that have both another picture and another animal beside them,
        zero if none has.
    """
    embeddings, identities = embeddings[identities >= 0], identities[identities >= 0]
    distances = (2 - 2 * embeddings @ embeddings.T).clamp(min=1e-12).sqrt()
    same = identities[:, None] == identities
    usable = (same.sum(dim=1) > 1) & ~same.all(dim=1)
    if not usable.any():
        return embeddings.sum() * 0
    farthest = distances.masked_fill(~same, -math.inf)[usable].amax(dim=1)
    nearest = distances.masked_fill(same, math.inf)[usable].amin(dim=1)
    return functional.relu(farthest - nearest + margin).mean()


def contrastive_loss(
    embeddings: torch.Tensor, identities: torch.Tensor, temperature: float = 0.1
) -> torch.Tensor:
    """Supervised contrastive loss over the animals of a batch (Khosla et al. 2020, Eq. 2).

    It needs animals that are in a batch more than once, and no list of all identities of the
    training.

    Parameters
    ----------
    embeddings : Tensor
        ``(K, d)`` float32 unit rows.
    identities : Tensor
        ``(K,)`` int64; -1 is left out.
    temperature : float
        Divides the cosines.

    Returns
    -------
    Tensor
        Scalar: the mean over animals that are there more than once, zero if none is.
    """
    embeddings, identities = embeddings[identities >= 0], identities[identities >= 0]
    itself = torch.eye(len(identities), dtype=torch.bool, device=identities.device)
    logits = (embeddings @ embeddings.T / temperature).masked_fill(itself, -math.inf)
    same = (identities[:, None] == identities) & ~itself
    asked = same.any(dim=1)
    if not asked.any():
        return embeddings.sum() * 0
    log_odds = functional.log_softmax(logits[asked], dim=1).masked_fill(~same[asked], 0)
    return -(log_odds.sum(dim=1) / same[asked].sum(dim=1)).mean()
