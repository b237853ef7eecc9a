import dataclasses

import pytest
import torch
from torch import nn
from torch.nn import functional

from murid.networks.presets import RimConfig
from murid.networks.rim import ChannelAttention, PartBranch, Rim, SpatialAttention

SMALL = RimConfig(grid=4, channels=8, part_channels=6, embedding_size=5)


def make_pyramid(n_images: int = 2) -> list[torch.Tensor]:
    return [
        torch.randn(n_images, n, 64 // stride, 96 // stride)
        for n, stride in ((3, 8), (4, 16), (5, 32))
    ]


BOXES = torch.tensor(
    [[0, 4, 6, 60, 40], [1, 4, 6, 60, 40], [1, 20, 10, 90, 62]], dtype=torch.float32
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"part_axis": "height"},
        {"share_parts": True},
        {"literal_order": True},
        {"use_vector": True, "embedding_size": 32},
        {"grid": 8},
    ],
    ids=str,
)
def test_every_option_gives_unit_rows(changes: dict) -> None:
    config = dataclasses.replace(SMALL, **changes)
    rim = Rim(config, 12)
    embeddings = rim(make_pyramid(), BOXES)
    assert embeddings.shape == (3, config.embedding_size)
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(3))
    embeddings.sum().backward()
    assert all(p.grad is not None for p in rim.parameters())


def test_a_box_is_embedded_by_itself() -> None:
    rim, pyramid = Rim(SMALL, 12).eval(), make_pyramid()
    with torch.no_grad():
        together = rim(pyramid, BOXES)
        alone = torch.cat([rim(pyramid, box[None]) for box in BOXES])
    torch.testing.assert_close(together, alone)
    assert not torch.allclose(together[0], together[1])  # same place, other image


def test_pooling_reads_the_box_on_every_stride() -> None:
    rim = Rim(SMALL, 3)
    rim.fuse = nn.Identity()  # type: ignore[assignment]
    # Each map holds its own cells' centres in pixels, x, so pooled values are the bins' centres.
    pyramid = [
        ((torch.arange(256 // s) + 0.5) * s).expand(1, 1, 128 // s, 256 // s) for s in (8, 16, 32)
    ]
    pooled = rim.pool_boxes(pyramid, torch.tensor([[0, 40.0, 40, 120, 80]]))
    expected = torch.tensor([50.0, 70, 90, 110]).expand(1, 3, 4, 4)
    torch.testing.assert_close(pooled, expected)


@pytest.mark.parametrize(("axis", "shape"), [("width", (1, 8, 4, 1)), ("height", (1, 8, 1, 4))])
def test_strips_are_cut_along_the_part_axis(axis: str, shape: tuple[int, ...]) -> None:
    rim = Rim(dataclasses.replace(SMALL, part_axis=axis), 12)
    fused = torch.arange(4.0).view(1, 1, 1, 4).expand(1, 8, 4, 4)
    fused = fused if axis == "width" else fused.transpose(2, 3)
    strips = rim.split_strips(fused)
    assert [strip.shape for strip in strips] == [shape] * 4
    assert [float(strip.mean()) for strip in strips] == [0, 1, 2, 3]


def test_the_global_vector_is_the_mean_and_parts_are_not_negative() -> None:
    rim, fused = Rim(SMALL, 12).eval(), torch.randn(3, 8, 4, 4)
    with torch.no_grad():
        vectors = rim.compute_vectors(fused)
    torch.testing.assert_close(vectors[:, :8], fused.mean((2, 3)))
    assert vectors.shape == (3, 8 + 4 * 6)
    assert (vectors[:, 8:] >= 0).all()
    assert vectors[:, 8:].any()


def test_a_part_depends_on_its_own_strip_only() -> None:
    rim, fused = Rim(SMALL, 12).eval(), torch.randn(1, 8, 4, 4)
    changed = fused.clone()
    changed[..., 3] = torch.randn(1, 8, 4)
    with torch.no_grad():
        before, after = (
            rim.compute_vectors(fused)[0, 8:].view(4, 6),
            rim.compute_vectors(changed)[0, 8:].view(4, 6),
        )
    torch.testing.assert_close(before[:3], after[:3])
    assert not torch.allclose(before[3], after[3])


def test_shared_parts_have_one_set_of_weights() -> None:
    shared, own = Rim(dataclasses.replace(SMALL, share_parts=True), 12), Rim(SMALL, 12)
    assert (len(shared.parts), len(own.parts)) == (1, 4)


def test_channel_attention_adds_mean_and_maximum() -> None:
    gate, x = ChannelAttention(32, 16), torch.randn(2, 32, 3, 5)
    first, second = gate.mlp[0].weight.flatten(1), gate.mlp[2].weight.flatten(1)
    assert first.shape == (2, 32)

    def mlp(v: torch.Tensor) -> torch.Tensor:
        return torch.relu(v @ first.T) @ second.T

    weight = torch.sigmoid(mlp(x.mean((2, 3))) + mlp(x.amax((2, 3))))
    torch.testing.assert_close(gate(x), x * weight[:, :, None, None])


def test_spatial_attention_is_the_same_for_all_channels() -> None:
    gate, x = SpatialAttention().eval(), torch.rand(2, 6, 4, 3) + 0.5
    with torch.no_grad():
        weight = gate(x) / x
    torch.testing.assert_close(weight, weight[:, :1].expand_as(weight))
    assert weight[0, 0].std() > 0
    assert gate.conv.kernel_size == (7, 7)


def test_spatial_attention_convolves_maximum_and_mean_of_the_channels() -> None:
    gate, x = SpatialAttention().eval(), torch.randn(2, 6, 4, 3)
    summary = torch.stack([x.amax(1), x.mean(1)], dim=1)
    convolved = functional.conv2d(summary, gate.conv.weight, padding=3)
    torch.testing.assert_close(gate(x), x * torch.sigmoid(gate.norm(convolved)))


@pytest.mark.parametrize("literal", [False, True])
def test_a_part_applies_channel_then_spatial_attention(literal: bool) -> None:
    branch = PartBranch(dataclasses.replace(SMALL, literal_order=literal)).eval()
    (channel,) = (m for m in branch.modules() if isinstance(m, ChannelAttention))
    (spatial,) = (m for m in branch.modules() if isinstance(m, SpatialAttention))
    strip = torch.randn(5, 8, 4, 3)
    # The order of the paper pools first, murid's last; both take the maximum.
    first = strip.amax((2, 3), keepdim=True) if literal else strip
    attended = spatial(channel(branch.norm(functional.conv2d(first, branch.conv.weight))))
    torch.testing.assert_close(branch(strip), torch.relu(attended.amax((2, 3))))
    torch.nn.init.constant_(branch.norm.bias, -9)
    assert not branch(strip).any()
