import torch

from murid.networks.layers import DeformableConvUnit


def test_a_deformable_unit_starts_as_half_a_convolution() -> None:
    unit = DeformableConvUnit(3, 4).eval()
    x = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        unit.conv.bias.zero_()
        expected = unit.finish(unit.conv(x) / 2)
        torch.testing.assert_close(unit(x), expected, atol=1e-5, rtol=1e-4)
