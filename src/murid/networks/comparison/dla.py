"""DLA-34 with iterative deep aggregation to stride 4, a backbone of the paper's Table 4.

The backbone is that of timm. The aggregation follows Yu et al. 2018 (section 3.2) with the
deformable convolutions of CenterNet and FairMOT.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import timm
import torch
from torch import nn

from murid.networks.backbones import BackboneOutput
from murid.networks.layers import DeformableConvUnit
from murid.networks.neck import Neck

# Channels of the maps at strides 4, 8, 16 and 32, of the backbone and of the neck.
DLA_CHANNELS = (64, 128, 256, 512)


class DlaPyramid(NamedTuple):
    """Maps at strides 8, 16 and 32, and two more at stride 8 that `DlaStride4` uses."""

    p3: torch.Tensor
    p4: torch.Tensor
    p5: torch.Tensor
    c3: torch.Tensor
    intermediate3: torch.Tensor


class Dla(nn.Module):
    """Deep layer aggregation network with 34 layers (Yu et al. 2018) and random weights."""

    def __init__(self, n_in: int = 3) -> None:
        super().__init__()
        self.body = timm.create_model(
            "dla34", pretrained=False, features_only=True, out_indices=(2, 3, 4, 5), in_chans=n_in
        )

    def forward(self, images: torch.Tensor) -> BackboneOutput:
        """Return the maps of images ``(B, n_in, H, W)``; H and W are multiples of 32."""
        return BackboneOutput(*self.body(images))


class BilinearUpsample(nn.ConvTranspose2d):
    """Depthwise transposed convolution, initialised as bilinear upsampling by `factor`."""

    def __init__(self, channels: int, factor: int = 2) -> None:
        super().__init__(
            channels, channels, 2 * factor, factor, factor // 2, groups=channels, bias=False
        )
        # The bilinear kernel is the outer product of two triangle functions.
        triangle = 1 - (torch.arange(2 * factor) - (factor - 0.5)).abs() / factor
        with torch.no_grad():
            self.weight.copy_(torch.outer(triangle, triangle).expand_as(self.weight))


class IterativeAggregation(nn.Module):
    """Iterative deep aggregation: merge coarser maps into a finer one, one after the other.

    Each coarser map is projected, upsampled, added to the result so far, and convolved.

    Parameters
    ----------
    n_coarse : sequence of int
        Channels of the coarser maps.
    channels : int
        Channels of the finest map and of the result.
    factors : sequence of int
        Ratio of the finest map's size to the size of each coarser map.
    """

    def __init__(self, n_coarse: Sequence[int], channels: int, factors: Sequence[int]) -> None:
        super().__init__()
        self.projects = nn.ModuleList(DeformableConvUnit(n, channels) for n in n_coarse)
        self.ups = nn.ModuleList(BilinearUpsample(channels, factor) for factor in factors)
        self.nodes = nn.ModuleList(DeformableConvUnit(channels, channels) for _ in n_coarse)

    def forward(self, finest: torch.Tensor, coarse: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return all stages in the shape of the finest map; the last one is the result."""
        stages = [finest]
        for project, up, node, level in zip(
            self.projects, self.ups, self.nodes, coarse, strict=True
        ):
            stages.append(node(up(project(level)) + stages[-1]))
        return stages[1:]


class DlaNeck(Neck):
    """Aggregation from stride 32 to stride 8; keeps the channels of the backbone."""

    def __init__(self) -> None:
        super().__init__()
        _, c3, c4, c5 = DLA_CHANNELS
        self.to4 = IterativeAggregation([c5], c4, [2])
        self.to3 = IterativeAggregation([c4, c4], c3, [2, 2])

    @property
    def last_shared_layer(self) -> nn.Module:
        """Convolution that computes P3."""
        return self.to3.nodes[-1]

    def forward(self, maps: BackboneOutput) -> DlaPyramid:
        """Return the fused maps at strides 8, 16 and 32."""
        p4 = self.to4(maps.c4, [maps.c5])[-1]
        intermediate3, p3 = self.to3(maps.c3, [maps.c4, p4])
        return DlaPyramid(p3, p4, maps.c5, maps.c3, intermediate3)


class DlaStride4(nn.Module):
    """Step from stride 8 to 4, and a last aggregation of the maps at strides 4, 8 and 16."""

    def __init__(self) -> None:
        super().__init__()
        c2, c3, c4, _ = DLA_CHANNELS
        self.to2 = IterativeAggregation([c3, c3, c3], c2, [2, 2, 2])
        self.final = IterativeAggregation([c3, c4], c2, [2, 4])

    def forward(self, pyramid: DlaPyramid, c2: torch.Tensor) -> torch.Tensor:
        """Return P2, of the shape of `c2`, ``(B, 64, H / 4, W / 4)``."""
        p2 = self.to2(c2, [pyramid.c3, pyramid.intermediate3, pyramid.p3])[-1]
        merged: torch.Tensor = self.final(p2, [pyramid.p3, pyramid.p4])[-1]
        return merged
