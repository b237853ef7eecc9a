"""Path-aggregation neck of YOLOX, and one step further up to stride 4 for the heatmap."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from murid.networks.backbones import BackboneOutput
from murid.networks.layers import ConvUnit, CspLayer
from murid.networks.presets import count_bottlenecks, count_channels


class Pyramid(NamedTuple):
    """Maps ``(B, channels, H / stride, W / stride)`` at strides 8, 16 and 32."""

    p3: torch.Tensor
    p4: torch.Tensor
    p5: torch.Tensor


class Neck(nn.Module, ABC):
    """What makes the maps at strides 8, 16 and 32 of the backbone's: a named tuple that begins with these three."""

    @property
    @abstractmethod
    def last_shared(self) -> nn.Module:
        """The part that makes P3, the last before detection (P2) and identity (P3 to P5) part."""


def _join_above(coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
    return torch.cat(
        [functional.interpolate(coarse, scale_factor=2.0, mode="nearest"), fine], dim=1
    )


class PathAggregation(Neck):
    """Top-down, then bottom-up fusion (PAFPN of YOLOX); channels stay those of the backbone."""

    def __init__(self, depth: float, width: float) -> None:
        super().__init__()
        _, c3, c4, c5 = count_channels(width)
        n = count_bottlenecks(depth)
        self.reduce5, self.reduce4 = ConvUnit(c5, c4), ConvUnit(c4, c3)
        self.down4, self.down3 = (
            CspLayer(2 * c4, c4, n, shortcut=False),
            CspLayer(2 * c3, c3, n, shortcut=False),
        )
        self.stride4, self.stride5 = ConvUnit(c3, c3, 3, 2), ConvUnit(c4, c4, 3, 2)
        self.up4, self.up5 = (
            CspLayer(2 * c3, c4, n, shortcut=False),
            CspLayer(2 * c4, c5, n, shortcut=False),
        )

    @property
    def last_shared(self) -> nn.Module:
        """The CSP layer of P3."""
        return self.down3

    def forward(self, maps: BackboneOutput) -> Pyramid:
        """Fuse the maps at strides 8, 16 and 32."""
        top5 = self.reduce5(maps.c5)
        top4 = self.reduce4(self.down4(_join_above(top5, maps.c4)))
        p3 = self.down3(_join_above(top4, maps.c3))
        p4 = self.up4(torch.cat([self.stride4(p3), top4], dim=1))
        return Pyramid(p3, p4, self.up5(torch.cat([self.stride5(p4), top5], dim=1)))


class StrideFour(nn.Module):
    """One more top-down step, from P3 and the stride-4 map of the backbone to P2.

    The paper asks for stride 4 and does not say how; this is the step of FairMOT's YOLO variant.
    """

    def __init__(self, depth: float, width: float) -> None:
        super().__init__()
        c2, c3, _, _ = count_channels(width)
        self.reduce3 = ConvUnit(c3, c2)
        self.down2 = CspLayer(2 * c2, c2, count_bottlenecks(depth), shortcut=False)

    def forward(self, pyramid: Pyramid, c2: torch.Tensor) -> torch.Tensor:
        """The neck's maps, P3 ``(B, C3, H / 8, W / 8)``, and ``(B, C2, H / 4, W / 4)`` to the latter's shape."""
        p2: torch.Tensor = self.down2(_join_above(self.reduce3(pyramid.p3), c2))
        return p2
