"""Path-aggregation neck (PAFPN) of YOLOX, and the additional stride-4 map for the heatmap."""

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
    """Base class of necks: fuses the maps of a backbone at strides 8, 16 and 32.

    `forward` returns a named tuple whose first three fields are P3, P4 and P5.
    """

    @property
    @abstractmethod
    def last_shared_layer(self) -> nn.Module:
        """Layer that computes P3, the last that detection and re-identification have in common."""


def _upsample_concatenate(coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
    """Double the size of the coarse map, and concatenate the channels of both."""
    upsampled = functional.interpolate(coarse, scale_factor=2.0, mode="nearest")
    return torch.cat([upsampled, fine], dim=1)


class PafpnNeck(Neck):
    """Path aggregation network: top-down, then bottom-up fusion (PAFPN of YOLOX).

    The maps have the channels of the backbone.
    """

    def __init__(self, depth: float, width: float) -> None:
        super().__init__()
        _, c3, c4, c5 = count_channels(width)
        n = count_bottlenecks(depth)
        # Top-down path. Layers are created in this order, so that a seed gives the same weights.
        self.reduce5 = ConvUnit(c5, c4)
        self.reduce4 = ConvUnit(c4, c3)
        self.down4 = CspLayer(2 * c4, c4, n, shortcut=False)
        self.down3 = CspLayer(2 * c3, c3, n, shortcut=False)
        # Bottom-up path.
        self.stride4 = ConvUnit(c3, c3, 3, 2)
        self.stride5 = ConvUnit(c4, c4, 3, 2)
        self.up4 = CspLayer(2 * c3, c4, n, shortcut=False)
        self.up5 = CspLayer(2 * c4, c5, n, shortcut=False)

    @property
    def last_shared_layer(self) -> nn.Module:
        """CSP layer of P3."""
        return self.down3

    def forward(self, maps: BackboneOutput) -> Pyramid:
        """Return P3, P4 and P5 from the backbone's maps at strides 8, 16 and 32."""
        top5 = self.reduce5(maps.c5)
        top4 = self.reduce4(self.down4(_upsample_concatenate(top5, maps.c4)))
        p3 = self.down3(_upsample_concatenate(top4, maps.c3))
        p4 = self.up4(torch.cat([self.stride4(p3), top4], dim=1))
        return Pyramid(p3, p4, self.up5(torch.cat([self.stride5(p4), top5], dim=1)))


class PafpnStride4(nn.Module):
    """One more top-down step, from P3 and the backbone's stride-4 map to P2.

    The paper (section III-A) predicts at stride 4 without describing this step. It is taken from
    the YOLO variant of FairMOT.
    """

    def __init__(self, depth: float, width: float) -> None:
        super().__init__()
        c2, c3, _, _ = count_channels(width)
        self.reduce3 = ConvUnit(c3, c2)
        self.down2 = CspLayer(2 * c2, c2, count_bottlenecks(depth), shortcut=False)

    def forward(self, pyramid: Pyramid, c2: torch.Tensor) -> torch.Tensor:
        """Return P2 ``(B, C2, H / 4, W / 4)``.

        Parameters
        ----------
        pyramid : Pyramid
            Of which P3 ``(B, C3, H / 8, W / 8)`` is used.
        c2 : Tensor
            The backbone's map ``(B, C2, H / 4, W / 4)``.
        """
        p2: torch.Tensor = self.down2(_upsample_concatenate(self.reduce3(pyramid.p3), c2))
        return p2
