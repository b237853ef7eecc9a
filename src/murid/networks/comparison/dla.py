"""DLA-34 brought to stride 4 by iterative deep aggregation, one of the paper's comparison backbones (Table 4).

The backbone is timm's; the aggregation follows Yu et al. 2018 (section 3.2) with the deformable
convolutions of CenterNet and FairMOT.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import timm
import torch
from torch import nn

from murid.networks.backbones import BackboneOutput
from murid.networks.layers import DeformUnit
from murid.networks.neck import Neck

DLA_CHANNELS = (64, 128, 256, 512)
"""Channels of the maps at strides 4, 8, 16 and 32, of the backbone and of the neck."""


class DlaPyramid(NamedTuple):
    """Maps at strides 8, 16 and 32, and two more at stride 8 that the step to stride 4 takes."""

    p3: torch.Tensor
    p4: torch.Tensor
    p5: torch.Tensor
    c3: torch.Tensor
    middle3: torch.Tensor


class Dla(nn.Module):
    """Deep layer aggregation, 34 layers, with random weights."""

    def __init__(self, n_in: int = 3) -> None:
        super().__init__()
        self.body = timm.create_model(
            "dla34", pretrained=False, features_only=True, out_indices=(2, 3, 4, 5), in_chans=n_in
        )

    def forward(self, images: torch.Tensor) -> BackboneOutput:
        """Maps of images ``(B, n_in, H, W)`` whose sides are multiples of 32."""
        return BackboneOutput(*self.body(images))


class UpDouble(nn.ConvTranspose2d):
    """Twice the size, each channel by itself, bilinear before training."""

    def __init__(self, channels: int, factor: int = 2) -> None:
        super().__init__(
            channels, channels, 2 * factor, factor, factor // 2, groups=channels, bias=False
        )
        taps = 1 - (torch.arange(2 * factor) - (factor - 0.5)).abs() / factor
        with torch.no_grad():
            self.weight.copy_(torch.outer(taps, taps).expand_as(self.weight))


class Aggregation(nn.Module):
    """Merges coarser maps into a finer one, one after the other: project, enlarge, add the one before, convolve.

    Parameters
    ----------
    n_coarse : sequence of int
        Channels of the coarser maps.
    channels : int
        Channels of the finest map and of the result.
    factors : sequence of int
        How many times larger the finest map is than each.
    """

    def __init__(self, n_coarse: Sequence[int], channels: int, factors: Sequence[int]) -> None:
        super().__init__()
        self.projects = nn.ModuleList(DeformUnit(n, channels) for n in n_coarse)
        self.ups = nn.ModuleList(UpDouble(channels, factor) for factor in factors)
        self.nodes = nn.ModuleList(DeformUnit(channels, channels) for _ in n_coarse)

    def forward(self, finest: torch.Tensor, coarse: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """All stages of the aggregation, each ``(B, channels, h, w)`` as the finest map; the last is the result."""
        stages = [finest]
        for project, up, node, level in zip(
            self.projects, self.ups, self.nodes, coarse, strict=True
        ):
            stages.append(node(up(project(level)) + stages[-1]))
        return stages[1:]


class DlaNeck(Neck):
    """Aggregates strides 32 to 8; channels stay those of the backbone."""

    def __init__(self) -> None:
        super().__init__()
        _, c3, c4, c5 = DLA_CHANNELS
        self.to4 = Aggregation([c5], c4, [2])
        self.to3 = Aggregation([c4, c4], c3, [2, 2])

    @property
    def last_shared(self) -> nn.Module:
        """The convolution that makes P3."""
        return self.to3.nodes[-1]

    def forward(self, maps: BackboneOutput) -> DlaPyramid:
        """Fuse the maps at strides 8, 16 and 32."""
        p4 = self.to4(maps.c4, [maps.c5])[-1]
        middle3, p3 = self.to3(maps.c3, [maps.c4, p4])
        return DlaPyramid(p3, p4, maps.c5, maps.c3, middle3)


class DlaToStrideFour(nn.Module):
    """The step from stride 8 to 4, and the aggregation of what there is at strides 4, 8 and 16."""

    def __init__(self) -> None:
        super().__init__()
        c2, c3, c4, _ = DLA_CHANNELS
        self.to2 = Aggregation([c3, c3, c3], c2, [2, 2, 2])
        self.final = Aggregation([c3, c4], c2, [2, 4])

    def forward(self, pyramid: DlaPyramid, c2: torch.Tensor) -> torch.Tensor:
        """The neck's maps and ``(B, 64, H / 4, W / 4)`` to the latter's shape."""
        p2 = self.to2(c2, [pyramid.c3, pyramid.middle3, pyramid.p3])[-1]
        merged: torch.Tensor = self.final(p2, [pyramid.p3, pyramid.p4])[-1]
        return merged
