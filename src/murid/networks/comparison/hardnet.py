"""HarDNet-85 with a decoder to stride 4, a backbone of the paper's Table 4.

The blocks follow Chao et al. 2019. The numbers of channels and layers are those of the authors'
CenterNet version.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from murid.networks.backbones import BackboneOutput
from murid.networks.neck import Neck

# Growth of the channels with the number of links of a layer (Chao et al. 2019, section 3.2).
_MULTIPLIER = 1.7
# Channels at strides 16 and 8 that bypass the decoder and are concatenated to its result.
_N_BYPASS = 32


class HarDNetPyramid(NamedTuple):
    """Maps at strides 8, 16 and 32, and the channels at 8 and 16 that bypass the decoder."""

    p3: torch.Tensor
    p4: torch.Tensor
    p5: torch.Tensor
    bypass3: torch.Tensor
    bypass4: torch.Tensor


class ConvReluUnit(nn.Sequential):
    """Convolution, batch normalisation and ReLU6."""

    def __init__(self, n_in: int, n_out: int, kernel: int = 3, stride: int = 1) -> None:
        convolution = nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(n_out), nn.ReLU6(inplace=True))


class LayerPlan(NamedTuple):
    """Layer of a block: indices of the layers that it receives (0 = input), and its channels."""

    sources: tuple[int, ...]
    channels: int


def plan_block(growth: int, n_layers: int) -> list[LayerPlan]:
    """Return the layers of a harmonic block (Chao et al. 2019, section 3.1).

    Layer k receives layer k - 2^n for every 2^n that divides k. It has ``growth * 1.7^n`` channels
    with the maximum n of these, rounded to an even number.
    """
    layers = []
    for k in range(1, n_layers + 1):
        # Exponents of the powers of two that divide k, ascending.
        powers = [n for n in range(k.bit_length()) if k % 2**n == 0]
        channels = int(growth * _MULTIPLIER ** powers[-1] + 1) // 2 * 2
        sources = tuple(k - 2**n for n in powers)
        layers.append(LayerPlan(sources, channels))
    return layers


class HarmonicBlock(nn.Module):
    """Harmonically linked 3×3 convolutions; returns the odd layers and the last, concatenated."""

    def __init__(self, n_in: int, growth: int, n_layers: int) -> None:
        super().__init__()
        self.plan = plan_block(growth, n_layers)
        channels = [n_in, *(layer.channels for layer in self.plan)]
        self.layers = nn.ModuleList(
            ConvReluUnit(sum(channels[k] for k in layer.sources), layer.channels)
            for layer in self.plan
        )
        self.output_layers = [k for k in range(1, n_layers + 1) if k % 2 or k == n_layers]
        self.n_out = sum(channels[k] for k in self.output_layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, n_in, H, W)`` to ``(B, n_out, H, W)``."""
        maps = [x]
        for layer, plan in zip(self.layers, self.plan, strict=True):
            inputs = torch.cat([maps[k] for k in plan.sources], dim=1)
            maps.append(layer(inputs))
        return torch.cat([maps[k] for k in self.output_layers], dim=1)


