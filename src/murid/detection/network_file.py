"""Reads the network files that murid exports, and refuses all others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from murid.detection.decode import SIZE_CHANNELS
from murid.detection.network_metadata import Kind, NetworkMetadata
from murid.detection.openvino_import import openvino
from murid.errors import ModelError

FEATURES = ("p3", "p4", "p5")
"""Feature maps that the detector hands to the embedder."""

_PORTS: dict[Kind, tuple[set[str], set[str]]] = {
    "detector": ({"image"}, {"heatmap", "offset", "size", *FEATURES}),
    "embedder": ({*FEATURES, "boxes"}, {"embeddings"}),
}


def read_network(path: str | Path, kind: Kind) -> tuple[Any, NetworkMetadata]:
    """Read a network file as an OpenVINO model, with what it says about itself.

    Raises
    ------
    ModelError
        If the file is missing, damaged, not ours, newer than this murid, or not of the given kind.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            path, "file", f"the {kind} network", error.strerror or str(error)
        ) from error
    # OpenVINO tries every format it knows on a foreign file, loudly; ours carry this word in plain
    # bytes.
    if b"murid.format" not in content:
        raise ModelError(
            path, "murid.format", "a network exported by murid", "a file without this entry"
        )
    try:
        model = openvino.Core().read_model(path)
    except RuntimeError as error:
        raise ModelError(
            path, "file", "a whole ONNX network", "a file that OpenVINO cannot read"
        ) from error
    properties = model.get_rt_info(["framework"]).value if model.has_rt_info(["framework"]) else {}
    metadata = NetworkMetadata.from_properties(properties, path, kind)
    _check_ports(path, model, kind)
    if kind == "detector":
        _check_size_channels(path, model, metadata)
    return model, metadata


def check_pair(path: str | Path, detector: NetworkMetadata, embedder: NetworkMetadata) -> None:
    """Raise ModelError for the embedder's file unless it was trained together with the detector."""
    if embedder.weights_id != detector.weights_id:
        expected = f"{detector.weights_id}, as in the detector it is used with"
        raise ModelError(path, "murid.weights_id", expected, embedder.weights_id)


def _check_ports(path: Path, model: Any, kind: Kind) -> None:
    for field, ports, expected in zip(
        ("inputs", "outputs"), (model.inputs, model.outputs), _PORTS[kind], strict=True
    ):
        names = {name for port in ports for name in port.get_names()}
        if not expected <= names:
            raise ModelError(path, field, ", ".join(sorted(expected)), ", ".join(sorted(names)))


def _check_size_channels(path: Path, detector: Any, metadata: NetworkMetadata) -> None:
    expected = SIZE_CHANNELS[metadata.box_mode]
    channels = detector.output("size").get_partial_shape()[1]
    if channels.is_static and channels.get_length() != expected:
        wanted = f"{expected} channels for box mode {metadata.box_mode}"
        raise ModelError(path, "size", wanted, f"{channels.get_length()}")
