"""PyTorch = ONNX Runtime = OpenVINO, for both files that are exported, at any size and number."""

import copy
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from murid.detection.network_file import check_pair, read_network
from murid.detection.openvino_import import openvino
from murid.networks.network import Network
from murid.networks.onnx_export import compute_weights_id, export_onnx
from murid.networks.presets import PRESETS

MAPS = ("heatmap", "offset", "size", "p3", "p4", "p5", "keypoints")
SHAPES = [(1, 96, 128, 1), (3, 160, 64, 7)]
"""Images, height, width, boxes."""


@pytest.fixture(scope="module")
def network() -> Network:
    """Return nano with weights far from their initial values, so that zeros hide no error."""
    torch.manual_seed(1)
    network = Network(PRESETS["nano"])
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.7, 1.5)
            nn.init.normal_(module.bias, std=0.2)
    for head in (network.heads.offset, network.heads.size, network.heads.keypoints):
        nn.init.normal_(head[-1].weight, std=0.3)
    return network.train()


@pytest.fixture(scope="module")
def pair(network: Network, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return export_onnx(
        network, tmp_path_factory.mktemp("pair"), "net", score_scale=1.5, score_bias=-0.25
    )


def run_torch(network: Network, images: np.ndarray, boxes: np.ndarray) -> dict[str, np.ndarray]:
    network.eval()
    with torch.no_grad():
        output = network(torch.from_numpy(images))
        embeddings = network.embed(output, torch.from_numpy(boxes))
    maps = {name: getattr(output, name) for name in MAPS} | {
        "heatmap": torch.sigmoid(output.heatmap)
    }
    return {name: value.numpy() for name, value in maps.items()} | {
        "embeddings": embeddings.numpy()
    }


def run_onnxruntime(
    pair: tuple[Path, Path], images: np.ndarray, boxes: np.ndarray
) -> dict[str, np.ndarray]:
    detector, embedder = (
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in pair
    )
    maps = dict(zip(MAPS, detector.run(list(MAPS), {"image": images}), strict=True))
    features = {name: maps[name] for name in MAPS[3:6]}
    return maps | {"embeddings": embedder.run(["embeddings"], features | {"boxes": boxes})[0]}


def run_openvino(
    pair: tuple[Path, Path], images: np.ndarray, boxes: np.ndarray
) -> dict[str, np.ndarray]:
    core, settings = openvino.Core(), {"INFERENCE_PRECISION_HINT": "f32"}
    detector, embedder = (core.compile_model(path, "CPU", settings) for path in pair)
    answer = detector({"image": images})
    maps = {name: answer[name] for name in MAPS}
    features = {name: maps[name] for name in MAPS[3:6]}
    return maps | {"embeddings": embedder(features | {"boxes": boxes})["embeddings"]}


@pytest.mark.parametrize("run", [run_onnxruntime, run_openvino])
def test_engines_say_what_torch_says(network: Network, pair: tuple[Path, Path], run) -> None:
    rng = np.random.default_rng(0)
    for n_images, height, width, n_boxes in SHAPES:
        images = rng.random((n_images, network.config.n_channels, height, width), np.float32)
        corners = rng.uniform(-10, [width - 10, height - 10], (n_boxes, 2))
        rows = rng.integers(0, n_images, (n_boxes, 1))
        boxes = np.hstack([rows, corners, corners + rng.uniform(5, 60, (n_boxes, 2))]).astype(
            np.float32
        )
        expected, got = run_torch(network, images, boxes), run(pair, images, boxes)
        assert expected["embeddings"].shape == (n_boxes, 128)
        for name, value in expected.items():
            assert got[name].shape == value.shape
            assert value.std() > 0
            np.testing.assert_allclose(
                got[name], value, rtol=1e-4, atol=1e-4 * np.abs(value).max(), err_msg=name
            )


def test_files_say_what_they_are(network: Network, pair: tuple[Path, Path]) -> None:
    _, detector = read_network(pair[0], "detector")
    _, embedder = read_network(pair[1], "embedder")
    assert [path.name for path in pair] == ["net-detector.onnx", "net-embedder.onnx"]
    assert (detector.preset, detector.box_mode, detector.max_side_px) == ("nano", "ltrb", 512)
    assert (detector.stride, detector.embedding_size) == (4, 128)
    assert (detector.score_scale, detector.score_bias) == (1.5, -0.25)
    assert detector.weights_id == compute_weights_id(network)
    check_pair(pair[1], detector, embedder)
    entries = {entry.key: entry.value for entry in onnx.load(pair[1]).metadata_props}
    assert entries == embedder.to_properties("embedder")


def test_files_are_clean(pair: tuple[Path, Path]) -> None:
    for path in pair:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        assert not {"BatchNormalization", "Dropout"} & {node.op_type for node in model.graph.node}
        assert {i.data_type for i in model.graph.initializer} <= {
            onnx.TensorProto.FLOAT,
            onnx.TensorProto.INT64,
        }
        assert not any(node.doc_string or node.metadata_props for node in model.graph.node)
        assert b".py" not in path.read_bytes()
        assert len(list(path.parent.iterdir())) == 2  # no weights beside the file


def test_free_dimensions_have_names(pair: tuple[Path, Path]) -> None:
    ports = {}
    for path in pair:
        graph = onnx.load(path).graph
        for port in (*graph.input, *graph.output):
            ports[port.name] = [d.dim_param or d.dim_value for d in port.type.tensor_type.shape.dim]
    assert ports["image"] == ["batch", 4, "32*rows", "32*columns"]
    assert ports["heatmap"] == ["batch", 1, "8*rows", "8*columns"]
    assert ports["p5"] == ["batch", 192, "rows", "columns"]
    assert ports["boxes"] == ["boxes", 5]
    assert ports["embeddings"] == ["boxes", 128]


def test_export_leaves_the_network_as_it_was(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("murid.networks.onnx_export._export", lambda *_: onnx.ModelProto())
    network.train()
    before = compute_weights_id(network)
    export_onnx(network, tmp_path / "new" / "place", "net")
    assert network.training
    assert compute_weights_id(network) == before


def test_the_id_follows_the_weights(network: Network) -> None:
    changed = copy.deepcopy(network)
    assert compute_weights_id(changed) == compute_weights_id(network)
    nn.init.ones_(changed.heads.size[-1].bias)
    assert compute_weights_id(changed) != compute_weights_id(network)