class HarDNet(nn.Module):
    """HarDNet-85 without its last block.

    Its maps are those before each pooling layer, and the last one after a 1×1 convolution.
    """

    def __init__(self, n_in: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(ConvReluUnit(n_in, 48, stride=2), ConvReluUnit(48, 96))
        self.pool = nn.MaxPool2d(2, 2)
        # Input channels, growth and layers of the blocks; a 1×1 convolution follows each.
        self.block1 = HarmonicBlock(96, 24, 8)
        self.narrow1 = ConvReluUnit(214, 192, 1)
        self.block2 = HarmonicBlock(192, 24, 16)
        self.narrow2 = ConvReluUnit(392, 256, 1)
        self.block3 = HarmonicBlock(256, 28, 16)
        self.narrow3 = ConvReluUnit(458, 320, 1)
        self.block4 = HarmonicBlock(320, 36, 16)
        self.narrow4 = ConvReluUnit(588, 480, 1)
        self.block5 = HarmonicBlock(480, 48, 16)
        self.narrow5 = ConvReluUnit(784, 256, 1)

    def forward(self, images: torch.Tensor) -> BackboneOutput:
        """Return the maps of images ``(B, n_in, H, W)``; H and W are multiples of 32."""
        c2 = self.block1(self.pool(self.stem(images)))
        stage2 = self.block2(self.pool(self.narrow1(c2)))
        c3 = self.block3(self.narrow2(stage2))
        stage4 = self.block4(self.pool(self.narrow3(c3)))
        c4 = self.block5(self.narrow4(stage4))
        c5 = functional.avg_pool2d(self.narrow5(c4), 2)
        return BackboneOutput(c2, c3, c4, c5)


class ContextBlock(nn.Module):
    """Harmonic block over a map, its 9×9 means, and the map divided by its sum over the image."""

    def __init__(self, n_in: int, growth: int, n_layers: int) -> None:
        super().__init__()
        self.block = HarmonicBlock(3 * n_in, growth, n_layers)
        self.n_out = self.block.n_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, n_in, H, W)`` to ``(B, n_out, H, W)``."""
        local_means = functional.avg_pool2d(x, 9, 1, 4)
        # The constant of the authors' code; it keeps the quotient finite.
        normalised = x / (x.sum((2, 3), keepdim=True) + 0.1)
        y: torch.Tensor = self.block(torch.cat([x, local_means, normalised], dim=1))
        return y


def _upsample(x: torch.Tensor, factor: int) -> torch.Tensor:
    return functional.interpolate(
        x, scale_factor=float(factor), mode="bilinear", align_corners=False
    )


class DecoderBlock(nn.Module):
    """Decoder step: upsample by 2, concatenate the backbone's map, reduce and refine the channels.

    `n_bypass` channels are returned unrefined.
    """

    def __init__(
        self, n_in: int, n_skip: int, n_refined: int, growth: int, n_layers: int, n_bypass: int = 0
    ) -> None:
        super().__init__()
        self.narrow = ConvReluUnit(n_in + n_skip, n_refined + n_bypass, 1)
        self.context = ContextBlock(n_refined, growth, n_layers)
        self.split_sizes = [n_refined, n_bypass]
        self.n_out = self.context.n_out

    def forward(
        self, coarse: torch.Tensor, skip: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the refined channels ``(B, n_out, H, W)`` and the bypass ``(B, n_bypass, H, W)``.

        Parameters
        ----------
        coarse : Tensor
            ``(B, n_in, H / 2, W / 2)``.
        skip : Tensor
            The backbone's map ``(B, n_skip, H, W)``.
        """
        reduced = self.narrow(torch.cat([_upsample(coarse, 2), skip], dim=1))
        refined, bypass = torch.split(reduced, self.split_sizes, dim=1)
        return self.context(refined), bypass


class HarDNetNeck(Neck):
    """Context block at stride 32, and decoder to stride 8."""

    def __init__(self) -> None:
        super().__init__()
        self.bottom = ContextBlock(256, 80, 8)
        self.up4 = DecoderBlock(self.bottom.n_out, 784, 224, 64, 8, _N_BYPASS)
        self.up3 = DecoderBlock(self.up4.n_out, 458, 160, 48, 8, _N_BYPASS)

    @property
    def last_shared_layer(self) -> nn.Module:
        """Decoder block at stride 8."""
        return self.up3

    @property
    def channels(self) -> tuple[int, int, int]:
        """Channels at strides 8, 16 and 32."""
        return self.up3.n_out, self.up4.n_out, self.bottom.n_out

    def forward(self, maps: BackboneOutput) -> HarDNetPyramid:
        """Return the decoded maps at strides 8, 16 and 32."""
        p5 = self.bottom(maps.c5)
        p4, bypass4 = self.up4(p5, maps.c4)
        p3, bypass3 = self.up3(p4, maps.c3)
        return HarDNetPyramid(p3, p4, p5, bypass3, bypass4)


class HarDNetStride4(nn.Module):
    """Last decoder step to stride 4, concatenated with the bypass channels of the earlier steps."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.up2 = DecoderBlock(n_in, 214, 96, 28, 4)
        self.n_out = self.up2.n_out + 2 * _N_BYPASS

    def forward(self, pyramid: HarDNetPyramid, c2: torch.Tensor) -> torch.Tensor:
        """Return P2 ``(B, n_out, H / 4, W / 4)``; `c2` is ``(B, 214, H / 4, W / 4)``."""
        p2, _ = self.up2(pyramid.p3, c2)
        return torch.cat([_upsample(pyramid.bypass4, 4), _upsample(pyramid.bypass3, 2), p2], dim=1)
