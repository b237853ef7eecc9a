import pytest
import torch
from torch import nn
from torchvision.ops import deform_conv2d

from murid.networks.layers import Bottleneck, CspLayer, DeformableConvUnit, convolve_deformed


def test_a_deformable_unit_starts_as_half_a_convolution() -> None:
    unit = DeformableConvUnit(3, 4).eval()
    x = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        unit.conv.bias.zero_()
        expected = unit.finish(unit.conv(x) / 2)
        torch.testing.assert_close(unit(x), expected, atol=1e-5, rtol=1e-4)


def zero_norms(module: nn.Module) -> None:
    """Make the outputs of all convolution units zero."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)


@pytest.mark.parametrize("shortcut", [True, False])
def test_a_bottleneck_adds_its_input_if_it_has_a_shortcut(shortcut: bool) -> None:
    bottleneck = Bottleneck(4, shortcut).eval()
    zero_norms(bottleneck.body)
    x = torch.randn(1, 4, 5, 6)
    torch.testing.assert_close(bottleneck(x), x * shortcut)


@pytest.mark.parametrize("silenced", ["main", "side"])
def test_both_halves_of_a_csp_layer_reach_its_output(silenced: str) -> None:
    layer = CspLayer(4, 8).eval()
    zero_norms(getattr(layer, silenced))
    x = torch.randn(1, 4, 5, 6)
    with torch.no_grad():
        assert not torch.equal(layer(x), layer(-x))


def test_deformed_convolution_equals_that_of_torchvision() -> None:
    generator = torch.Generator().manual_seed(0)
    x, offset, modulation, weight, bias = inputs = [
        torch.randn(shape, generator=generator).requires_grad_()
        for shape in ((2, 3, 5, 1), (2, 18, 5, 1), (2, 9, 5, 1), (4, 3, 3, 3), (4,))
    ]
    ours = convolve_deformed(x, offset, modulation, weight, bias)
    theirs = deform_conv2d(x, offset, weight, bias, padding=1, mask=modulation)
    torch.testing.assert_close(ours, theirs)
    for first, second in zip(
        torch.autograd.grad(ours.square().sum(), inputs),
        torch.autograd.grad(theirs.square().sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-4)
