"""Cost of a detector: its parameters and floating-point operations, counted or read from a file."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from murid.errors import FormatError
from murid.networks.comparison.yolox_head import Yolox
from murid.networks.network import Embedder, Network

# Name of the cost file beside the boxes of an external detector. `benchmarks/detections.py` writes
# it: ``{"parameters": 7012822, "gflops": 15.8}``.
COST_NAME = "cost.json"


class ModelCost(NamedTuple):
    """Cost of a detector.

    Attributes
    ----------
    parameters : int
        Number of learnt parameters.
    gflops : float
        10⁹ floating-point operations for one image; a multiply-add counts as two.
    """

    parameters: int
    gflops: float


def count_parameters(*modules: nn.Module) -> int:
    """Return the number of learnt parameters of modules that have none in common."""
    return sum(p.numel() for module in modules for p in module.parameters())


def count_gflops(module: nn.Module, *inputs: torch.Tensor, device: str = "meta") -> float:
    """Return 10⁹ operations of the convolutions and matrix products in one call of a module.

    Parameters
    ----------
    module : Module
        Not modified.
    *inputs : Tensor
        Arguments of the call.
    device : str
        ``"meta"`` uses the shapes only and computes nothing. Modules that depend on values need
        ``"cpu"``.
    """
    module = copy.deepcopy(module).to(device).eval()
    counter = FlopCounterMode(
        display=False, custom_mapping={torch.ops.torchvision.deform_conv2d: _count_deformable}
    )
    with counter, torch.no_grad():
        module(*(value.to(device) for value in inputs))
    return counter.get_total_flops() / 1e9


def count_cost(network: Network | Yolox, height: int, width: int, n_boxes: int = 0) -> ModelCost:
    """Return the cost of a network for one image.

    Parameters
    ----------
    network : Network or Yolox
    height, width : int
        Size of the image in pixels, multiples of 32.
    n_boxes : int
        Number of boxes that are embedded. With 0 neither operations nor parameters of the
        re-identification branch are counted.
    """
    image = torch.empty(1, network.config.n_channels, height, width)
    parameters = count_parameters(network)
    gflops = count_gflops(network, image)
    if isinstance(network, Yolox):
        return ModelCost(parameters, gflops)
    if n_boxes == 0:
        return ModelCost(parameters - count_parameters(network.rim), gflops)
    # The detector and the re-identification branch are counted one after the other.
    with torch.no_grad():
        output = copy.deepcopy(network).to("meta").eval()(image.to("meta"))
    boxes = torch.zeros(n_boxes, 5)
    embedding_gflops = count_gflops(Embedder(network), output.p3, output.p4, output.p5, boxes)
    return ModelCost(parameters, gflops + embedding_gflops)


def read_external_cost(directory: Path) -> dict[str, float] | None:
    """Read the cost of an external detector from `COST_NAME` in the directory of its boxes.

    Returns
    -------
    dict or None
        ``parameters`` and ``gflops``; None if there is no file.

    Raises
    ------
    FormatError
        If the file is damaged.
    """
    path = directory / COST_NAME
    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        cost = {name: float(document[name]) for name in ("parameters", "gflops")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        got = f"{type(error).__name__}: {error}"
        raise FormatError(path, "file", '{"parameters": number, "gflops": number}', got) from error
    for name, value in cost.items():
        if not (math.isfinite(value) and value > 0):
            raise FormatError(path, name, "a number above 0", f"{value:g}")
    return cost


def _count_deformable(
    x: Sequence[int], weight: Sequence[int], *_: Any, out_shape: Sequence[int], **__: Any
) -> int:
    """Return the operations of a deformable convolution, without its interpolation."""
    del x  # unused; the counter passes it
    _n_out, n_in, kernel_height, kernel_width = weight
    batch_size, n_out, height, width = out_shape
    multiply_adds = n_in * kernel_height * kernel_width * batch_size * n_out * height * width
    return 2 * multiply_adds
