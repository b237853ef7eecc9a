"""Where the tasks meet in the network: what GradNorm and MGDA-UB differentiate with respect to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

from murid.networks.backbones import BackboneOutput
from murid.networks.network import Network


class Shared(NamedTuple):
    """What all tasks have in common.

    Attributes
    ----------
    weights : sequence of Tensor
        Parameters of the last shared layer, W; for GradNorm.
    representation : sequence of Tensor
        Z, what the tasks' own parts of the network are given, still in the graph; for MGDA-UB. None
        may have been computed from another, or gradients would be counted twice.
    """

    weights: Sequence[torch.Tensor] = ()
    representation: Sequence[torch.Tensor] = ()


def get_last_shared(network: Network) -> list[nn.Parameter]:
    """Parameters of the layer that makes P3: the last before detection (P2) and identity (P3 to P5) part."""
    return list(network.neck.last_shared.parameters())


@contextmanager
def tap_representation(network: Network) -> Iterator[list[torch.Tensor]]:
    """Lend a list that one forward pass in the block fills with C2 and all that the neck gives.

    Yields
    ------
    list of Tensor
        ``(B, channels, H / stride, W / stride)`` at strides 4, 8, 16, 32 and those of what else the
        neck gives. They are aliases which only the tasks' own parts use, so the gradient at P3
        leaves out what reaches it through P4 and P5, and that at C2 what reaches it through the
        backbone; together they are the gradient at the joint representation (Sener and Koltun 2018,
        section 3.3).
    """
    tapped: list[torch.Tensor] = []

    def tap_backbone(_module: nn.Module, _inputs: Any, maps: BackboneOutput) -> BackboneOutput:
        tapped.append(maps.c2.view_as(maps.c2))
        return maps._replace(c2=tapped[-1])

    def tap_neck(_module: nn.Module, _inputs: Any, maps: Any) -> Any:
        aliases = type(maps)(*(level.view_as(level) for level in maps))
        tapped.extend(aliases)
        return aliases

    hooks = (
        network.backbone.register_forward_hook(tap_backbone),
        network.neck.register_forward_hook(tap_neck),
    )
    try:
        yield tapped
    finally:
        for hook in hooks:
            hook.remove()
