import dataclasses

import pytest
import torch
from torch import nn

from murid.errors import ConfigError
from murid.networks.comparison.yolox_head import Yolox
from murid.networks.network import Network, build_network
from murid.networks.presets import PRESETS, NetworkConfig, RimConfig
from murid.networks.rim import Rim


def count_parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("preset", "expected"), [("s", 8_937_682), ("m", 25_280_754), ("l", 54_147_986)]
)
def test_plain_yolox_has_the_published_size(preset: str, expected: int) -> None:
    config = PRESETS[preset]
    with torch.device("meta"):
        assert count_parameters(Yolox(config)) == expected


def test_yolox_predicts_on_three_strides() -> None:
    with torch.device("meta"):
        levels = Yolox(PRESETS["s"])(torch.empty(1, 3, 640, 640))
    assert [level.box.shape for level in levels] == [(1, 4, 80, 80), (1, 4, 40, 40), (1, 4, 20, 20)]
    assert [level.objectness.shape[1] for level in levels] == [1, 1, 1]


@pytest.mark.parametrize(
    ("preset", "part", "millions"),
    [("s", "backbone", 4.213), ("s", "neck", 2.835), ("l", "backbone", 27.076)],
)
def test_parts_have_the_published_size(preset: str, part: str, millions: float) -> None:
    with torch.device("meta"):
        network = build_network(preset)
    assert count_parameters(getattr(network, part)) / 1e6 == pytest.approx(millions, abs=5e-4)


def test_the_papers_branch_has_the_expected_size() -> None:
    convolutions = 896 * 1024 + 4 * 1024 * 256
    attention = 4 * (2 * 256 * 16 + 2 * 49)
    linear = 2048 * 128 + 128
    norms = 2 * 1024 + 4 * 2 * (256 + 1)
    with torch.device("meta"):
        assert count_parameters(build_network("s").rim) == convolutions + attention + linear + norms


def test_nano_is_small() -> None:
    assert count_parameters(build_network("nano")) <= 1_500_000
    assert PRESETS["nano"].max_side_px == 512


def test_s_is_the_papers() -> None:
    config = PRESETS["s"]
    assert (config.head_channels, config.box_mode, config.max_side_px) == (256, "wh", 640)
    assert (config.rim.channels, config.rim.part_channels, config.rim.vector_size) == (
        1024,
        256,
        2048,
    )


def test_maps_of_s_at_640_have_the_papers_shapes() -> None:
    with torch.device("meta"):
        network = build_network("s")
        images = torch.empty(1, 3, 640, 640)
        maps = network.backbone(images)
        p2 = network.stride4(network.neck(maps), maps.c2)
        output = network(images)
    assert p2.shape == (1, 64, 160, 160)
    assert output.p3.shape == (1, 128, 80, 80)
    assert output.p4.shape == (1, 256, 40, 40)
    assert output.p5.shape == (1, 512, 20, 20)
    assert (output.heatmap.shape, output.offset.shape, output.size.shape) == (
        (1, 1, 160, 160),
        (1, 2, 160, 160),
        (1, 2, 160, 160),
    )


def test_literal_branch_has_the_papers_shapes() -> None:
    config = RimConfig(grid=20, literal_order=True, embedding_size=2048, use_vector=True)
    with torch.device("meta"):
        rim = Rim(config, 896).eval()
        fused = torch.empty(1, 1024, 20, 20)
        strips = rim.split_strips(fused)
        assert [strip.shape for strip in strips] == [(1, 1024, 20, 5)] * 4
        assert rim.parts[0](strips[0]).shape == (1, 256)
        assert rim.compute_vectors(fused).shape == (1, 2048)


@pytest.mark.parametrize("box_mode", ["wh", "ltrb"])
def test_the_size_head_follows_the_box_mode(box_mode: str) -> None:
    config = dataclasses.replace(PRESETS["nano"], box_mode=box_mode, n_classes=3)
    with torch.device("meta"):
        output = Network(config)(torch.empty(2, config.n_channels, 64, 96))
    assert output.size.shape == (2, len(box_mode), 16, 24)
    assert output.heatmap.shape == (2, 3, 16, 24)


@pytest.mark.parametrize(
    "make",
    [
        lambda: RimConfig(grid=10),
        lambda: RimConfig(part_axis="depth"),  # type: ignore[arg-type]
        lambda: RimConfig(use_vector=True),
        lambda: NetworkConfig("x", box_mode="xyxy"),  # type: ignore[arg-type]
        lambda: NetworkConfig("x", max_side_px=500),
        lambda: build_network("huge"),
    ],
)
def test_invalid_configurations_are_refused(make) -> None:
    with pytest.raises(ConfigError, match="expected"):
        make()
