"""A pair of tiny networks with known answers, written with the onnx package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from murid.detection.network_metadata import NetworkMetadata

BOX_CELLS = {"wh": [3.0, 2.0], "ltrb": [1.0, 0.5, 2.0, 1.5]}
METADATA = NetworkMetadata("tiny", "wh", 128, 3, 4, 4, 1.0, 0.0, "weights-1")


def _save(
    path: Path,
    nodes: list,
    inputs: dict,
    outputs: dict,
    constants: dict,
    properties: dict[str, str],
) -> Path:
    def info(ports: dict) -> list:
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in ports.items()
        ]

    initializers = [
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    ]
    graph = helper.make_graph(nodes, "tiny", info(inputs), info(outputs), initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, properties)
    onnx.save(model, path)
    return path


def write_detector(path: Path, metadata: NetworkMetadata = METADATA, **changed: str) -> Path:
    """Write a detector with boxes of constant size and offset 0.5.

    The heatmap is 2 * (red - 0.5) of each 4x4 cell. The features are the pooled image. With
    four channels, the last one, the difference from the background, takes the place of red.
    """
    n = metadata.n_channels
    channel_weights = np.zeros((1, n, 1, 1), np.float32)
    channel_weights[0, 0 if n == 3 else 3] = 2
    size = np.array(BOX_CELLS[metadata.box_mode], np.float32)
    nodes = [
        helper.make_node("AveragePool", ["image"], ["cells"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node(
            "Conv", ["cells", "channel_weights", "minus_one"], ["heat"], kernel_shape=[1, 1]
        ),
        helper.make_node("Clip", ["heat", "zero", "one"], ["heatmap"]),
        helper.make_node("Conv", ["cells", "no_offset", "half"], ["offset"], kernel_shape=[1, 1]),
        helper.make_node("Conv", ["cells", "no_size", "box"], ["size"], kernel_shape=[1, 1]),
    ]
    for level, pixels in (("p3", 8), ("p4", 16), ("p5", 32)):
        pool = {"kernel_shape": [pixels] * 2, "strides": [pixels] * 2}
        nodes.append(helper.make_node("AveragePool", ["image"], [level], **pool))
    constants = {
        "channel_weights": channel_weights,
        "minus_one": np.array([-1], np.float32),
        "zero": np.float32(0),
        "one": np.float32(1),
        "no_offset": np.zeros((2, n, 1, 1), np.float32),
        "half": np.array([0.5, 0.5], np.float32),
        "no_size": np.zeros((len(size), n, 1, 1), np.float32),
        "box": size,
    }
    outputs = {
        "heatmap": ["n", 1, "h4", "w4"],
        "offset": ["n", 2, "h4", "w4"],
        "size": ["n", len(size), "h4", "w4"],
    }
    outputs |= {level: ["n", n, f"h_{level}", f"w_{level}"] for level in ("p3", "p4", "p5")}
    properties = metadata.to_properties("detector") | {f"murid.{k}": v for k, v in changed.items()}
    return _save(path, nodes, {"image": ["n", n, "h", "w"]}, outputs, constants, properties)


def write_embedder(path: Path, metadata: NetworkMetadata = METADATA, **changed: str) -> Path:
    """Write an embedder whose embedding is the box in input pixels as a unit vector."""
    nodes = [
        helper.make_node("Gather", ["boxes", "columns"], ["corners"], axis=1),
        *(
            helper.make_node("ReduceMax", [level], [f"max_{level}"], keepdims=0)
            for level in ("p3", "p4", "p5")
        ),
        helper.make_node("Sum", ["max_p3", "max_p4", "max_p5"], ["brightest"]),
        helper.make_node("Min", ["brightest", "zero"], ["nothing"]),  # features are never negative
        helper.make_node("Add", ["corners", "nothing"], ["raw"]),
        helper.make_node("LpNormalization", ["raw"], ["embeddings"], axis=1, p=2),
    ]
    constants = {"columns": np.array([1, 2, 3, 4], np.int64), "zero": np.float32(0)}
    inputs = {level: ["n", 3, f"h_{level}", f"w_{level}"] for level in ("p3", "p4", "p5")} | {
        "boxes": ["k", 5]
    }
    properties = metadata.to_properties("embedder") | {f"murid.{k}": v for k, v in changed.items()}
    return _save(path, nodes, inputs, {"embeddings": ["k", 4]}, constants, properties)


@pytest.fixture
def tiny_metadata() -> NetworkMetadata:
    return METADATA


@pytest.fixture
def detector_path(tmp_path: Path) -> Path:
    return write_detector(tmp_path / "tiny-detector.onnx")


@pytest.fixture
def embedder_path(tmp_path: Path) -> Path:
    return write_embedder(tmp_path / "tiny-embedder.onnx")


@pytest.fixture
def write_network(tmp_path: Path) -> Callable[..., Path]:
    """Return a function such as ``write_network("detector", score_scale="2")``."""

    def write(
        kind: str, /, name: str = "other", metadata: NetworkMetadata = METADATA, **changed: str
    ) -> Path:
        writer = {"detector": write_detector, "embedder": write_embedder}[kind]
        return writer(tmp_path / f"{name}-{kind}.onnx", metadata, **changed)

    return write
