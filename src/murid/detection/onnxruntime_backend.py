"""Run the networks with ONNX Runtime on GPUs; feature maps stay on the GPU between the networks."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from murid.core.types import Float32
from murid.detection.backend import InferenceBackend, OutputMaps, add_batch_column
from murid.detection.network_file import FEATURES
from murid.errors import ConfigError, MissingExtraError

HEADS = ("heatmap", "offset", "size", "keypoints")
"""Outputs that the CPU decodes; older networks have no keypoints."""

_PROVIDERS = {
    "cpu": ["CPUExecutionProvider"],
    "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"],
    "tensorrt": ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"],
}

# One image is preprocessed, one is on the GPU and one is decoded at the same time. More would wait
# for the GPU.
_N_BACKENDS = 3

# Log level of ONNX Runtime at which it prints errors only.
_LOG_ERRORS = 3


def has_cuda() -> bool:
    """Whether an ONNX Runtime built for CUDA is installed; there may still be no GPU."""
    if find_spec("onnxruntime") is None:
        return False
    return _PROVIDERS["cuda"][0] in _import_onnxruntime().get_available_providers()


def open_onnxruntime_backends(
    detector_path: Path, embedder_path: Path | None, device: str
) -> list[InferenceBackend]:
    """Load the network files on a device and return backends that share them.

    Parameters
    ----------
    detector_path : Path
    embedder_path : Path or None
    device : {"cpu", "cuda", "tensorrt"}

    Raises
    ------
    MissingExtraError
        If no ONNX Runtime that was built for the device is installed.
    ConfigError
        If the device cannot be used.
    """
    detector = _open_session(detector_path, device)
    embedder = None if embedder_path is None else _open_session(embedder_path, device)
    memory = "cpu" if device == "cpu" else "cuda"
    return [_OnnxRuntimeBackend(detector, embedder, memory) for _ in range(_N_BACKENDS)]


class _OnnxRuntimeBackend:
    def __init__(self, detector: Any, embedder: Any | None, memory: str) -> None:
        self._detector = detector
        self._embedder = embedder
        self._memory = memory
        self._features: dict[str, Any] = {}
        outputs = {output.name for output in detector.get_outputs()}
        self._heads = [name for name in HEADS if name in outputs]

    def infer(self, image: Float32) -> OutputMaps:
        binding = self._detector.io_binding()
        binding.bind_cpu_input("image", image)
        for name in self._heads:
            binding.bind_output(name, "cpu")
        for name in FEATURES if self._embedder is not None else ():
            binding.bind_output(name, self._memory)
        self._detector.run_with_iobinding(binding)
        # Outputs come in the order in which they were bound.
        values = binding.get_outputs()
        self._features = dict(zip(FEATURES, values[len(self._heads) :], strict=False))
        return {name: value.numpy() for name, value in zip(self._heads, values, strict=False)}

    def embed(self, maps: OutputMaps, boxes: Float32) -> Float32:  # noqa: ARG002
        assert self._embedder is not None
        binding = self._embedder.io_binding()
        for name, value in self._features.items():
            binding.bind_ortvalue_input(name, value)
        binding.bind_cpu_input("boxes", add_batch_column(boxes))
        binding.bind_output("embeddings", "cpu")
        self._embedder.run_with_iobinding(binding)
        embeddings: Float32 = binding.get_outputs()[0].numpy()
        return embeddings


def _import_onnxruntime() -> Any:
    return import_module("onnxruntime")


def _open_session(path: Path, device: str) -> Any:
    """Load a network file on a device and return its session."""
    providers = _PROVIDERS[device]
    if find_spec("onnxruntime") is None:
        raise MissingExtraError("onnxruntime-gpu", "gpu")
    onnxruntime = _import_onnxruntime()
    if providers[0] not in onnxruntime.get_available_providers():
        raise MissingExtraError("onnxruntime-gpu", "gpu")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _LOG_ERRORS
    session = onnxruntime.InferenceSession(path, options, providers=providers)
    # Without a usable GPU, ONNX Runtime falls back to the CPU without an error.
    if session.get_providers()[0] != providers[0]:
        expected = f"a machine with {device}"
        raise ConfigError(f"device: expected {expected}, got one where ONNX Runtime cannot use it")
    return session
