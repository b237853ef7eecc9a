import pytest
import torch
from torch import nn

from murid.networks.comparison.yolox_head import Yolox
from murid.networks.layers import DeformableConvUnit
from murid.networks.network import Network, build_network
from murid.networks.presets import PRESETS
from murid.paper.model_cost import count_cost, count_gflops, count_parameters


def build(preset: str) -> Network:
    with torch.device("meta"):
        network = build_network(preset)
    assert isinstance(network, Network)
    return network


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
def test_plain_yolox_has_the_published_cost(preset: str, gflops: float) -> None:
    with torch.device("meta"):
        cost = count_cost(Yolox(PRESETS[preset]), 640, 640)
    assert cost.gflops == pytest.approx(gflops, rel=2e-3)


def test_the_cost_is_linear_in_the_number_of_boxes() -> None:
    network = build("s")
    without, one, ten = (count_cost(network, 640, 640, n) for n in (0, 1, 10))
    assert one.parameters - without.parameters == count_parameters(network.rim)
    # RIM: fusion, parts with attention, and the linear layer.
    per_box = (
        2
        * (64 * 896 * 1024 + 64 * 1024 * 256 + 4 * (2 * 256 * 16 * 2 + 16 * 98) + 2048 * 128)
        / 1e9
    )
    assert one.gflops - without.gflops == pytest.approx(per_box)
    assert ten.gflops - without.gflops == pytest.approx(10 * per_box)
