import numpy as np
import pytest
import torch
from torch import nn

from murid.networks.losses import IdentityClassifier, detection_loss
from murid.networks.network import Network, build_network
from murid.networks.presets import NetworkConfig, RimConfig
from murid.networks.targets import make_targets

TINY = NetworkConfig(
    "tiny",
    width=0.125,
    head_channels=8,
    rim=RimConfig(grid=4, channels=16, part_channels=8, embedding_size=8),
    box_mode="ltrb",
    max_side_px=64,
)


def test_the_heatmap_starts_almost_empty() -> None:
    network = build_network("nano").eval()
    with torch.no_grad():
        output = network(torch.rand(1, network.config.n_channels, 64, 64))
    assert 0.03 < float(torch.sigmoid(output.heatmap).mean()) < 0.25
    assert float(output.offset.abs().max()) < 0.1
    assert float(network.heads.heatmap[-1].bias.detach()) == pytest.approx(-2.19)
    assert not network.heads.size[-1].bias.any()


def test_head_channels_have_no_batch_norm() -> None:
    heads = Network(TINY).heads
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in heads.modules())


def test_batch_norm_has_the_constants_of_yolox() -> None:
    norms = [
        layer for layer in Network(TINY).backbone.modules() if isinstance(layer, nn.BatchNorm2d)
    ]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.03)}


def test_no_boxes_give_no_embeddings() -> None:
    network = Network(TINY)
    assert network.embed(network(torch.rand(2, 3, 64, 64)), torch.zeros(0, 5)).shape == (0, 8)


def test_a_few_steps_learn_two_images() -> None:
    torch.manual_seed(0)
    network, classifier = Network(TINY), IdentityClassifier(8, 3)
    images = torch.full((2, 3, 64, 64), 0.5)
    images[0, 0, 8:24, 12:40], images[1, 1, 30:54, 20:36], images[1, 2, 4:20, 40:60] = 1, 1, 0
    boxes = [
        np.array([[12, 8, 40, 24]], np.float32),
        np.array([[20, 30, 36, 54], [40, 4, 60, 20]], np.float32),
    ]
    rois = torch.tensor([[0.0, 12, 8, 40, 24], [1, 20, 30, 36, 54], [1, 40, 4, 60, 20]])
    targets = make_targets(boxes, 64, 64, box_mode="ltrb")
    optimizer = torch.optim.AdamW([*network.parameters(), *classifier.parameters()], lr=5e-3)
    history = []
    for _ in range(40):
        output = network(images)
        identity = classifier(network.embed(output, rois), torch.arange(3))
        detection = detection_loss(output, targets)
        optimizer.zero_grad()
        (detection.total + 0.1 * identity).backward()
        optimizer.step()
        history.append(
            [float(value.detach()) for value in (detection.heat, detection.size, identity)]
        )
    start, end = np.array(history[0]), np.array(history[-1])
    assert (end < 0.6 * start).all(), (start, end)


def test_bfloat16_and_channels_last_train() -> None:
    network = Network(TINY).to(memory_format=torch.channels_last)
    images = torch.rand(2, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        output = network(images)
    assert output.heatmap.dtype == torch.bfloat16
    output = type(output)(*(None if value is None else value.float() for value in output))
    embeddings = network.embed(output, torch.tensor([[0.0, 4, 4, 30, 30], [1, 10, 10, 60, 50]]))
    (
        output.heatmap.sum() + output.size.sum() + output.offset.sum() + embeddings[:, 0].sum()
    ).backward()
    missing = [name for name, p in network.named_parameters() if p.grad is None]
    assert not missing
