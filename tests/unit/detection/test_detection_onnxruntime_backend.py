from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import murid.detection
from murid.detection.config import DetectionConfig
from murid.detection.network_detector import NetworkDetector
from murid.detection.network_file import FEATURES, read_network
from murid.detection.onnxruntime_backend import has_cuda, open_onnxruntime_backends
from murid.detection.openvino_backend import open_openvino_backends
from murid.detection.openvino_import import openvino
from murid.errors import MissingExtraError

WEIGHTS = Path(murid.detection.__file__).parent / "weights"


def read_both():
    return [
        read_network(WEIGHTS / f"nano-{kind}.onnx", kind)[0] for kind in ("detector", "embedder")
    ]


def test_onnxruntime_and_openvino_agree():
    image = np.random.default_rng(1).random((1, 4, 96, 160), np.float32)
    boxes = np.array([[20, 30, 90, 70], [3.3, 4.4, 29.1, 32.7], [-10, -4, 40, 50]], np.float32)
    expected = open_openvino_backends(*read_both(), DetectionConfig(precision="f32", n_threads=1))[
        0
    ]
    backends = open_onnxruntime_backends(
        WEIGHTS / "nano-detector.onnx", WEIGHTS / "nano-embedder.onnx", "cpu"
    )
    maps, found = expected.infer(image), backends[0].infer(image)
    backends[1].infer(image[:, :, :64])
    for name, values in found.items():
        np.testing.assert_allclose(values, maps[name], atol=1e-4)
    np.testing.assert_allclose(
        backends[0].embed(found, boxes), expected.embed(maps, boxes), atol=1e-5
    )
    alone = open_onnxruntime_backends(WEIGHTS / "nano-detector.onnx", None, "cpu")[0]
    np.testing.assert_array_equal(alone.infer(image)["heatmap"], found["heatmap"])


@pytest.mark.skipif(has_cuda(), reason="a machine without ONNX Runtime for CUDA")
@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_a_gpu_that_cannot_be_used_says_what_to_install(device: str):
    with pytest.raises(MissingExtraError, match=r"pip install 'murid\[gpu\]'"):
        NetworkDetector(WEIGHTS / "nano-detector.onnx", None, DetectionConfig(device=device))


def test_an_openvino_backend_agrees_with_the_original_networks():
    rng = np.random.default_rng(0)
    image = rng.random((1, 4, 96, 160), np.float32)
    corners = rng.uniform([0, 0], [120, 60], (40, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(10, 40, (40, 2))], axis=1).astype(
        np.float32
    )
    plain = [
        openvino.Core().compile_model(m, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        for m in read_both()
    ]
    maps = plain[0]({"image": image})
    numbered = np.concatenate([np.zeros((40, 1), np.float32), boxes], axis=1)
    expected = plain[1]({name: maps[name] for name in FEATURES} | {"boxes": numbered})["embeddings"]
    backend = open_openvino_backends(*read_both(), DetectionConfig(precision="f32", n_threads=1))[0]
    for _ in range(3):
        found = backend.infer(image.copy())
        np.testing.assert_allclose(found["heatmap"], maps["heatmap"], atol=1e-5)
        np.testing.assert_allclose(backend.embed(found, boxes.copy()), expected, atol=1e-5)
