"""Backbone, neck and the step to stride 4 that belong together, by the name of the backbone."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from murid.errors import MissingExtraError
from murid.networks.backbones import CspDarknet
from murid.networks.neck import Neck, PathAggregation, StrideFour
from murid.networks.presets import NetworkConfig, count_channels


class Assembly(NamedTuple):
    """Parts of a network below its heads.

    Attributes
    ----------
    backbone : Module
        Images to `BackboneOutput`.
    neck : Neck
        That to the maps at strides 8, 16 and 32.
    stride4 : Module
        The neck's maps and the backbone's map at stride 4, to P2.
    n_fine : int
        Channels of P2.
    n_pyramid : int
        Channels at strides 8, 16 and 32 together.
    """

    backbone: nn.Module
    neck: Neck
    stride4: nn.Module
    n_fine: int
    n_pyramid: int


def assemble(config: NetworkConfig) -> Assembly:
    """Build the parts with fresh weights; raises `MissingExtraError` if the library of a backbone is not installed."""
    if config.backbone == "csp-darknet":
        return _assemble_darknet(config)
    if config.backbone == "dla34":
        return _assemble_dla(config)
    if config.backbone == "hardnet85":
        return _assemble_hardnet(config)
    return _assemble_resnet(config)


def _assemble_darknet(config: NetworkConfig) -> Assembly:
    depth, width, channels = config.depth, config.width, count_channels(config.width)
    backbone = CspDarknet(depth, width, config.n_channels)
    return Assembly(
        backbone,
        PathAggregation(depth, width),
        StrideFour(depth, width),
        channels[0],
        sum(channels[1:]),
    )


def _assemble_resnet(config: NetworkConfig) -> Assembly:
    from murid.networks.comparison.resnet import (
        RESNET_CHANNELS,
        UP_CHANNELS,
        ResNet,
        UpNeck,
        UpToStrideFour,
    )

    assert config.backbone in ("resnet34", "resnet50")
    deepest, (fine, *others) = RESNET_CHANNELS[config.backbone][3], UP_CHANNELS
    backbone = ResNet(config.backbone, config.n_channels)
    return Assembly(backbone, UpNeck(deepest), UpToStrideFour(), fine, sum(others) + deepest)


def _assemble_dla(config: NetworkConfig) -> Assembly:
    try:
        from murid.networks.comparison.dla import DLA_CHANNELS, Dla, DlaNeck, DlaToStrideFour
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "timm", "train") from error
    return Assembly(
        Dla(config.n_channels), DlaNeck(), DlaToStrideFour(), DLA_CHANNELS[0], sum(DLA_CHANNELS[1:])
    )


def _assemble_hardnet(config: NetworkConfig) -> Assembly:
    from murid.networks.comparison.hardnet import HarDNet, HarDNetNeck, HarDNetToStrideFour

    neck = HarDNetNeck()
    stride4 = HarDNetToStrideFour(neck.channels[0])
    return Assembly(HarDNet(config.n_channels), neck, stride4, stride4.n_out, sum(neck.channels))
