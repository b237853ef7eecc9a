import torch
from torch import nn
from torch.nn import functional

from murid.networks.backbones import CspDarknet, FocusStem, SpatialPyramidPooling


def test_the_stem_is_space_to_depth_and_a_convolution() -> None:
    stem = FocusStem(5).eval()
    images = torch.rand(2, 3, 32, 64)
    with torch.no_grad():
        expected = stem.conv(functional.pixel_unshuffle(images, 2))
        torch.testing.assert_close(stem(images), expected)


def test_the_pyramid_pools_over_5_9_and_13_cells() -> None:
    pyramid = SpatialPyramidPooling(4).eval()
    x = torch.randn(1, 4, 20, 20)
    with torch.no_grad():
        reduced = pyramid.reduce(x)
        pooled = [functional.max_pool2d(reduced, size, 1, size // 2) for size in (5, 9, 13)]
        torch.testing.assert_close(pyramid(x), pyramid.merge(torch.cat([reduced, *pooled], dim=1)))


def test_only_the_last_stage_has_no_residual_connections() -> None:
    darknet = CspDarknet(0.33, 0.125).eval()
    stages = (darknet.dark2, darknet.dark3, darknet.dark4, darknet.dark5)
    for stage, has_shortcut in zip(stages, (True, True, True, False), strict=True):
        bottleneck = stage[-1].bottlenecks[0]
        # With an empty body, only the residual connection is left.
        bottleneck.body = nn.Conv2d(1, 1, 1)
        bottleneck.body.forward = torch.zeros_like
        x = torch.rand(1, 2, 3, 3)
        torch.testing.assert_close(bottleneck(x), x * has_shortcut)
