import pytest
import torch
from torch import nn

from murid.networks.network import Network, build_network
from murid.paper.model_cost import count_parameters


def build_backbone(preset: str) -> nn.Module:
    with torch.device("meta"):
        network = build_network(preset)
    assert isinstance(network, Network)
    return network.backbone


@pytest.mark.parametrize(
    ("preset", "published", "channels"),
    [("resnet34", 21_797_672, 512), ("resnet50", 25_557_032, 2048)],
)
def test_backbones_have_the_published_size(preset: str, published: int, channels: int) -> None:
    # The published classifiers, without their last layer of 1000 classes.
    last_layer = (channels + 1) * 1000
    assert count_parameters(build_backbone(preset)) == published - last_layer
