import torch
from torch import nn

from murid.networks.network import Network, build_network
from murid.paper.model_cost import count_parameters


def build_backbone(preset: str) -> nn.Module:
    with torch.device("meta"):
        network = build_network(preset)
    assert isinstance(network, Network)
    return network.backbone


def test_the_backbone_has_the_published_size() -> None:
    # The published classifier, without its last layer of 1000 classes.
    published = 15_742_104 - (512 * 1000 + 1000)
    assert count_parameters(build_backbone("dla34")) == published
