from __future__ import annotations

from pathlib import Path

import numpy as np

import murid.detect
from murid.detect.config import DetectConfig
from murid.detect.network_file import FEATURES, read_network
from murid.detect.on_openvino import open_lanes
from murid.detect.runtime import openvino

WEIGHTS = Path(murid.detect.__file__).parent / "weights"


def read_both():
    return [read_network(WEIGHTS / f"nano-{kind}.onnx", kind)[0] for kind in ("detector", "embedder")]


def test_a_lane_says_what_the_plain_networks_say():
    rng = np.random.default_rng(0)
    image = rng.random((1, 4, 96, 160), np.float32)
    corners = rng.uniform([0, 0], [120, 60], (40, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(10, 40, (40, 2))], axis=1).astype(np.float32)
    plain = [openvino.Core().compile_model(m, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}) for m in read_both()]
    maps = plain[0]({"image": image})
    numbered = np.concatenate([np.zeros((40, 1), np.float32), boxes], axis=1)
    expected = plain[1]({name: maps[name] for name in FEATURES} | {"boxes": numbered})["embeddings"]
    lane = open_lanes(*read_both(), DetectConfig(precision="f32", n_threads=1))[0]
    for _ in range(3):
        found = lane.infer(image.copy())
        np.testing.assert_allclose(found["heatmap"], maps["heatmap"], atol=1e-5)
        np.testing.assert_allclose(lane.embed(found, boxes.copy()), expected, atol=1e-5)
