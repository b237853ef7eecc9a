from pathlib import Path

import pytest
import torch

from murid.errors import ModelError
from murid.networks.checkpoint import load_checkpoint, load_network, save_checkpoint
from murid.networks.network import Network
from murid.networks.presets import NetworkConfig, RimConfig

TINY = NetworkConfig(
    "tiny",
    width=0.125,
    head_channels=8,
    rim=RimConfig(grid=4, channels=16, part_channels=8, part_axis="height", embedding_size=8),
    box_mode="ltrb",
    max_side_px=64,
)


def test_a_loaded_network_equals_the_saved_one(tmp_path: Path) -> None:
    network = Network(TINY)
    network(torch.rand(2, 3, 64, 64))  # moves the running statistics
    save_checkpoint(tmp_path / "net.pt", network, {"step": 7, "losses": [1.0, 2.0]})
    checkpoint = load_checkpoint(tmp_path / "net.pt")
    assert checkpoint.network.config == TINY
    assert checkpoint.extra == {"step": 7, "losses": [1.0, 2.0]}
    assert not checkpoint.network.training
    state = checkpoint.network.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert [path.name for path in tmp_path.iterdir()] == ["net.pt"]


def test_only_plain_values_are_read(tmp_path: Path) -> None:
    torch.save({"murid.checkpoint": 1, "network": Network(TINY)}, tmp_path / "net.pt")
    with pytest.raises(ModelError, match=r"net\.pt"):
        load_network(tmp_path / "net.pt")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 broken"])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.pt").write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.pt"):
        load_network(tmp_path / "net.pt")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        load_network(tmp_path / "absent.pt")


@pytest.mark.parametrize("change", ["other", "newer", "narrower", "headless", "list"])
def test_checkpoints_of_other_formats_are_refused(tmp_path: Path, change: str) -> None:
    path = tmp_path / "net.pt"
    save_checkpoint(path, Network(TINY))
    state = torch.load(path, weights_only=True)
    if change == "other":
        state = {"weights": state["weights"]}
    elif change == "newer":
        state["murid.checkpoint"] = 99
    elif change == "narrower":
        state["config"]["width"] = 0.0625
    elif change == "headless":
        del state["weights"]["heads.size.2.bias"]
    else:
        state = list(state)
    torch.save(state, path)
    with pytest.raises(ModelError, match=r"net\.pt"):
        load_network(path)
