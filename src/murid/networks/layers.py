"""Building blocks that backbones, necks and heads have in common."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.ops import deform_conv2d


class ConvUnit(nn.Sequential):
    """Convolution, batch normalisation and SiLU (the BaseConv block of YOLOX).

    Padding keeps the size at stride 1. Batch normalisation has YOLOX's eps 1e-3 and momentum 0.03.

    Parameters
    ----------
    n_in, n_out : int
        Channels.
    kernel, stride : int
    """

    def __init__(self, n_in: int, n_out: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(n_in, n_out, kernel, stride, (kernel - 1) // 2, bias=False),
            nn.BatchNorm2d(n_out, eps=1e-3, momentum=0.03),
            nn.SiLU(inplace=True),
        )


class Bottleneck(nn.Module):
    """1×1 then 3×3 convolution, with an optional residual connection (YOLOX)."""

    def __init__(self, channels: int, shortcut: bool = True) -> None:
        super().__init__()
        self.body = nn.Sequential(ConvUnit(channels, channels), ConvUnit(channels, channels, 3))
        self.shortcut = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, C, H, W)`` to the same shape."""
        y: torch.Tensor = self.body(x)
        return x + y if self.shortcut else y


class CspLayer(nn.Module):
    """Cross-stage partial layer: bottlenecks process half of the channels (YOLOX)."""

    def __init__(
        self, n_in: int, n_out: int, n_bottlenecks: int = 1, shortcut: bool = True
    ) -> None:
        super().__init__()
        hidden = n_out // 2
        self.main = ConvUnit(n_in, hidden)
        self.side = ConvUnit(n_in, hidden)
        self.bottlenecks = nn.Sequential(
            *(Bottleneck(hidden, shortcut) for _ in range(n_bottlenecks))
        )
        self.merge = ConvUnit(2 * hidden, n_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, n_in, H, W)`` to ``(B, n_out, H, W)``."""
        processed = self.bottlenecks(self.main(x))
        y: torch.Tensor = self.merge(torch.cat([processed, self.side(x)], dim=1))
        return y


class DeformableConvUnit(nn.Module):
    """Modulated deformable 3×3 convolution (Zhu et al. 2019), batch normalisation and ReLU.

    Offsets start at zero and modulation weights at one half, so an untrained unit is a plain
    convolution.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        # Each of the 9 kernel positions has an offset in y and x, and a modulation weight. The
        # attribute name is part of the checkpoint format.
        self.aim = nn.Conv2d(n_in, 3 * 9, 3, padding=1)
        self.conv = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.finish = nn.Sequential(nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))
        nn.init.zeros_(self.aim.weight)
        assert self.aim.bias is not None
        nn.init.zeros_(self.aim.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, n_in, H, W)`` to ``(B, n_out, H, W)``."""
        # Two channels of offset and one of modulation per kernel position.
        offset, modulation = torch.split(self.aim(x), [18, 9], dim=1)
        weight = self.conv.weight
        # deform_conv2d needs one dtype, and autocast mixes bfloat16 and float32.
        convolved = deform_conv2d(
            x.to(weight.dtype),
            offset.to(weight.dtype),
            weight,
            self.conv.bias,
            padding=1,
            mask=torch.sigmoid(modulation).to(weight.dtype),
        )
        activated: torch.Tensor = self.finish(convolved)
        return activated
