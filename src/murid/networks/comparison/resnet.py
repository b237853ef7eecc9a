"""ResNet-34 and ResNet-50 brought to stride 4 by up-sampling alone, two of the paper's backbones (Table 4)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn
from torchvision.models import resnet34, resnet50

from murid.networks.backbones import BackboneOutput
from murid.networks.layers import DeformUnit
from murid.networks.neck import Neck, Pyramid

RESNET_CHANNELS: dict[str, tuple[int, int, int, int]] = {
    "resnet34": (64, 128, 256, 512),
    "resnet50": (256, 512, 1024, 2048),
}
"""Channels of the maps at strides 4, 8, 16 and 32."""
UP_CHANNELS = (64, 128, 256)
"""Channels after up-sampling, at strides 4, 8 and 16 (FairMOT)."""


class ResNet(nn.Module):
    """Residual network (He et al. 2016) as torchvision has it, without its classifier and with random weights."""

    def __init__(self, name: Literal["resnet34", "resnet50"], n_in: int = 3) -> None:
        super().__init__()
        whole = {"resnet34": resnet34, "resnet50": resnet50}[name](weights=None)
        stem = nn.Conv2d(n_in, 64, 7, 2, 3, bias=False)
        self.stem = nn.Sequential(stem, whole.bn1, whole.relu, whole.maxpool)
        self.stages = nn.ModuleList([whole.layer1, whole.layer2, whole.layer3, whole.layer4])

    def forward(self, images: torch.Tensor) -> BackboneOutput:
        """Maps of images ``(B, n_in, H, W)`` whose sides are multiples of 32."""
        maps = [self.stem(images)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return BackboneOutput(*maps[1:])


class UpStep(nn.Sequential):
    """Deformable 3×3 convolution, then a 4×4 transposed one of stride 2, each with batch norm and ReLU (FairMOT)."""

    def __init__(self, n_in: int, n_out: int) -> None:
        up = nn.ConvTranspose2d(n_out, n_out, 4, 2, 1, bias=False)
        super().__init__(DeformUnit(n_in, n_out), up, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))


class UpNeck(Neck):
    """Two steps up from stride 32, without fusion of layers."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.up4, self.up3 = UpStep(n_in, UP_CHANNELS[2]), UpStep(UP_CHANNELS[2], UP_CHANNELS[1])

    @property
    def last_shared(self) -> nn.Module:
        """The step to stride 8."""
        return self.up3

    def forward(self, maps: BackboneOutput) -> Pyramid:
        """The map at stride 32 and what is up-sampled from it."""
        p4 = self.up4(maps.c5)
        return Pyramid(self.up3(p4), p4, maps.c5)


class UpToStrideFour(nn.Module):
    """The last of the three steps; the backbone's own map at stride 4 is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.up2 = UpStep(UP_CHANNELS[1], UP_CHANNELS[0])

    def forward(self, pyramid: Pyramid, _c2: torch.Tensor) -> torch.Tensor:
        """The neck's maps, P3 ``(B, 128, H / 8, W / 8)``, to ``(B, 64, H / 4, W / 4)``."""
        p2: torch.Tensor = self.up2(pyramid.p3)
        return p2
