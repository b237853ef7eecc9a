"""ResNet-34 and ResNet-50 with upsampling to stride 4, two backbones of the paper's Table 4."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn
from torchvision.models import resnet34, resnet50

from murid.networks.backbones import BackboneOutput
from murid.networks.layers import DeformableConvUnit
from murid.networks.neck import Neck, Pyramid

# Channels of the maps at strides 4, 8, 16 and 32 (He et al. 2016).
RESNET_CHANNELS: dict[str, tuple[int, int, int, int]] = {
    "resnet34": (64, 128, 256, 512),
    "resnet50": (256, 512, 1024, 2048),
}
# Channels after upsampling, at strides 4, 8 and 16 (FairMOT).
UPSAMPLE_CHANNELS = (64, 128, 256)


class ResNet(nn.Module):
    """Residual network of torchvision without its classifier, with random weights."""

    def __init__(self, name: Literal["resnet34", "resnet50"], n_in: int = 3) -> None:
        super().__init__()
        build = {"resnet34": resnet34, "resnet50": resnet50}[name]
        model = build(weights=None)
        # Replace the first convolution, whose number of input channels is fixed.
        first = nn.Conv2d(n_in, 64, 7, 2, 3, bias=False)
        self.stem = nn.Sequential(first, model.bn1, model.relu, model.maxpool)
        self.stages = nn.ModuleList([model.layer1, model.layer2, model.layer3, model.layer4])

    def forward(self, images: torch.Tensor) -> BackboneOutput:
        """Return the maps of images ``(B, n_in, H, W)``; H and W are multiples of 32."""
        maps = [self.stem(images)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return BackboneOutput(*maps[1:])


class UpsampleBlock(nn.Sequential):
    """Deformable 3×3 convolution, then a transposed 4×4 convolution of stride 2 (FairMOT).

    Batch normalisation and ReLU follow each of them.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        up = nn.ConvTranspose2d(n_out, n_out, 4, 2, 1, bias=False)
        super().__init__(
            DeformableConvUnit(n_in, n_out), up, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)
        )


class ResNetNeck(Neck):
    """Two upsampling blocks from stride 32 to stride 8, without skip connections."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        _, stride8_channels, stride16_channels = UPSAMPLE_CHANNELS
        self.up4 = UpsampleBlock(n_in, stride16_channels)
        self.up3 = UpsampleBlock(stride16_channels, stride8_channels)

    @property
    def last_shared_layer(self) -> nn.Module:
        """Upsampling block to stride 8."""
        return self.up3

    def forward(self, maps: BackboneOutput) -> Pyramid:
        """Return the map at stride 32 and the maps upsampled from it."""
        p4 = self.up4(maps.c5)
        return Pyramid(self.up3(p4), p4, maps.c5)


class ResNetStride4(nn.Module):
    """Last of the three upsampling blocks; the backbone's map at stride 4 is not used."""

    def __init__(self) -> None:
        super().__init__()
        stride4_channels, stride8_channels, _ = UPSAMPLE_CHANNELS
        self.up2 = UpsampleBlock(stride8_channels, stride4_channels)

    def forward(self, pyramid: Pyramid, _c2: torch.Tensor) -> torch.Tensor:
        """Return P2 ``(B, 64, H / 4, W / 4)`` from P3 ``(B, 128, H / 8, W / 8)``."""
        p2: torch.Tensor = self.up2(pyramid.p3)
        return p2
