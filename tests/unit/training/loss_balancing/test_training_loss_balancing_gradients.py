import torch

from murid.networks.neck import Pyramid
from murid.networks.network import build_network
from murid.training.loss_balancing import (
    capture_shared_features,
)


def differentiate(loss: torch.Tensor, inputs: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    return torch.autograd.grad(loss, inputs, retain_graph=True, materialize_grads=True)


def test_captured_features_have_the_gradients_of_the_joint_representation():
    torch.manual_seed(0)
    network = build_network("nano").eval()
    rois = torch.tensor([[0.0, 4, 4, 40, 40]])
    with capture_shared_features(network) as captured:
        output = network(torch.rand(1, network.config.n_channels, 64, 64))
    assert [tensor.shape[2] for tensor in captured] == [16, 8, 4, 2]
    cut = [tensor.detach().requires_grad_() for tensor in captured]
    heatmap = network.heads(network.stride4(Pyramid(*cut[1:]), cut[0]))[0]
    embedding = network.embed(output._replace(p3=cut[1], p4=cut[2], p5=cut[3]), rois)
    for got, expected in ((output.heatmap, heatmap), (network.embed(output, rois), embedding)):
        pairs = zip(
            differentiate(got[0].sum(), captured),
            differentiate(expected[0].sum(), cut),
            strict=True,
        )
        for at_captured, at_cut in pairs:
            torch.testing.assert_close(at_captured, at_cut)


def test_hooks_are_removed_after_the_block():
    network = build_network("nano").eval()
    images = torch.rand(1, network.config.n_channels, 64, 64)
    with torch.no_grad():
        before = network(images)
        with capture_shared_features(network) as captured:
            during = network(images)
        after = network(images)
    assert len(captured) == 4
    for left, middle, right in zip(before, during, after, strict=True):
        assert torch.equal(left, middle)
        assert torch.equal(left, right)
