"""Read the network files that murid exports, and refuse all others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from murid.core.files import describe_content
from murid.detection.decode import SIZE_CHANNELS, VALUES_PER_KEYPOINT
from murid.detection.network_metadata import Kind, NetworkMetadata
from murid.detection.openvino_import import openvino
from murid.errors import ModelError

# Feature maps that the detection network passes to the embedder.
FEATURES = ("p3", "p4", "p5")

_INPUTS: dict[Kind, set[str]] = {
    "detector": {"image"},
    "embedder": {*FEATURES, "boxes"},
}
_OUTPUTS: dict[Kind, set[str]] = {
    "detector": {"heatmap", "offset", "size", *FEATURES},
    "embedder": {"embeddings"},
}


def read_network(path: str | Path, kind: Kind) -> tuple[Any, NetworkMetadata]:
    """Read a network file and return it as an OpenVINO model, with its metadata.

    Raises
    ------
    ModelError
        If the file is missing, damaged, not exported by murid, newer than this murid, or not of the
        given kind.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        got = error.strerror or str(error)
        raise ModelError(path, "file", f"the {kind} network", got) from error
    # OpenVINO tries every format it knows on a foreign file and prints a message for each. Network
    # files of murid contain this word as plain bytes.
    if b"murid.format" not in content:
        expected = "a network exported by murid"
        got = describe_content(path)
        if got == "a file of another kind":
            got = "a file without this entry"
        raise ModelError(path, "murid.format", expected, got)
    try:
        model = openvino.Core().read_model(path)
    except RuntimeError as error:
        got = "a file that OpenVINO cannot read"
        raise ModelError(path, "file", "a complete ONNX network", got) from error
    properties = model.get_rt_info(["framework"]).value if model.has_rt_info(["framework"]) else {}
    metadata = NetworkMetadata.from_properties(properties, path, kind)
    _check_ports(path, "inputs", model.inputs, _INPUTS[kind])
    _check_ports(path, "outputs", model.outputs, _OUTPUTS[kind])
    if kind == "detector":
        _check_channels(path, model, "size", SIZE_CHANNELS[metadata.box_mode])
        if metadata.keypoints:
            _check_ports(path, "outputs", model.outputs, {"keypoints"})
            n_channels = VALUES_PER_KEYPOINT * len(metadata.keypoints)
            _check_channels(path, model, "keypoints", n_channels)
    return model, metadata


def check_pair(path: str | Path, detector: NetworkMetadata, embedder: NetworkMetadata) -> None:
    """Raise ModelError for the embedder's file unless it was trained together with the detector."""
    if embedder.weights_id != detector.weights_id:
        expected = f"{detector.weights_id}, as in the detector it is used with"
        raise ModelError(path, "murid.weights_id", expected, embedder.weights_id)


def _check_ports(path: Path, field: str, ports: Iterable[Any], expected: set[str]) -> None:
    """Raise ModelError unless inputs or outputs of a model include the expected names."""
    names = {name for port in ports for name in port.get_names()}
    if not expected <= names:
        raise ModelError(path, field, ", ".join(sorted(expected)), ", ".join(sorted(names)))


def _check_channels(path: Path, detector: Any, output: str, n_expected: int) -> None:
    """Raise ModelError if an output has other channels than the metadata say."""
    channels = detector.output(output).get_partial_shape()[1]
    if channels.is_static and channels.get_length() != n_expected:
        raise ModelError(path, output, f"{n_expected} channels", f"{channels.get_length()}")
