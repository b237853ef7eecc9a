"""RIM, the re-identification branch: embeds boxes by a global and part vectors with attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional
from torchvision.ops import roi_align

from murid.networks.layers import ConvUnit
from murid.networks.presets import RimConfig

# Strides of the maps P3, P4 and P5.
_STRIDES = (8, 16, 32)
# Sampling points of RoIAlign per cell and axis (He et al. 2017 sample 2×2 points). More points cost
# time in proportion to their number.
_SAMPLING_RATIO = 2


class ChannelAttention(nn.Module):
    """Channel attention of CBAM (Woo et al. 2018, section 3.1).

    The means and the maxima of the channels pass through the same two-layer perceptron. The default
    `reduction` of 16 is that of CBAM.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1, bias=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(K, C, h, w)`` to the same shape."""
        # Both summaries of the map share the weights of the perceptron.
        from_means = self.mlp(x.mean((2, 3), keepdim=True))
        from_maxima = self.mlp(x.amax((2, 3), keepdim=True))
        return x * torch.sigmoid(from_means + from_maxima)


class SpatialAttention(nn.Module):
    """Spatial attention of CBAM: a 7×7 convolution over the maximum and mean of the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(K, C, h, w)`` to the same shape."""
        summary = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.norm(self.conv(summary)))


class PartBranch(nn.Module):
    """Part vector of a strip: 1×1 convolution, CBAM, max pooling, ReLU (paper, section III-B).

    The paper pools first. CBAM then receives one value per channel and its spatial attention has no
    effect, so that order is an option (`RimConfig.literal_order`).
    """

    def __init__(self, config: RimConfig) -> None:
        super().__init__()
        self.conv = nn.Conv2d(config.channels, config.part_channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(config.part_channels, eps=1e-3, momentum=0.03)
        self.attention = nn.Sequential(ChannelAttention(config.part_channels), SpatialAttention())
        self.literal_order = config.literal_order

    def forward(self, strip: torch.Tensor) -> torch.Tensor:
        """``(K, channels, h, w)`` to ``(K, part_channels)``."""
        if self.literal_order:
            strip = strip.amax((2, 3), keepdim=True)
        attended = self.attention(self.norm(self.conv(strip)))
        return torch.relu(attended.amax((2, 3)))


class Rim(nn.Module):
    """Embeddings of boxes from the maps of the neck (paper, section III-B).

    The paper computes one vector for a whole image. Association needs one vector per animal, so
    murid pools every box from the three maps with RoIAlign and applies the same branch to it.

    Parameters
    ----------
    config : RimConfig
    n_in : int
        Channels of the maps at strides 8, 16 and 32 together.
    """

    def __init__(self, config: RimConfig, n_in: int) -> None:
        super().__init__()
        self.config = config
        self.fuse = ConvUnit(n_in, config.channels)
        n_branches = 1 if config.share_parts else config.n_parts
        self.parts = nn.ModuleList(PartBranch(config) for _ in range(n_branches))
        self.project: nn.Module
        if config.use_vector:
            self.project = nn.Identity()
        else:
            self.project = nn.Linear(config.vector_size, config.embedding_size)

    def forward(self, pyramid: Sequence[torch.Tensor], boxes: torch.Tensor) -> torch.Tensor:
        """Return the embeddings of boxes.

        Parameters
        ----------
        pyramid : sequence of Tensor
            Maps at strides 8, 16 and 32, each ``(B, C, H / stride, W / stride)`` float32.
        boxes : Tensor
            ``(K, 5)`` float32: index of the image, x1, y1, x2, y2 in input pixels.

        Returns
        -------
        Tensor
            ``(K, embedding_size)`` float32 unit rows.
        """
        fused = self.pool_boxes(pyramid, boxes)
        vectors = self.compute_vectors(fused)
        return functional.normalize(self.project(vectors))

    def pool_boxes(self, pyramid: Sequence[torch.Tensor], boxes: torch.Tensor) -> torch.Tensor:
        """Return the pooled and fused map ``(K, channels, grid, grid)`` of each box."""
        grid = self.config.grid
        pooled = [
            roi_align(level, boxes, (grid, grid), 1 / stride, _SAMPLING_RATIO, aligned=True)
            for level, stride in zip(pyramid, _STRIDES, strict=True)
        ]
        fused: torch.Tensor = self.fuse(torch.cat(pooled, dim=1))
        return fused

    def split_strips(self, fused: torch.Tensor) -> list[torch.Tensor]:
        """Return `n_parts` strips of the maps along the part axis."""
        strip_size = self.config.grid // self.config.n_parts
        dimension = 3 if self.config.part_axis == "width" else 2
        return list(torch.split(fused, strip_size, dim=dimension))

    def compute_vectors(self, fused: torch.Tensor) -> torch.Tensor:
        """Return the concatenated global and part vectors ``(K, vector_size)``.

        Parameters
        ----------
        fused : Tensor
            ``(K, channels, grid, grid)`` as `pool_boxes` returns it.
        """
        strips = self.split_strips(fused)
        # With shared weights there is one branch, used for every strip.
        branches = list(self.parts) * (len(strips) // len(self.parts))
        part_vectors = [branch(strip) for branch, strip in zip(branches, strips, strict=True)]
        global_vector = fused.mean((2, 3))
        return torch.cat([global_vector, *part_vectors], dim=1)
