"""Run the networks with OpenVINO on CPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from murid.core.types import Float32
from murid.detection.backend import InferenceBackend, OutputMaps, add_batch_column
from murid.detection.config import DetectionConfig
from murid.detection.network_file import FEATURES
from murid.detection.openvino_import import openvino
from murid.detection.roi_align import RoiAlignNode, compute_inputs, replace_roi_align


def open_openvino_backends(
    detector: Any, embedder: Any | None, config: DetectionConfig
) -> list[InferenceBackend]:
    """Compile models that `read_network` returned, and return as many backends as the CPU can use.

    The embedder is changed in place (see `murid.detection.roi_align`).
    """
    roi_aligns = [] if embedder is None else replace_roi_align(embedder)
    compiled_detector = _compile(detector, config)
    compiled_embedder = None if embedder is None else _compile(embedder, config)
    n_backends = compiled_detector.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
    return [
        _OpenVinoBackend(compiled_detector, compiled_embedder, roi_aligns)
        for _ in range(n_backends)
    ]


class _OpenVinoBackend:
    def __init__(
        self, detector: Any, embedder: Any | None, roi_aligns: Sequence[RoiAlignNode]
    ) -> None:
        self._roi_aligns = roi_aligns
        self._output_names = [port.get_any_name() for port in detector.outputs]
        self._detector = detector.create_infer_request()
        self._embedder = None if embedder is None else embedder.create_infer_request()

    def infer(self, image: Float32) -> OutputMaps:
        self._detector.set_tensor("image", openvino.Tensor(image, shared_memory=True))
        self._detector.infer(share_outputs=True)
        return {
            name: self._detector.get_output_tensor(k).data
            for k, name in enumerate(self._output_names)
        }

    def embed(self, maps: OutputMaps, boxes: Float32) -> Float32:
        assert self._embedder is not None
        for name in FEATURES:
            self._embedder.set_tensor(name, self._detector.get_tensor(name))
        # `inputs` must live until after `infer`: a tensor does not keep its array alive.
        inputs = {"boxes": add_batch_column(boxes)} | compute_inputs(self._roi_aligns, boxes, maps)
        for name, values in inputs.items():
            self._embedder.set_tensor(name, openvino.Tensor(values, shared_memory=True))
        self._embedder.infer(share_outputs=True)
        return np.array(self._embedder.get_output_tensor(0).data, np.float32)


def _compile(model: Any, config: DetectionConfig) -> Any:
    """Compile a model for the CPU; several images at a time are run in parallel streams."""
    hint = "LATENCY" if config.batch_size == 1 else "THROUGHPUT"
    settings: dict[str, Any] = {"PERFORMANCE_HINT": hint}
    if config.precision != "auto":
        settings["INFERENCE_PRECISION_HINT"] = config.precision
    if config.n_threads is not None:
        settings["INFERENCE_NUM_THREADS"] = config.n_threads
    return openvino.Core().compile_model(model, "CPU", settings)
