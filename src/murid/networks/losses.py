"""Losses of detection (heatmap, offset, box size), of keypoints and of re-identification."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import nn
from torch.nn import functional
from torchvision.ops import complete_box_iou_loss, sigmoid_focal_loss

from murid.core.keypoints import KEYPOINTS
from murid.errors import ConfigError
from murid.networks.network import NetworkOutput
from murid.networks.targets import Targets

ClassifierLoss = Literal["cross_entropy", "focal"]
Reduction = Literal["mean", "sum"]

# Keeps logarithms finite, and denominators above 0 (CenterNet, FairMOT).
_EPSILON = 1e-4

# Focal loss of the heatmap: exponents α and β of CornerNet (Law and Deng 2018, section 3.2). A
# larger α ignores well-predicted cells more, a larger β ignores cells near a centre more.
_HEATMAP_ALPHA = 2
_HEATMAP_BETA = 4

# Focal loss of the identity classifier, and the initial probability of each identity (Lin et al.
# 2017, sections 3.3 and 5.1).
_FOCAL_ALPHA = 0.25
_FOCAL_GAMMA = 2.0
_FOCAL_PRIOR = 0.01

# Logit of what a softmax leaves out. Finite, so that a row without anything else has a gradient.
_EXCLUDED_LOGIT = -1e4

# Bounds of the logarithm of a keypoint's expected error, in box diagonals: from less than a pixel
# to the whole box. They keep the loss of an untrained network finite.
_LOG_ERROR_BOUNDS = (-5.0, 0.5)

# Minimum predicted side in cells, so that the complete IoU of an untrained network is defined.
_MIN_SIDE_CELLS = 0.1


class DetectionLosses(NamedTuple):
    """Scalar losses of the three heads, and their weighted sum `total`."""

    heat: torch.Tensor
    offset: torch.Tensor
    size: torch.Tensor
    total: torch.Tensor


def focal_heatmap_loss(logits: torch.Tensor, heatmap: torch.Tensor) -> torch.Tensor:
    """Return the penalty-reduced focal loss of the heatmap (paper, section III-A, Eq. 2).

    Parameters
    ----------
    logits, heatmap : Tensor
        ``(B, C, h, w)`` float32: prediction, and target, which is exactly 1 at centres.

    Returns
    -------
    Tensor
        Scalar: the sum over cells divided by the number of centres in the batch, or undivided if
        there are none.

    Notes
    -----
    This is the loss of CornerNet with α = 2 and β = 4.
    """
    p = torch.sigmoid(logits).clamp(_EPSILON, 1 - _EPSILON)
    # Cells are positive at exact centres only. Near a centre the negative term is reduced.
    centres = heatmap == 1
    positive = torch.where(centres, torch.log(p) * (1 - p) ** _HEATMAP_ALPHA, 0.0)
    negative = torch.log(1 - p) * p**_HEATMAP_ALPHA * (1 - heatmap) ** _HEATMAP_BETA
    return -(positive + negative).sum() / centres.sum().clamp(min=1)


def masked_l1_loss(
    maps: torch.Tensor, cells: torch.Tensor, values: torch.Tensor, reduction: Reduction = "mean"
) -> torch.Tensor:
    """Return the L1 loss at the centres (paper, section III-A, Eq. 3).

    Parameters
    ----------
    maps : Tensor
        ``(B, D, h, w)`` float32 prediction.
    cells : Tensor
        ``(3, N)`` int64: image, row and column of each centre.
    values : Tensor
        ``(N, D)`` float32 target.
    reduction : {"mean", "sum"}
        Whether the sum is divided by the number of values (FairMOT) or not (paper).

    Returns
    -------
    Tensor
        Scalar, in cells.
    """
    image, row, column = cells
    total = (maps[image, :, row, column] - values).abs().sum()
    if reduction == "sum":
        return total
    return total / (values.numel() + _EPSILON)


def box_overlap_loss(offset: torch.Tensor, size: torch.Tensor, targets: Targets) -> torch.Tensor:
    """Return one minus the complete IoU of predicted and true boxes (Zheng et al. 2020).

    Parameters
    ----------
    offset, size : Tensor
        ``(B, 2, h, w)`` and ``(B, 2 | 4, h, w)`` float32 predictions, in cells.
    targets : Targets

    Returns
    -------
    Tensor
        Scalar: the mean over centres, zero without animals.
    """
    image, row, column = targets.cells
    predicted_size = size[image, :, row, column].clamp(min=_MIN_SIDE_CELLS)
    predicted = _to_corners(offset[image, :, row, column], predicted_size)
    truth = _to_corners(targets.offset, targets.size)
    total: torch.Tensor = complete_box_iou_loss(predicted, truth, reduction="sum")
    return total / max(1, len(truth))


def _to_corners(centres: torch.Tensor, sizes: torch.Tensor) -> torch.Tensor:
    """Return boxes ``(N, 4)`` xyxy from centres, and width and height or distances to the sides."""
    if sizes.shape[1] == 2:
        to_top_left = sizes / 2
        to_bottom_right = sizes / 2
    else:
        to_top_left = sizes[:, :2]
        to_bottom_right = sizes[:, 2:]
    return torch.cat([centres - to_top_left, centres + to_bottom_right], dim=1)


def detection_loss(
    output: NetworkOutput,
    targets: Targets,
    size_weight: float = 0.1,
    reduction: Reduction = "mean",
    overlap_weight: float = 0.0,
) -> DetectionLosses:
    """Return the losses of the three heads and L_heat + L_offset + λ·L_size (paper, section III-A).

    Parameters
    ----------
    output : NetworkOutput
    targets : Targets
    size_weight : float
        λ, 0.1 in the paper.
    reduction : {"mean", "sum"}
        As `masked_l1_loss`.
    overlap_weight : float
        Weight of `box_overlap_loss` within L_size; 0 in the paper.
    """
    heat = focal_heatmap_loss(output.heatmap, targets.heatmap)
    offset = masked_l1_loss(output.offset, targets.cells, targets.offset, reduction)
    size = masked_l1_loss(output.size, targets.cells, targets.size, reduction)
    if overlap_weight:
        size = size + overlap_weight * box_overlap_loss(output.offset, output.size, targets)
    return DetectionLosses(heat, offset, size, heat + offset + size_weight * size)


def keypoint_loss(keypoints: torch.Tensor, targets: Targets) -> torch.Tensor:
    """Return the loss of keypoints: their distance from the truth, and their expected error.

    Parameters
    ----------
    keypoints : Tensor
        ``(B, 9, h, w)`` float32, as in `NetworkOutput`.
    targets : Targets

    Returns
    -------
    Tensor
        Scalar, in diagonals of the box: the mean over known keypoints; zero without any.

    Notes
    -----
    The likelihood is a radial Laplace distribution of the error r with scale σ, whose negative
    logarithm is r / σ + 2 ln σ (Kendall and Gal 2017, in two dimensions). Its gradient is
    multiplied by σ as a constant (β-NLL of Seitzer et al. 2022 with β = 1), so that keypoints that
    are hard to find count as much as easy ones: the position follows r, and σ the mean of r / 2.
    """
    image, row, column = targets.cells
    values = keypoints[image, :, row, column].reshape(-1, len(KEYPOINTS), 3)
    known = targets.keypoints.isfinite().all(dim=2)
    truth = torch.where(known[..., None], targets.keypoints, 0)
    # A tiny constant keeps the gradient of the root finite where the error is zero.
    squared_error = (values[..., :2] - truth).square().sum(dim=2)
    error = (squared_error + _EPSILON**2).sqrt()
    log_scale = values[..., 2].clamp(*_LOG_ERROR_BOUNDS)
    scale = log_scale.exp()
    likelihood: torch.Tensor = (error / scale + 2 * log_scale) * scale.detach()
    return (likelihood * known).sum() / known.sum().clamp(min=1)


class IdentityClassifier(nn.Module):
    """Identity classification loss, with a linear classifier that is discarded after training.

    The classifier receives unit embeddings scaled by √2·ln(n - 1) (JDE, FairMOT).

    Parameters
    ----------
    embedding_size : int
    n_identities : int
        At least 3, because the scale of two identities is zero.
    loss : {"cross_entropy", "focal"}
        Softmax cross-entropy (JDE, FairMOT), or the sigmoid focal loss with α = 0.25 and γ = 2
        (Lin et al. 2017; an option of FairMOT). With the latter the initial probability of each
        identity is 0.01.

    Raises
    ------
    ConfigError
        If there are fewer than 3 identities, or the loss is unknown.
    """

    def __init__(
        self, embedding_size: int, n_identities: int, loss: ClassifierLoss = "cross_entropy"
    ) -> None:
        super().__init__()
        if n_identities < 3:
            raise ConfigError(f"n_identities: expected at least 3, got {n_identities}")
        if loss not in ("cross_entropy", "focal"):
            raise ConfigError(f"loss: expected cross_entropy or focal, got {loss!r}")
        self.loss = loss
        self.scale = math.sqrt(2) * math.log(n_identities - 1)
        self.linear = nn.Linear(embedding_size, n_identities)
        # Low initial probabilities, so that the many negatives do not dominate the first steps.
        if loss == "focal":
            nn.init.normal_(self.linear.weight, std=0.01)
            nn.init.constant_(self.linear.bias, math.log(_FOCAL_PRIOR / (1 - _FOCAL_PRIOR)))

    def forward(self, embeddings: torch.Tensor, identities: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of embeddings ``(K, d)`` of animals with identities ``(K,)`` int64.

        Identities of -1 are ignored. The loss is zero if all are -1.
        """
        known = identities >= 0
        logits = self.linear(self.scale * embeddings[known])
        total = self._sum_losses(logits, identities[known])
        return total / known.sum().clamp(min=1)

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
    """Return the batch-hard triplet loss (Hermans et al. 2017, Eq. 5).

    Each animal is compared with its most distant image and with the nearest other animal. The loss
    needs animals that occur in a batch more than once. FairMOT contains it as an unused option.

    Parameters
    ----------
    embeddings : Tensor
        ``(K, d)`` float32 unit rows.
    identities : Tensor
        ``(K,)`` int64; -1 is ignored.
    margin : float
        Required difference between the two Euclidean distances of unit vectors.

    Returns
    -------
    Tensor
        Scalar: the mean over boxes for which the batch has another box of the same animal and a box
        of another animal; zero if there are none.
    """
    known = identities >= 0
    embeddings = embeddings[known]
    identities = identities[known]
    # Distances of unit vectors follow from their scalar products. The minimum keeps the gradient of
    # the root finite.
    distances = (2 - 2 * embeddings @ embeddings.T).clamp(min=1e-12).sqrt()
    # An animal needs another box of its own, and a box of another animal.
    same = identities[:, None] == identities
    usable = (same.sum(dim=1) > 1) & ~same.all(dim=1)
    if not usable.any():
        return embeddings.sum() * 0  # zero, but part of the graph
    most_distant = distances.masked_fill(~same, -math.inf)[usable].amax(dim=1)
    nearest = distances.masked_fill(same, math.inf)[usable].amin(dim=1)
    return functional.relu(most_distant - nearest + margin).mean()


