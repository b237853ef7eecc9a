"""Build the backbone, the neck and the stride-4 map of a network from its configuration."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from murid.errors import MissingExtraError
from murid.networks.backbones import CspDarknet
from murid.networks.neck import Neck, PafpnNeck, PafpnStride4
from murid.networks.presets import NetworkConfig, count_channels


class NetworkParts(NamedTuple):
    """Parts of a network below its heads.

    Attributes
    ----------
    backbone : Module
        Images to `BackboneOutput`.
    neck : Neck
        `BackboneOutput` to maps at strides 8, 16 and 32.
    stride4 : Module
        Maps of the neck and the backbone's map at stride 4, to the stride-4 map P2.
    n_stride4_channels : int
        Channels of P2.
    n_pyramid_channels : int
        Channels at strides 8, 16 and 32 together.
    """

    backbone: nn.Module
    neck: Neck
    stride4: nn.Module
    n_stride4_channels: int
    n_pyramid_channels: int


def build_parts(config: NetworkConfig) -> NetworkParts:
    """Return the parts of a network with random weights.

    Raises
    ------
    MissingExtraError
        If the library of a backbone is not installed.
    """
    if config.backbone == "csp-darknet":
        return _build_darknet(config)
    if config.backbone == "dla34":
        return _build_dla(config)
    if config.backbone == "hardnet85":
        return _build_hardnet(config)
    return _build_resnet(config)


def _build_darknet(config: NetworkConfig) -> NetworkParts:
    stride4_channels, *pyramid_channels = count_channels(config.width)
    return NetworkParts(
        CspDarknet(config.depth, config.width, config.n_channels),
        PafpnNeck(config.depth, config.width),
        PafpnStride4(config.depth, config.width),
        stride4_channels,
        sum(pyramid_channels),
    )


def _build_resnet(config: NetworkConfig) -> NetworkParts:
    from murid.networks.comparison.resnet import (
        RESNET_CHANNELS,
        UPSAMPLE_CHANNELS,
        ResNet,
        ResNetNeck,
        ResNetStride4,
    )

    assert config.backbone in ("resnet34", "resnet50")
    stride4_channels, *pyramid_channels = UPSAMPLE_CHANNELS
    stride32_channels = RESNET_CHANNELS[config.backbone][3]
    return NetworkParts(
        ResNet(config.backbone, config.n_channels),
        ResNetNeck(stride32_channels),
        ResNetStride4(),
        stride4_channels,
        sum(pyramid_channels) + stride32_channels,
    )


def _build_dla(config: NetworkConfig) -> NetworkParts:
    try:
        from murid.networks.comparison.dla import DLA_CHANNELS, Dla, DlaNeck, DlaStride4
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "timm", "train") from error
    stride4_channels, *pyramid_channels = DLA_CHANNELS
    return NetworkParts(
        Dla(config.n_channels),
        DlaNeck(),
        DlaStride4(),
        stride4_channels,
        sum(pyramid_channels),
    )


def _build_hardnet(config: NetworkConfig) -> NetworkParts:
    from murid.networks.comparison.hardnet import HarDNet, HarDNetNeck, HarDNetStride4

    neck = HarDNetNeck()
    stride4 = HarDNetStride4(neck.channels[0])
    backbone = HarDNet(config.n_channels)
    return NetworkParts(backbone, neck, stride4, stride4.n_out, sum(neck.channels))
