"""CSPDarknet, the backbone of YOLOX: maps at strides 4, 8, 16 and 32."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from murid.networks.layers import ConvUnit, CspLayer
from murid.networks.presets import count_bottlenecks, count_channels


class BackboneOutput(NamedTuple):
    """Maps ``(B, channels, H / stride, W / stride)`` at strides 4, 8, 16 and 32."""

    c2: torch.Tensor
    c3: torch.Tensor
    c4: torch.Tensor
    c5: torch.Tensor


class FocusStem(nn.Module):
    """Space-to-depth by a factor of two, then a 3×3 convolution (the Focus layer of YOLOX).

    The two steps together equal one 6×6 convolution of stride 2, which is what `forward` computes.
    """

    def __init__(self, n_out: int, n_in: int = 3) -> None:
        super().__init__()
        self.n_in = n_in
        self.conv = ConvUnit(4 * n_in, n_out, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """``(B, n_in, H, W)`` to ``(B, n_out, H / 2, W / 2)``."""
        weight = self.conv.get_parameter("0.weight")
        # Dimensions: output channel, image channel, row and column in the 2×2 block, 3×3 kernel.
        blocks = weight.view(-1, self.n_in, 2, 2, 3, 3)
        # Interleave block and kernel positions, which gives the equivalent 6×6 kernel.
        kernel = blocks.permute(0, 1, 4, 2, 5, 3).reshape(-1, self.n_in, 6, 6)
        y = functional.conv2d(images, kernel, stride=2, padding=2)
        for layer in list(self.conv)[1:]:
            y = layer(y)
        return y


class SpatialPyramidPooling(nn.Module):
    """Spatial pyramid pooling: max pooling over 5×5, 9×9 and 13×13 cells, and the input (YOLOX)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = ConvUnit(channels, channels // 2)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.merge = ConvUnit(2 * channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, C, H, W)`` to the same shape."""
        x = self.reduce(x)
        # Two 5×5 poolings in a row cover 9×9 cells, three cover 13×13; this is cheaper.
        pooled5 = self.pool(x)
        pooled9 = self.pool(pooled5)
        pooled13 = self.pool(pooled9)
        y: torch.Tensor = self.merge(torch.cat([x, pooled5, pooled9, pooled13], dim=1))
        return y


class CspDarknet(nn.Module):
    """CSPDarknet with a focus stem.

    Parameters
    ----------
    depth, width : float
        Multipliers of the numbers of bottlenecks and of channels (YOLOX).
    n_in : int
        Channels of the images.
    """

    def __init__(self, depth: float, width: float, n_in: int = 3) -> None:
        super().__init__()
        c2, c3, c4, c5 = count_channels(width)
        n = count_bottlenecks(depth)
        # The middle stages have three times as many bottlenecks as the first and last (YOLOX).
        self.stem = FocusStem(c2 // 2, n_in)
        self.dark2 = nn.Sequential(ConvUnit(c2 // 2, c2, 3, 2), CspLayer(c2, c2, n))
        self.dark3 = nn.Sequential(ConvUnit(c2, c3, 3, 2), CspLayer(c3, c3, 3 * n))
        self.dark4 = nn.Sequential(ConvUnit(c3, c4, 3, 2), CspLayer(c4, c4, 3 * n))
        self.dark5 = nn.Sequential(
            ConvUnit(c4, c5, 3, 2), SpatialPyramidPooling(c5), CspLayer(c5, c5, n, shortcut=False)
        )

    def forward(self, images: torch.Tensor) -> BackboneOutput:
        """Return the maps of images ``(B, n_in, H, W)``; H and W are multiples of 32."""
        c2 = self.dark2(self.stem(images))
        c3 = self.dark3(c2)
        c4 = self.dark4(c3)
        return BackboneOutput(c2, c3, c4, self.dark5(c4))
