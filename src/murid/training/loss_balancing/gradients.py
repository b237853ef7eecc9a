"""Shared layer and shared representation, with respect to which gradients of losses are taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

from murid.networks.backbones import BackboneOutput
from murid.networks.network import Network


class SharedTensors(NamedTuple):
    """Tensors that all tasks depend on.

    Attributes
    ----------
    weights : sequence of Tensor
        Parameters of the last shared layer, W; for GradNorm.
    representation : sequence of Tensor
        Z, the inputs of the task-specific parts of the network, in the graph; for MGDA-UB. None of
        them may depend on another, or gradients would be counted twice.
    """

    weights: Sequence[torch.Tensor] = ()
    representation: Sequence[torch.Tensor] = ()


def get_last_shared_parameters(network: Network) -> list[nn.Parameter]:
    """Return the parameters of the layer of P3, the last that detection and identity share."""
    return list(network.neck.last_shared_layer.parameters())


@contextmanager
def capture_shared_features(network: Network) -> Iterator[list[torch.Tensor]]:
    """Collect the shared representation in the forward pass inside the block.

    Yields
    ------
    list of Tensor
        Filled by the forward pass with C2 and all maps of the neck, each ``(B, channels, H /
        stride, W / stride)``.

    Notes
    -----
    The tensors are aliases that only the task-specific parts use. So the gradient at P3 excludes
    what reaches it through P4 and P5, and the gradient at C2 what reaches it through the backbone.
    Together they are the gradient at the joint representation (Sener and Koltun 2018, section 3.3).
    """
    captured: list[torch.Tensor] = []

    def capture_c2(_module: nn.Module, _inputs: Any, maps: BackboneOutput) -> BackboneOutput:
        alias = maps.c2.view_as(maps.c2)
        captured.append(alias)
        return maps._replace(c2=alias)

    def capture_neck(_module: nn.Module, _inputs: Any, maps: Any) -> Any:
        aliases = type(maps)(*(level.view_as(level) for level in maps))
        captured.extend(aliases)
        return aliases

    hooks = (
        network.backbone.register_forward_hook(capture_c2),
        network.neck.register_forward_hook(capture_neck),
    )
    try:
        yield captured
    finally:
        for hook in hooks:
            hook.remove()
