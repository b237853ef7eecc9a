"""Runs the networks with OpenVINO, on processors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from murid.core.types import Float32
from murid.detection.backend import InferenceBackend, Maps
from murid.detection.config import DetectionConfig
from murid.detection.network_file import FEATURES
from murid.detection.openvino_import import openvino
from murid.detection.roi_align import RoiAlignNode, compute_inputs, replace_roi_align


def open_backends(
    detector: Any, embedder: Any | None, config: DetectionConfig
) -> list[InferenceBackend]:
    """Compile the models that `read_network` gave, and open as many lanes as the processor keeps busy at once."""
    poolings = [] if embedder is None else replace_roi_align(embedder)
    compiled = [_compile(model, config) for model in (detector, embedder) if model is not None]
    n_lanes = compiled[0].get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
    return [_OpenVinoLane(compiled, poolings) for _ in range(n_lanes)]


class _OpenVinoLane:
    def __init__(self, compiled: Sequence[Any], poolings: Sequence[RoiAlignNode]) -> None:
        self._poolings = poolings
        self._names = [port.get_any_name() for port in compiled[0].outputs]
        self._detector = compiled[0].create_infer_request()
        self._embedder = compiled[1].create_infer_request() if len(compiled) > 1 else None

    def infer(self, image: Float32) -> Maps:
        self._detector.set_tensor("image", openvino.Tensor(image, shared_memory=True))
        self._detector.infer(share_outputs=True)
        return {
            name: self._detector.get_output_tensor(k).data for k, name in enumerate(self._names)
        }

    def embed(self, maps: Maps, boxes: Float32) -> Float32:
        assert self._embedder is not None
        for name in FEATURES:
            self._embedder.set_tensor(name, self._detector.get_tensor(name))
        numbered = np.concatenate([np.zeros((len(boxes), 1), np.float32), boxes], axis=1)
        inputs = {"boxes": numbered} | compute_inputs(
            self._poolings, boxes, maps
        )  # a tensor does not keep its array
        for name, values in inputs.items():
            self._embedder.set_tensor(name, openvino.Tensor(values, shared_memory=True))
        self._embedder.infer(share_outputs=True)
        return np.array(self._embedder.get_output_tensor(0).data, np.float32)


def _compile(model: Any, config: DetectionConfig) -> Any:
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY" if config.batch_size == 1 else "THROUGHPUT"
    }
    if config.precision != "auto":
        settings["INFERENCE_PRECISION_HINT"] = config.precision
    if config.n_threads is not None:
        settings["INFERENCE_NUM_THREADS"] = config.n_threads
    return openvino.Core().compile_model(model, "CPU", settings)
