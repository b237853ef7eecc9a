"""The backbones that the paper compares with, and what networks cost."""

import pytest
import torch
from torch import nn

from murid.errors import ConfigError
from murid.networks.comparison.hardnet import HarmonicBlock, plan_block
from murid.networks.comparison.yolox_head import Yolox
from murid.networks.layers import DeformableConvUnit
from murid.networks.network import Network, build_network
from murid.networks.onnx_export import export_onnx
from murid.networks.presets import PRESETS
from murid.paper.model_cost import count_cost, count_gflops, count_parameters
from murid.training.loss_balancing import capture_shared_features, get_last_shared_parameters

COMPARED = ("resnet34", "resnet50", "dla34", "hardnet85")


def build(preset: str) -> Network:
    with torch.device("meta"):
        network = build_network(preset)
    assert isinstance(network, Network)
    return network


# Published sizes of the classifiers less their last layer, (channels + 1) * 1000.
@pytest.mark.parametrize(
    ("preset", "published", "channels"),
    [("resnet34", 21_797_672, 512), ("resnet50", 25_557_032, 2048), ("dla34", 15_742_104, 512)],
)
def test_backbones_have_the_published_size(preset: str, published: int, channels: int) -> None:
    last = (channels + (preset != "dla34")) * 1000 + (1000 if preset == "dla34" else 0)
    assert count_parameters(build(preset).backbone) == published - last


def test_hardnet_has_the_published_size() -> None:
    network = build("hardnet85")
    narrow, cut = (
        784 * 256 + 2 * 256,
        784 * 720 + 2 * 720,
    )  # our step to 256 channels in place of the block left out
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


@pytest.mark.parametrize("preset", COMPARED)
def test_every_backbone_comes_to_stride_4(preset: str) -> None:
    network = build(preset)
    output = network(torch.empty(2, 3, 64, 96, device="meta"))
    assert (output.heatmap.shape, output.size.shape) == ((2, 1, 16, 24), (2, 2, 16, 24))
    assert [level.shape[2:] for level in (output.p3, output.p4, output.p5)] == [
        (8, 12),
        (4, 6),
        (2, 3),
    ]


@pytest.mark.parametrize("preset", COMPARED)
def test_all_of_a_network_learns_and_every_balance_finds_its_way(preset: str) -> None:
    torch.manual_seed(0)
    network = build_network(preset)
    with capture_shared_features(network) as tapped:
        output = network(torch.rand(2, 3, 64, 64))
    embeddings = network.embed(output, torch.tensor([[0.0, 4, 4, 30, 30], [1, 10, 10, 60, 50]]))
    loss = (
        output.heatmap.square().sum()
        + output.size.sum()
        + output.offset.sum()
        + embeddings[:, 0].sum()
    )
    at_taps = torch.autograd.grad(loss, tapped, retain_graph=True, allow_unused=True)
    assert sum(gradient is not None for gradient in at_taps) >= 3
    loss.backward()
    assert all(parameter.grad is not None for parameter in get_last_shared_parameters(network))
    missing = [
        name for name, p in network.named_parameters() if p.grad is None and "fc" not in name
    ]
    assert not missing


def test_a_deformable_unit_starts_as_half_a_convolution() -> None:
    unit = DeformableConvUnit(3, 4).eval()
    x = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        unit.conv.bias.zero_()
        expected = unit.finish(unit.conv(x) / 2)
        torch.testing.assert_close(unit(x), expected, atol=1e-5, rtol=1e-4)


def test_operations_by_hand() -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1, stride=2), nn.Flatten()
    )
    module.append(nn.Linear(4 * 5 * 5, 7))
    by_hand = 2 * (3 * 9 * 8 * 100 + 8 * 4 * 25 + 100 * 7)
    assert count_gflops(module, torch.empty(1, 3, 10, 10)) * 1e9 == by_hand
    assert count_gflops(module, torch.zeros(1, 3, 10, 10), device="cpu") * 1e9 == by_hand
    assert next(module.parameters()).device.type == "cpu"


def test_deformable_convolutions_count_as_plain_ones() -> None:
    unit = DeformableConvUnit(3, 8)
    assert count_gflops(unit, torch.empty(2, 3, 6, 5)) * 1e9 == 2 * 2 * 30 * 27 * (27 + 8)


@pytest.mark.parametrize(("preset", "gflops"), [("s", 26.5), ("m", 73.3)])
def test_plain_yolox_costs_what_is_published(preset: str, gflops: float) -> None:
    with torch.device("meta"):
        cost = count_cost(Yolox(PRESETS[preset]), 640, 640)
    assert cost.gflops == pytest.approx(gflops, rel=2e-3)


def test_boxes_cost_what_the_branch_costs() -> None:
    network = build("s")
    bare, one, ten = (count_cost(network, 640, 640, n) for n in (0, 1, 10))
    assert one.parameters - bare.parameters == count_parameters(network.rim)
    per_box = (
        2
        * (64 * 896 * 1024 + 64 * 1024 * 256 + 4 * (2 * 256 * 16 * 2 + 16 * 98) + 2048 * 128)
        / 1e9
    )
    assert one.gflops - bare.gflops == pytest.approx(per_box)
    assert ten.gflops - bare.gflops == pytest.approx(10 * per_box)


@pytest.mark.parametrize("preset", ["yolox-s", "dla34"])
def test_what_cannot_be_exported_is_refused_before_anything_is_written(
    preset: str, tmp_path
) -> None:
    with torch.device("meta"):
        network = build_network(preset)
    with pytest.raises(ConfigError, match=preset):
        export_onnx(network, tmp_path / "out", preset)
    assert not (tmp_path / "out").exists()
