"""Building blocks that backbones, necks and heads have in common."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
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
        assert self.conv.bias is not None
        # One dtype is needed, and autocast mixes bfloat16 and float32.
        activated: torch.Tensor = self.finish(
            convolve_deformed(
                x.to(weight.dtype),
                offset.to(weight.dtype),
                torch.sigmoid(modulation).to(weight.dtype),
                weight,
                self.conv.bias,
            )
        )
        return activated


def convolve_deformed(
    x: torch.Tensor,
    offset: torch.Tensor,
    modulation: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> torch.Tensor:
    """Return a modulated deformable 3×3 convolution with padding 1 (Zhu et al. 2019, Eq. 1).

    Parameters
    ----------
    x : Tensor
        ``(B, n_in, H, W)``.
    offset : Tensor
        ``(B, 18, H, W)``: shift of each kernel position, y before x, in cells.
    modulation : Tensor
        ``(B, 9, H, W)``: factor of each kernel position.
    weight, bias : Tensor
        ``(n_out, n_in, 3, 3)`` and ``(n_out,)``.

    Returns
    -------
    Tensor
        ``(B, n_out, H, W)``.

    Notes
    -----
    On a CPU, `torch.nn.functional.grid_sample` reads the positions, because the backward pass of
    torchvision's operator takes 4 to 7 times as long there. Both agree to rounding.
    """
    if not x.is_cpu:
        convolved: torch.Tensor = deform_conv2d(x, offset, weight, bias, padding=1, mask=modulation)
        return convolved
    n_images, n_in, height, width = x.shape
    # Positions that each kernel element reads, in cells: the cell, the element and its offset.
    steps = torch.arange(-1, 2, device=x.device, dtype=x.dtype)
    step_y, step_x = torch.meshgrid(steps, steps, indexing="ij")
    shifts = offset.reshape(n_images, 9, 2, height, width)
    cell_y = torch.arange(height, device=x.device, dtype=x.dtype).view(1, 1, -1, 1)
    cell_x = torch.arange(width, device=x.device, dtype=x.dtype).view(1, 1, 1, -1)
    y = cell_y + step_y.reshape(1, 9, 1, 1) + shifts[:, :, 0]
    x_positions = cell_x + step_x.reshape(1, 9, 1, 1) + shifts[:, :, 1]
    # grid_sample expects the left and right edges of the map at -1 and 1.
    grid = torch.stack([(2 * x_positions + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    grid = grid.view(n_images, 9 * height, width, 2)
    sampled = functional.grid_sample(x, grid, padding_mode="zeros", align_corners=False)
    columns = sampled.view(n_images, n_in, 9, height, width) * modulation[:, None]
    result = weight.flatten(1) @ columns.reshape(n_images, n_in * 9, height * width)
    return result.view(n_images, -1, height, width) + bias.view(1, -1, 1, 1)
