import pytest
import torch

from murid.networks.comparison.hardnet import HarmonicBlock, plan_block
from murid.networks.network import Network, build_network
from murid.paper.model_cost import count_parameters


def build(preset: str) -> Network:
    with torch.device("meta"):
        network = build_network(preset)
    assert isinstance(network, Network)
    return network


def test_hardnet_has_the_published_size() -> None:
    network = build("hardnet85")
    # The last block is left out, and a step to 256 channels replaces the one to its 720.
    narrow = 784 * 256 + 2 * 256
    cut = 784 * 720 + 2 * 720
    block = HarmonicBlock(720, 256, 4)
    classifier = 1280 * 1000 + 1000
    whole = (
        count_parameters(network.backbone, block)
        - narrow
        + cut
        + block.n_out * 1280
        + 2 * 1280
        + classifier
    )
    assert whole / 1e6 == pytest.approx(36.7, abs=0.05)
    centre_heads = sum(
        network.stride4.n_out * 9 * hidden + hidden * (n + 1) for hidden, n in ((320, 80), (128, 2))
    )
    body = count_parameters(network.backbone, network.neck, network.stride4)
    assert (body + centre_heads) / 1e6 == pytest.approx(37.2, rel=0.01)


def test_harmonic_links_of_eight_layers_by_hand() -> None:
    plan = plan_block(24, 8)
    assert [layer.sources for layer in plan] == [
        (0,),
        (1, 0),
        (2,),
        (3, 2, 0),
        (4,),
        (5, 4),
        (6,),
        (7, 6, 4, 0),
    ]
    assert [layer.channels for layer in plan] == [24, 40, 24, 70, 24, 40, 24, 118]
    assert HarmonicBlock(96, 24, 8).n_out == 4 * 24 + 118
