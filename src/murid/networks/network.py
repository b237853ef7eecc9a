"""The whole network: backbone, neck, RTM detection heads and the RIM re-identification branch.

YOLOX predicts boxes on three strides; this network predicts centres on one stride-4 map. FairMOT
embeds every cell; this network embeds boxes, so the cost of re-identification is proportional to
the number of animals.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from murid.errors import ConfigError
from murid.networks.assembly import build_parts
from murid.networks.comparison.yolox_head import Yolox
from murid.networks.presets import PRESETS, NetworkConfig
from murid.networks.rim import Rim
from murid.networks.rtm import RtmHeads


class NetworkOutput(NamedTuple):
    """Predictions for a batch of images.

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
    keypoints : Tensor or None
        ``(B, 9, H / 4, W / 4)``: for each of `KEYPOINTS` its displacement from the corner of the
        cell, x and y, in diagonals of the box, and the logarithm of the expected error in
        diagonals. None in a network without this head.
    """

    heatmap: torch.Tensor
    offset: torch.Tensor
    size: torch.Tensor
    p3: torch.Tensor
    p4: torch.Tensor
    p5: torch.Tensor
    keypoints: torch.Tensor | None = None


class Network(nn.Module):
    """RTM detector with the RIM re-identification branch.

    The attribute names of this module and its parts are part of the checkpoint format.

    Parameters
    ----------
    config : NetworkConfig
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        parts = build_parts(config)
        self.backbone = parts.backbone
        self.neck = parts.neck
        self.stride4 = parts.stride4
        self.heads = RtmHeads(
            parts.n_stride4_channels,
            config.head_channels,
            config.n_classes,
            config.box_mode,
            config.keypoints,
        )
        self.rim = Rim(config.rim, parts.n_pyramid_channels)

    def forward(self, images: torch.Tensor) -> NetworkOutput:
        """Return heads and maps of images ``(B, 3 | 4, H, W)`` float32 in [0, 1].

        H and W are multiples of 32.
        """
        maps = self.backbone(images)
        pyramid = self.neck(maps)
        heads = self.heads(self.stride4(pyramid, maps.c2))
        # Some necks return further maps, which only the stride-4 step uses.
        p3, p4, p5 = pyramid[:3]
        return NetworkOutput(heads.heatmap, heads.offset, heads.size, p3, p4, p5, heads.keypoints)

    def embed(self, output: NetworkOutput, boxes: torch.Tensor) -> torch.Tensor:
        """Return the embeddings of boxes.

        Parameters
        ----------
        output : NetworkOutput
            Output for the images that contain the boxes.
        boxes : Tensor
            ``(K, 5)`` float32: index of the image, x1, y1, x2, y2 in input pixels.

        Returns
        -------
        Tensor
            ``(K, embedding_size)`` float32 unit rows.
        """
        if len(boxes) == 0:
            return boxes.new_zeros((0, self.config.rim.embedding_size))
        embeddings: torch.Tensor = self.rim((output.p3, output.p4, output.p5), boxes)
        return embeddings


class Embedder(nn.Module):
    """Maps of the neck and boxes to embeddings: the RIM branch of a network as a module by itself.

    It is exported to ONNX, and its operations are counted, apart from the detector.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.rim = network.rim

    def forward(
        self, p3: torch.Tensor, p4: torch.Tensor, p5: torch.Tensor, boxes: torch.Tensor
    ) -> torch.Tensor:
        """Return embeddings ``(K, embedding_size)`` of boxes ``(K, 5)`` as `Network.embed`."""
        embeddings: torch.Tensor = self.rim((p3, p4, p5), boxes)
        return embeddings


def build_network_from_config(config: NetworkConfig) -> Network | Yolox:
    """Return the network of a configuration, with random weights."""
    return Yolox(config) if config.detector == "yolox" else Network(config)


def build_network(preset: str) -> Network | Yolox:
    """Return the network of a preset, with random weights.

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
    return build_network_from_config(PRESETS[preset])