def supervised_contrastive_loss(
    embeddings: torch.Tensor, identities: torch.Tensor, temperature: float = 0.1
) -> torch.Tensor:
    """Return the supervised contrastive loss of a batch (Khosla et al. 2020, Eq. 2).

    The loss needs animals that occur in a batch more than once. Unlike a classifier it needs no
    list of all identities in the data.

    Parameters
    ----------
    embeddings : Tensor
        ``(K, d)`` float32 unit rows.
    identities : Tensor
        ``(K,)`` int64; -1 is ignored.
    temperature : float
        Divides the cosine similarities; smaller values weight similar animals more.

    Returns
    -------
    Tensor
        Scalar: the mean over boxes whose animal occurs more than once, zero if there are none.
    """
    known = identities >= 0
    # Compare each box with all others of known identity, but not with itself. Masks, not selections
    # of rows: their number would have to be read from the device, which waits for it.
    diagonal = torch.eye(len(identities), dtype=torch.bool, device=identities.device)
    compared = known[:, None] & known & ~diagonal
    logits = (embeddings @ embeddings.T / temperature).masked_fill(~compared, _EXCLUDED_LOGIT)
    positives = (identities[:, None] == identities) & compared
    # Mean log-probability of the positives of each anchor.
    log_probabilities = functional.log_softmax(logits, dim=1).masked_fill(~positives, 0)
    n_positives = positives.sum(dim=1)
    means = log_probabilities.sum(dim=1) / n_positives.clamp(min=1)
    return -means.sum() / (n_positives > 0).sum().clamp(min=1)


class SupervisedContrastiveLoss(nn.Module):
    """`supervised_contrastive_loss` as a module without parameters."""

    def forward(self, embeddings: torch.Tensor, identities: torch.Tensor) -> torch.Tensor:
        """Return the loss of unit rows ``(K, d)`` with identities ``(K,)`` int64."""
        return supervised_contrastive_loss(embeddings, identities)
