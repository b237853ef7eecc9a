import pytest
import torch

from murid.errors import ConfigError
from murid.networks.network import build_network
from murid.networks.onnx_export import export_onnx


@pytest.mark.parametrize("preset", ["yolox-s", "dla34"])
def test_networks_without_onnx_form_are_refused_before_writing(preset: str, tmp_path) -> None:
    with torch.device("meta"):
        network = build_network(preset)
    with pytest.raises(ConfigError, match=preset):
        export_onnx(network, tmp_path / "out", preset)
    assert not (tmp_path / "out").exists()
