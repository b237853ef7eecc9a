import pytest
import torch
from torch import nn

from murid.networks.backbones import BackboneOutput
from murid.networks.neck import PafpnNeck, PafpnStride4, Pyramid
from murid.networks.presets import count_channels

DEPTH = 0.33
WIDTH = 0.125


def make_maps() -> BackboneOutput:
    torch.manual_seed(0)
    channels = zip(count_channels(WIDTH), (4, 8, 16, 32), strict=True)
    return BackboneOutput(*(torch.randn(1, n, 64 // s, 64 // s) for n, s in channels))


def silence(unit: nn.Module) -> None:
    """Make the output of a convolution unit zero for every input."""
    (norm,) = (layer for layer in unit.modules() if isinstance(layer, nn.BatchNorm2d))
    nn.init.zeros_(norm.weight)
    nn.init.zeros_(norm.bias)


@pytest.mark.parametrize(
    ("silenced", "changed", "output"),
    [
        # Top-down: every map reaches P3.
        (None, "c3", "p3"),
        (None, "c4", "p3"),
        (None, "c5", "p3"),
        # Bottom-up, with the lateral path cut.
        ("reduce4", "c3", "p4"),
        ("reduce5", "c4", "p5"),
        # Lateral, with the bottom-up path cut.
        ("stride4", "c4", "p4"),
        ("stride5", "c5", "p5"),
    ],
)
def test_each_path_of_the_neck_carries_its_map(
    silenced: str | None, changed: str, output: str
) -> None:
    torch.manual_seed(1)
    neck = PafpnNeck(DEPTH, WIDTH).eval()
    if silenced is not None:
        silence(getattr(neck, silenced))
    maps = make_maps()
    other = maps._replace(**{changed: -getattr(maps, changed)})
    with torch.no_grad():
        before = getattr(neck(maps), output)
        after = getattr(neck(other), output)
    # Random weights shrink the maps at every layer, so that there is no useful tolerance.
    assert not torch.equal(before, after)


def test_the_stride_4_map_joins_repeated_cells_of_p3_and_c2() -> None:
    stride4 = PafpnStride4(DEPTH, WIDTH)
    stride4.reduce3 = nn.Identity()  # type: ignore[assignment]
    stride4.down2 = nn.Identity()  # type: ignore[assignment]
    maps = make_maps()
    repeated = maps.c3.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    joined = stride4(Pyramid(maps.c3, maps.c4, maps.c5), maps.c2)
    torch.testing.assert_close(joined, torch.cat([repeated, maps.c2], dim=1))


def test_the_last_shared_layer_computes_p3() -> None:
    neck = PafpnNeck(DEPTH, WIDTH).eval()
    computed = []
    neck.last_shared_layer.register_forward_hook(lambda *call: computed.append(call[2]))
    pyramid = neck(make_maps())
    assert len(computed) == 1
    assert computed[0] is pyramid.p3
