"""HarDNet-85 with a decoder to stride 4, one of the paper's comparison backbones (Table 4).

Written from the paper (Chao et al. 2019) and the constants of its centre-point version.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from murid.networks.backbones import BackboneOutput
from murid.networks.neck import Neck

_MULTIPLIER = 1.7
_TAIL = 32
"""Channels at strides 16 and 8 that go straight to the result."""


class HarDNetPyramid(NamedTuple):
    """Maps at strides 8, 16 and 32, and the channels at 8 and 16 that go straight to the map at stride 4."""

    p3: torch.Tensor
    p4: torch.Tensor
    p5: torch.Tensor
    tail3: torch.Tensor
    tail4: torch.Tensor


class Unit(nn.Sequential):
    """Convolution, batch norm and ReLU6."""

    def __init__(self, n_in: int, n_out: int, kernel: int = 3, stride: int = 1) -> None:
        convolution = nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(n_out), nn.ReLU6(inplace=True))


class Layer(NamedTuple):
    """One layer of a block: which earlier ones it takes (0 = the input), and its channels."""

    sources: tuple[int, ...]
    channels: int


def plan_block(growth: int, n_layers: int) -> list[Layer]:
    """Harmonic links of a block (paper, section 3.1): layer k takes k - 2^n for every 2^n that divides k.

    Its width is ``growth * 1.7^n`` with the largest such n, rounded to an even number.
    """
    layers = []
    for k in range(1, n_layers + 1):
        powers = [n for n in range(k.bit_length()) if k % 2**n == 0]
        width = int(growth * _MULTIPLIER ** powers[-1] + 1) // 2 * 2
        layers.append(Layer(tuple(k - 2**n for n in powers), width))
    return layers


class HarmonicBlock(nn.Module):
    """Densely linked 3×3 convolutions; odd layers and the last are given out together."""

    def __init__(self, n_in: int, growth: int, n_layers: int) -> None:
        super().__init__()
        self.plan = plan_block(growth, n_layers)
        widths = [n_in, *(layer.channels for layer in self.plan)]
        self.layers = nn.ModuleList(
            Unit(sum(widths[k] for k in sources), width) for sources, width in self.plan
        )
        self.given = [k for k in range(1, n_layers + 1) if k % 2 or k == n_layers]
        self.n_out = sum(widths[k] for k in self.given)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, n_in, H, W)`` to ``(B, n_out, H, W)``."""
        maps = [x]
        for layer, (sources, _) in zip(self.layers, self.plan, strict=True):
            maps.append(layer(torch.cat([maps[k] for k in sources], dim=1)))
        return torch.cat([maps[k] for k in self.given], dim=1)


class HarDNet(nn.Module):
    """HarDNet-85 without its last block; its maps are those before each pooling, and the projected last one."""

    def __init__(self, n_in: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(Unit(n_in, 48, stride=2), Unit(48, 96))
        self.pool = nn.MaxPool2d(2, 2)
        self.block1, self.narrow1 = HarmonicBlock(96, 24, 8), Unit(214, 192, 1)
        self.block2, self.narrow2 = HarmonicBlock(192, 24, 16), Unit(392, 256, 1)
        self.block3, self.narrow3 = HarmonicBlock(256, 28, 16), Unit(458, 320, 1)
        self.block4, self.narrow4 = HarmonicBlock(320, 36, 16), Unit(588, 480, 1)
        self.block5, self.narrow5 = HarmonicBlock(480, 48, 16), Unit(784, 256, 1)

    def forward(self, images: torch.Tensor) -> BackboneOutput:
        """Maps of images ``(B, n_in, H, W)`` whose sides are multiples of 32."""
        c2 = self.block1(self.pool(self.stem(images)))
        c3 = self.block3(self.narrow2(self.block2(self.pool(self.narrow1(c2)))))
        c4 = self.block5(self.narrow4(self.block4(self.pool(self.narrow3(c3)))))
        return BackboneOutput(c2, c3, c4, functional.avg_pool2d(self.narrow5(c4), 2))


class ContextBlock(nn.Module):
    """Harmonic block over a map, its 9×9 means, and its share of its own sum over the picture."""

    def __init__(self, n_in: int, growth: int, n_layers: int) -> None:
        super().__init__()
        self.block = HarmonicBlock(3 * n_in, growth, n_layers)
        self.n_out = self.block.n_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, n_in, H, W)`` to ``(B, n_out, H, W)``."""
        around = functional.avg_pool2d(x, 9, 1, 4)
        shares = x / (x.sum((2, 3), keepdim=True) + 0.1)
        y: torch.Tensor = self.block(torch.cat([x, around, shares], dim=1))
        return y


def _enlarge(x: torch.Tensor, factor: int) -> torch.Tensor:
    return functional.interpolate(
        x, scale_factor=float(factor), mode="bilinear", align_corners=False
    )


class UpBlock(nn.Module):
    """Doubles the size, joins the backbone's map, narrows, and refines all but a few channels."""

    def __init__(
        self, n_in: int, n_skip: int, n_refined: int, growth: int, n_layers: int, n_tail: int = 0
    ) -> None:
        super().__init__()
        self.narrow = Unit(n_in + n_skip, n_refined + n_tail, 1)
        self.context = ContextBlock(n_refined, growth, n_layers)
        self.split, self.n_out = [n_refined, n_tail], self.context.n_out

    def forward(
        self, coarse: torch.Tensor, skip: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``(B, n_in, H / 2, W / 2)`` and ``(B, n_skip, H, W)`` to ``(B, n_out, H, W)`` and the ``n_tail`` others."""
        narrowed = self.narrow(torch.cat([_enlarge(coarse, 2), skip], dim=1))
        refined, tail = torch.split(narrowed, self.split, dim=1)
        return self.context(refined), tail


class HarDNetNeck(Neck):
    """Context at stride 32, and the way up to stride 8."""

    def __init__(self) -> None:
        super().__init__()
        self.bottom = ContextBlock(256, 80, 8)
        self.up4 = UpBlock(self.bottom.n_out, 784, 224, 64, 8, _TAIL)
        self.up3 = UpBlock(self.up4.n_out, 458, 160, 48, 8, _TAIL)

    @property
    def last_shared(self) -> nn.Module:
        """The block at stride 8."""
        return self.up3

    @property
    def channels(self) -> tuple[int, int, int]:
        """Channels at strides 8, 16 and 32."""
        return self.up3.n_out, self.up4.n_out, self.bottom.n_out

    def forward(self, maps: BackboneOutput) -> HarDNetPyramid:
        """Fuse the maps at strides 8, 16 and 32."""
        p5 = self.bottom(maps.c5)
        p4, tail4 = self.up4(p5, maps.c4)
        p3, tail3 = self.up3(p4, maps.c3)
        return HarDNetPyramid(p3, p4, p5, tail3, tail4)


class HarDNetToStrideFour(nn.Module):
    """The last step up, from P3 and the backbone's map at stride 4, and the channels left aside before."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.up2 = UpBlock(n_in, 214, 96, 28, 4)
        self.n_out = self.up2.n_out + 2 * _TAIL

    def forward(self, pyramid: HarDNetPyramid, c2: torch.Tensor) -> torch.Tensor:
        """The neck's maps and ``(B, 214, H / 4, W / 4)`` to ``(B, n_out, H / 4, W / 4)``."""
        p2, _ = self.up2(pyramid.p3, c2)
        return torch.cat([_enlarge(pyramid.tail4, 4), _enlarge(pyramid.tail3, 2), p2], dim=1)
