"""RIM, the re-identification branch: a global vector and one vector a strip of every box, with CBAM attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional
from torchvision.ops import roi_align

from murid.networks.layers import ConvUnit
from murid.networks.presets import RimConfig

_STRIDES = (8, 16, 32)
_SAMPLES = 2


class ChannelGate(nn.Module):
    """Weigh channels by an MLP shared between their means and maxima (CBAM, Woo et al. 2018)."""

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
        gate = self.mlp(x.mean((2, 3), keepdim=True)) + self.mlp(x.amax((2, 3), keepdim=True))
        return x * torch.sigmoid(gate)


class SpatialGate(nn.Module):
    """Weigh cells by a 7×7 convolution over the channels' maximum and mean (CBAM)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(K, C, h, w)`` to the same shape."""
        summary = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.norm(self.conv(summary)))


class PartBranch(nn.Module):
    """One strip to its vector: 1×1 convolution, CBAM, maximum, ReLU (paper, section III-B).

    The paper takes the maximum first; CBAM would then see one value a channel, so that order is an
    option (`RimConfig.literal_order`).
    """

    def __init__(self, config: RimConfig) -> None:
        super().__init__()
        self.conv = nn.Conv2d(config.channels, config.part_channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(config.part_channels, eps=1e-3, momentum=0.03)
        self.attention = nn.Sequential(ChannelGate(config.part_channels), SpatialGate())
        self.literal_order = config.literal_order

    def forward(self, strip: torch.Tensor) -> torch.Tensor:
        """``(K, channels, h, w)`` to ``(K, part_channels)``."""
        if self.literal_order:
            strip = strip.amax((2, 3), keepdim=True)
        weighed = self.attention(self.norm(self.conv(strip)))
        return torch.relu(weighed.amax((2, 3)))


class Rim(nn.Module):
    """Embeddings of boxes from the neck's maps (paper, section III-B).

    The paper gives one vector for a whole image; murid applies the same branch to every box, pooled
    from the three maps with RoIAlign, because association needs one vector an animal.

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
        self.parts = nn.ModuleList(
            PartBranch(config) for _ in range(1 if config.share_parts else config.n_parts)
        )
        self.project = (
            nn.Identity()
            if config.use_vector
            else nn.Linear(config.vector_size, config.embedding_size)
        )

    def forward(self, pyramid: Sequence[torch.Tensor], boxes: torch.Tensor) -> torch.Tensor:
        """Embed boxes.

        Parameters
        ----------
        pyramid : sequence of Tensor
            Maps at strides 8, 16 and 32, each ``(B, C, H / stride, W / stride)`` float32.
        boxes : Tensor
            ``(K, 5)`` float32: row of the batch, x1, y1, x2, y2 in input pixels.

        Returns
        -------
        Tensor
            ``(K, embedding_size)`` float32 unit rows.
        """
        return functional.normalize(
            self.project(self.compute_vectors(self.pool_boxes(pyramid, boxes)))
        )

    def pool_boxes(self, pyramid: Sequence[torch.Tensor], boxes: torch.Tensor) -> torch.Tensor:
        """Map ``(K, channels, grid, grid)`` of each box."""
        grid = self.config.grid
        pooled = [
            roi_align(level, boxes, (grid, grid), 1 / stride, _SAMPLES, aligned=True)
            for level, stride in zip(pyramid, _STRIDES, strict=True)
        ]
        fused: torch.Tensor = self.fuse(torch.cat(pooled, dim=1))
        return fused

    def cut_strips(self, fused: torch.Tensor) -> list[torch.Tensor]:
        """Cut the maps into `n_parts` strips along the part axis."""
        size = self.config.grid // self.config.n_parts
        return list(torch.split(fused, size, dim=3 if self.config.part_axis == "width" else 2))

    def compute_vectors(self, fused: torch.Tensor) -> torch.Tensor:
        """Global and part vectors ``(K, vector_size)``, end to end, of maps ``(K, channels, grid, grid)``."""
        strips = self.cut_strips(fused)
        branches = list(self.parts) * (len(strips) // len(self.parts))
        local = [branch(strip) for branch, strip in zip(branches, strips, strict=True)]
        return torch.cat([fused.mean((2, 3)), *local], dim=1)
