"""The whole network: backbone, neck, RTM's detection heads and the RIM re-identification branch.

Unlike plain YOLOX it predicts centres on one stride-4 map instead of boxes on three, and unlike
FairMOT it embeds boxes rather than cells, so the cost of re-identification follows the number of
animals.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from murid.errors import ConfigError
from murid.networks.assembly import assemble
from murid.networks.comparison.yolox_head import Yolox
from murid.networks.presets import PRESETS, NetworkConfig
from murid.networks.rim import Rim
from murid.networks.rtm import RtmHeads


class NetworkOutput(NamedTuple):
    """What the network says of a batch of images.

    Attributes
    ----------
    heatmap : Tensor
        ``(B, C, H / 4, W / 4)`` logits.
    offset : Tensor
        ``(B, 2, H / 4, W / 4)``: centre within its cell, x and y, in cells.
    size : Tensor
        ``(B, 2 | 4, H / 4, W / 4)``: width and height, or distances to left, top, right and bottom,
        in cells.
    p3, p4, p5 : Tensor
        Maps at strides 8, 16 and 32 for `Network.embed`.
    """

    heatmap: torch.Tensor
    offset: torch.Tensor
    size: torch.Tensor
    p3: torch.Tensor
    p4: torch.Tensor
    p5: torch.Tensor


class Network(nn.Module):
    """RTM with RIM.

    Parameters
    ----------
    config : NetworkConfig
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        parts = assemble(config)
        self.backbone, self.neck, self.stride4 = parts.backbone, parts.neck, parts.stride4
        self.heads = RtmHeads(parts.n_fine, config.head_channels, config.n_classes, config.box_mode)
        self.rim = Rim(config.rim, parts.n_pyramid)

    def forward(self, images: torch.Tensor) -> NetworkOutput:
        """Heads and maps of images ``(B, 3 | 4, H, W)`` float32 in [0, 1], sides multiples of 32."""
        maps = self.backbone(images)
        pyramid = self.neck(maps)
        return NetworkOutput(*self.heads(self.stride4(pyramid, maps.c2)), *pyramid[:3])

    def embed(self, output: NetworkOutput, boxes: torch.Tensor) -> torch.Tensor:
        """Embed boxes.

        Parameters
        ----------
        output : NetworkOutput
            Of the images that the boxes lie in.
        boxes : Tensor
            ``(K, 5)`` float32: row of the batch, x1, y1, x2, y2 in input pixels.

        Returns
        -------
        Tensor
            ``(K, embedding_size)`` float32 unit rows.
        """
        if len(boxes) == 0:
            return boxes.new_zeros((0, self.config.rim.embedding_size))
        embeddings: torch.Tensor = self.rim((output.p3, output.p4, output.p5), boxes)
        return embeddings


def make_network(config: NetworkConfig) -> Network | Yolox:
    """Return a network of a shape with fresh weights."""
    return Yolox(config) if config.detector == "yolox" else Network(config)


def build_network(preset: str) -> Network | Yolox:
    """Return a network with fresh weights.

    Parameters
    ----------
    preset : str
        A key of `murid.networks.presets.PRESETS`.

    Raises
    ------
    ConfigError
        If there is no such preset.
    """
    if preset not in PRESETS:
        raise ConfigError(f"preset: expected one of {', '.join(PRESETS)}, got {preset!r}")
    return make_network(PRESETS[preset])
