"""What a network costs: parameters, and floating-point operations for one picture, counted by PyTorch."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from murid.networks.comparison.yolox_head import Yolox
from murid.networks.network import Network


class Cost(NamedTuple):
    """Learnt parameters, and 10⁹ operations for one picture; a multiplication with its addition counts as two."""

    parameters: int
    gflops: float


def count_parameters(*modules: nn.Module) -> int:
    """Learnt parameters of modules that share none."""
    return sum(p.numel() for module in modules for p in module.parameters())


def count_gflops(module: nn.Module, *inputs: torch.Tensor, device: str = "meta") -> float:
    """10⁹ operations of convolutions and matrix products in one call.

    Parameters
    ----------
    module : Module
        Stays as it is.
    *inputs : Tensor
        What it is called with.
    device : str
        With ``"meta"`` no arithmetic is done, and shapes alone matter; modules that look at values
        need ``"cpu"``.
    """
    module = copy.deepcopy(module).to(device).eval()
    counter = FlopCounterMode(
        display=False, custom_mapping={torch.ops.torchvision.deform_conv2d: _count_deformable}
    )
    with counter, torch.no_grad():
        module(*(value.to(device) for value in inputs))
    return counter.get_total_flops() / 1e9


def count_cost(network: Network | Yolox, height: int, width: int, n_boxes: int = 0) -> Cost:
    """Cost of a network for a picture of the given size in pixels.

    Parameters
    ----------
    network : Network or Yolox
    height, width : int
        Multiples of 32.
    n_boxes : int
        Boxes that are embedded; with 0 the re-identification branch counts for nothing, parameters
        included.
    """
    image = torch.empty(1, network.config.n_channels, height, width)
    parameters, gflops = count_parameters(network), count_gflops(network, image)
    if isinstance(network, Yolox):
        return Cost(parameters, gflops)
    if n_boxes == 0:
        return Cost(parameters - count_parameters(network.rim), gflops)
    with torch.no_grad():
        output = copy.deepcopy(network).to("meta").eval()(image.to("meta"))
    boxes = torch.zeros(n_boxes, 5)
    return Cost(
        parameters, gflops + count_gflops(_Branch(network), output.p3, output.p4, output.p5, boxes)
    )


class _Branch(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.rim = network.rim

    def forward(
        self, p3: torch.Tensor, p4: torch.Tensor, p5: torch.Tensor, boxes: torch.Tensor
    ) -> torch.Tensor:
        embeddings: torch.Tensor = self.rim((p3, p4, p5), boxes)
        return embeddings


def _count_deformable(
    x: Sequence[int], weight: Sequence[int], *_: Any, out_shape: Sequence[int], **__: Any
) -> int:
    """Operations of a deformable convolution; those of a plain one, interpolation left out."""
    del x
    taps = weight[1] * weight[2] * weight[3]
    return 2 * taps * out_shape[0] * out_shape[1] * out_shape[2] * out_shape[3]
