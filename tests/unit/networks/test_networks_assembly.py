import pytest
import torch

from murid.networks.network import Network, build_network
from murid.training.loss_balancing import capture_shared_features, get_last_shared_parameters

COMPARED = ("resnet34", "resnet50", "dla34", "hardnet85")


def build(preset: str) -> Network:
    with torch.device("meta"):
        network = build_network(preset)
    assert isinstance(network, Network)
    return network


@pytest.mark.parametrize("preset", COMPARED)
def test_every_backbone_gives_a_stride_4_map(preset: str) -> None:
    network = build(preset)
    output = network(torch.empty(2, 3, 64, 96, device="meta"))
    assert (output.heatmap.shape, output.size.shape) == ((2, 1, 16, 24), (2, 2, 16, 24))
    assert [level.shape[2:] for level in (output.p3, output.p4, output.p5)] == [
        (8, 12),
        (4, 6),
        (2, 3),
    ]


@pytest.mark.parametrize("preset", COMPARED)
def test_all_parameters_have_gradients(preset: str) -> None:
    torch.manual_seed(0)
    network = build_network(preset)
    with capture_shared_features(network) as captured:
        output = network(torch.rand(2, 3, 64, 64))
    embeddings = network.embed(output, torch.tensor([[0.0, 4, 4, 30, 30], [1, 10, 10, 60, 50]]))
    loss = (
        output.heatmap.square().sum()
        + output.size.sum()
        + output.offset.sum()
        + embeddings[:, 0].sum()
    )
    gradients = torch.autograd.grad(loss, captured, retain_graph=True, allow_unused=True)
    assert sum(gradient is not None for gradient in gradients) >= 3
    loss.backward()
    assert all(parameter.grad is not None for parameter in get_last_shared_parameters(network))
    missing = [
        name for name, p in network.named_parameters() if p.grad is None and "fc" not in name
    ]
    assert not missing
