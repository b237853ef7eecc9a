"""Runs the networks with ONNX Runtime, on graphics cards; what one network hands to the other stays there."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.types import Float32
from murid.detection.backend import InferenceBackend, Maps
from murid.detection.network_file import FEATURES
from murid.errors import ConfigError, MissingExtraError

HEADS = ("heatmap", "offset", "size")

_PROVIDERS = {
    "cpu": ["CPUExecutionProvider"],
    "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"],
    "tensorrt": ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"],
}
_N_LANES = 3  # one picture prepared, one in the card, one decoded
_ERRORS_ONLY = 3


def has_cuda() -> bool:
    """Whether an ONNX Runtime made for CUDA is installed; a card may yet be missing."""
    return (
        find_spec("onnxruntime") is not None
        and _PROVIDERS["cuda"][0] in _load().get_available_providers()
    )


def open_backends(
    path_detector: Path, path_embedder: Path | None, device: str
) -> list[InferenceBackend]:
    """Load the two network files on a device: ``"cpu"``, ``"cuda"`` or ``"tensorrt"``.

    Raises
    ------
    MissingExtraError
        If the ONNX Runtime that is installed, if any, was not made for the device.
    ConfigError
        If the device cannot be used.
    """
    sessions = [
        _open_session(path, device) for path in (path_detector, path_embedder) if path is not None
    ]
    memory = "cpu" if device == "cpu" else "cuda"
    return [_OnnxLane(sessions, memory) for _ in range(_N_LANES)]


class _OnnxLane:
    def __init__(self, sessions: list[Any], memory: str) -> None:
        self._detector, self._embedder = sessions[0], sessions[1] if len(sessions) > 1 else None
        self._memory = memory
        self._features: dict[str, Any] = {}

    def infer(self, image: Float32) -> Maps:
        binding = self._detector.io_binding()
        binding.bind_cpu_input("image", image)
        for name in HEADS:
            binding.bind_output(name, "cpu")
        for name in FEATURES if self._embedder is not None else ():
            binding.bind_output(name, self._memory)
        self._detector.run_with_iobinding(binding)
        values = binding.get_outputs()
        self._features = dict(zip(FEATURES, values[len(HEADS) :], strict=False))
        return {name: value.numpy() for name, value in zip(HEADS, values, strict=False)}

    def embed(self, maps: Maps, boxes: Float32) -> Float32:  # noqa: ARG002
        assert self._embedder is not None
        binding = self._embedder.io_binding()
        for name, value in self._features.items():
            binding.bind_ortvalue_input(name, value)
        numbered = np.concatenate([np.zeros((len(boxes), 1), np.float32), boxes], axis=1)
        binding.bind_cpu_input("boxes", numbered)
        binding.bind_output("embeddings", "cpu")
        self._embedder.run_with_iobinding(binding)
        embeddings: Float32 = binding.get_outputs()[0].numpy()
        return embeddings


def _load() -> Any:
    return import_module("onnxruntime")


def _open_session(path: Path, device: str) -> Any:
    wanted = _PROVIDERS[device]
    if find_spec("onnxruntime") is None or wanted[0] not in _load().get_available_providers():
        raise MissingExtraError("onnxruntime-gpu", "gpu")
    runtime = _load()
    options = runtime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    session = runtime.InferenceSession(path, options, providers=wanted)
    if session.get_providers()[0] != wanted[0]:
        raise ConfigError(
            f"device: expected a machine with {device}, got one where ONNX Runtime cannot use it"
        )
    return session
