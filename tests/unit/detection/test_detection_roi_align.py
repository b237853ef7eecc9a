from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import murid.detection
from murid.detection.network_file import FEATURES, read_network
from murid.detection.openvino_import import openvino
from murid.detection.roi_align import compute_inputs, replace_roi_align

EMBEDDER = Path(murid.detection.__file__).parent / "weights" / "nano-embedder.onnx"
BOXES = np.array(
    [
        [20, 30, 90, 70],
        [3.3, 4.4, 9.1, 12.7],
        [-60, -40, 40, 50],
        [130, 60, 400, 300],
        [150, 90, 160, 96],
    ],
    np.float32,
)


@pytest.mark.parametrize(("n_boxes", "height", "width"), [(5, 96, 160), (1, 64, 192)])
def test_matrix_products_equal_openvinos_roi_align(n_boxes: int, height: int, width: int):
    rng, boxes = np.random.default_rng(0), BOXES[:n_boxes]
    ours, _ = read_network(EMBEDDER, "embedder")
    theirs, _ = read_network(EMBEDDER, "embedder")
    roi_aligns = replace_roi_align(ours)
    assert [roi_align.level for roi_align in roi_aligns] == list(FEATURES)
    assert not any(node.get_type_name() == "ROIAlign" for node in ours.get_ops())
    maps = {
        name: rng.standard_normal(
            (1, theirs.input(name).get_partial_shape()[1].get_length(), height // s, width // s)
        )
        for name, s in zip(FEATURES, (8, 16, 32), strict=True)
    }
    inputs = {name: level.astype(np.float32) for name, level in maps.items()}
    inputs["boxes"] = np.concatenate([np.zeros((n_boxes, 1), np.float32), boxes], axis=1)
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    expected = openvino.Core().compile_model(theirs, "CPU", exact)(inputs)["embeddings"]
    found = openvino.Core().compile_model(ours, "CPU", exact)(
        inputs | compute_inputs(roi_aligns, boxes, inputs)
    )
    np.testing.assert_allclose(found["embeddings"], expected, atol=1e-5)
