"""Writes a network as the pair of ONNX files that the detect room runs: detector and embedder."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from murid.core.files import make_directory, replace_on_success
from murid.detection.network_metadata import Kind, NetworkMetadata
from murid.errors import ConfigError
from murid.networks.comparison.yolox_head import Yolox
from murid.networks.network import Network
from murid.networks.presets import STRIDE, NetworkConfig

_OPSET = 18
_SCALES = {"image": 32, "heatmap": 8, "offset": 8, "size": 8, "p3": 4, "p4": 2, "p5": 1}
"""Sides of each map in units of 32 input pixels."""
_MAPS = tuple(_SCALES)[1:]


class _Detector(nn.Module):
    """Images to the heads, the heatmap after the sigmoid, and the neck's maps."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        heatmap, *others = self.network(image)
        return torch.sigmoid(heatmap), *others


class _Embedder(nn.Module):
    """The neck's maps and boxes to embeddings."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.rim = network.rim

    def forward(
        self, p3: torch.Tensor, p4: torch.Tensor, p5: torch.Tensor, boxes: torch.Tensor
    ) -> torch.Tensor:
        embeddings: torch.Tensor = self.rim((p3, p4, p5), boxes)
        return embeddings


def find_obstacle(config: NetworkConfig) -> str | None:
    """Say why a network cannot be exported; None if it can."""
    if config.detector == "yolox":
        return f"{config.name}: plain YOLOX is a baseline for comparison; murid track runs networks with RTM's heads"
    if config.backbone in ("resnet34", "resnet50", "dla34"):
        return f"{config.name}: PyTorch has no ONNX form of its deformable convolutions"
    return None


def export_onnx(
    network: Network | Yolox,
    directory: str | Path,
    name: str,
    *,
    score_scale: float = 1.0,
    score_bias: float = 0.0,
) -> tuple[Path, Path]:
    """Write ``<name>-detector.onnx`` and ``<name>-embedder.onnx``.

    Number and size of the images and number of boxes stay free; sides are multiples of 32 pixels.

    Parameters
    ----------
    network : Network
        Stays as it is; its copy is exported in evaluation mode, in float32.
    directory : str or Path
        Where to write; made if it is not there.
    name : str
        First part of the file names.
    score_scale, score_bias : float
        Calibration ``score = sigmoid(scale * logit(peak) + bias)``, kept beside the weights.

    Returns
    -------
    tuple of Path
        The detector's file and the embedder's.

    Raises
    ------
    ConfigError
        If the network cannot be exported.
    StorageError
        If the files cannot be written.
    """
    obstacle = find_obstacle(network.config)
    if obstacle is not None or isinstance(network, Yolox):
        raise ConfigError(f"export: {obstacle}")
    network = copy.deepcopy(network).cpu().float().to(memory_format=torch.contiguous_format).eval()
    metadata = _describe(network, score_scale, score_bias)
    image = torch.zeros(2, network.config.n_channels, 96, 128)
    with torch.no_grad():
        output = network(image)
    boxes = torch.tensor(
        [[0, 8, 8, 60, 40], [0, 30, 20, 90, 80], [1, 8, 8, 60, 40]], dtype=torch.float32
    )
    make_directory(directory)
    detector = _export(_Detector(network), "detector", {"image": image}, _MAPS)
    embedder = _export(
        _Embedder(network), "embedder", {**_pick_pyramid(output), "boxes": boxes}, ("embeddings",)
    )
    return (
        _save(
            detector, Path(directory) / f"{name}-detector.onnx", metadata.to_properties("detector")
        ),
        _save(
            embedder, Path(directory) / f"{name}-embedder.onnx", metadata.to_properties("embedder")
        ),
    )


def compute_weights_id(network: nn.Module) -> str:
    """First 16 hexadecimal digits of the SHA-256 of all weights and buffers, by name."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _describe(network: Network, score_scale: float, score_bias: float) -> NetworkMetadata:
    config = network.config
    return NetworkMetadata(
        preset=config.name,
        box_mode=config.box_mode,
        longest_side=config.longest_side,
        n_channels=config.n_channels,
        stride=STRIDE,
        embedding_size=config.rim.embedding_size,
        score_scale=score_scale,
        score_bias=score_bias,
        weights_id=compute_weights_id(network),
    )


def _pick_pyramid(output: Any) -> dict[str, torch.Tensor]:
    return {name: getattr(output, name) for name in ("p3", "p4", "p5")}


def _export(
    module: nn.Module, kind: Kind, inputs: Mapping[str, torch.Tensor], outputs: tuple[str, ...]
) -> Any:
    """ONNX model with free dimensions, stripped of traces of the machine it was made on."""
    program = torch.onnx.export(
        module.eval(),
        tuple(inputs.values()),
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_shapes={name: _free_dimensions(name) for name in inputs},
        opset_version=_OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    model.graph.name = kind
    del model.graph.value_info[:], model.graph.metadata_props[:], model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for port in (*model.graph.input, *model.graph.output):
        _name_dimensions(port)
    return model


def _free_dimensions(name: str) -> dict[int, Any]:
    dynamic, dim = torch.export.Dim.DYNAMIC, torch.export.Dim
    if name == "image":
        return {0: dynamic, 2: 32 * dim("rows"), 3: 32 * dim("columns")}
    return {0: dynamic} if name == "boxes" else {0: dynamic, 2: dynamic, 3: dynamic}


def _name_dimensions(port: Any) -> None:
    """Give the free dimensions of an input or output the same names in both files."""
    names = ("batch", None, "rows", "columns") if port.name in _SCALES else ("boxes", None)
    scale = _SCALES.get(port.name, 1)
    for dimension, name in zip(port.type.tensor_type.shape.dim, names, strict=True):
        if name in ("rows", "columns") and scale > 1:
            dimension.dim_param = f"{scale}*{name}"
        elif name is not None:
            dimension.dim_param = name


def _save(model: Any, path: Path, properties: Mapping[str, str]) -> Path:
    for key, value in properties.items():
        model.metadata_props.add(key=key, value=value)
    with replace_on_success(path) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))
    return path
