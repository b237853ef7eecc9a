import dataclasses

import pytest

from murid.core.settings import load_settings
from murid.errors import ConfigError
from murid.networks.presets import PRESETS
from murid.training.config import TrainConfig
from murid.training.network_changes import NetworkChanges, RimChanges, change_network

LITERAL = """
box_loss_reduction = "sum"
[network]
head_channels = 64
box_mode = "ltrb"
n_classes = 3
[network.rim]
grid = 20
part_axis = "height"
share_parts = true
literal_order = true
use_vector = true
"""


def test_without_changes_the_network_is_the_preset():
    for preset in PRESETS:
        assert TrainConfig(preset=preset).network_config == PRESETS[preset]


def test_a_file_reaches_every_literal_option(tmp_path):
    path = tmp_path / "train.toml"
    path.write_text(LITERAL)
    config = load_settings(path, TrainConfig.paper())
    assert config.box_loss_reduction == "sum"
    network = config.network_config
    assert (network.head_channels, network.box_mode, network.n_classes) == (64, "ltrb", 3)
    rim = network.rim
    assert (rim.grid, rim.part_axis, rim.share_parts) == (20, "height", True)
    assert (rim.literal_order, rim.use_vector, rim.embedding_size) == (True, True, 2048)
    unchanged = ("depth", "width", "max_side_px", "name", "background")
    assert all(getattr(network, name) == getattr(PRESETS["s"], name) for name in unchanged)


def test_every_field_of_the_branch_can_be_changed():
    assert {field.name for field in dataclasses.fields(RimChanges)} == {
        field.name for field in dataclasses.fields(PRESETS["s"].rim)
    }
    for field in dataclasses.fields(RimChanges):
        value = getattr(PRESETS["s"].rim, field.name)
        changes = NetworkChanges(rim=RimChanges(**{field.name: value}))
        assert change_network(PRESETS["s"], changes) == PRESETS["s"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[network]\nn_classes = 0", "network.n_classes: expected 1 or more, got 0"),
        ("[network]\nmax_side_px = 100", "network.max_side_px: expected a multiple of 32"),
        ("[network]\nwidth = 0.0", "network.width: expected more than 0"),
        ("[network.rim]\ngrid = 10", r"network.rim.grid: expected a multiple of n_parts \(4\)"),
        ("[network.rim]\npart_axis = 'depth'", "network.rim.part_axis: expected width or height"),
        ("[network.rim]\nturns = 1", "network.rim.turns: expected one of"),
        (
            "[network.rim]\nuse_vector = true\nembedding_size = 64",
            "network.rim.embedding_size: expected 512",
        ),
        (
            "preset = 'yolox-s'\n[network.rim]\ngrid = 4",
            "network.rim.grid: expected none with yolox-s",
        ),
        ("box_loss_reduction = 'max'", "box_loss_reduction: expected mean or sum"),
    ],
)
def test_an_invalid_change_is_named(tmp_path, text, message):
    path = tmp_path / "train.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_settings(path, TrainConfig())
    assert str(path) in str(caught.value)
