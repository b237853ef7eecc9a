"""Export a network as the two ONNX files that `murid.detection` runs: detector and embedder."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from murid.core.files import make_directory, replace_on_success
from murid.core.keypoints import KEYPOINTS
from murid.detection.network_metadata import Kind, NetworkMetadata
from murid.errors import ConfigError
from murid.networks.comparison.yolox_head import Yolox
from murid.networks.network import Embedder, Network, NetworkOutput
from murid.networks.presets import STRIDE, NetworkConfig

# ONNX operator set, which OpenVINO and ONNX Runtime both support.
_OPSET = 18
# Cells along each axis of the input and the maps per 32 input pixels, the unit of image sizes.
_CELLS_PER_UNIT = {
    "image": 32,
    "heatmap": 8,
    "offset": 8,
    "size": 8,
    "p3": 4,
    "p4": 2,
    "p5": 1,
    "keypoints": 8,
}


class _Detector(nn.Module):
    """Images to the heads, with the sigmoid of the heatmap, and the maps of the neck."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        heatmap, *others = self.network(image)
        present = [values for values in others if values is not None]
        return torch.sigmoid(heatmap), *present


def find_export_problem(config: NetworkConfig) -> str | None:
    """Return the reason why a network cannot be exported, or None if it can."""
    if config.detector == "yolox":
        return (
            f"{config.name}: plain YOLOX is a baseline for comparison; "
            "murid track runs networks with RTM heads"
        )
    if config.backbone in ("resnet34", "resnet50", "dla34"):
        return f"{config.name}: PyTorch cannot export its deformable convolutions to ONNX"
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

    The number and size of images and the number of boxes stay dynamic; sides of images are
    multiples of 32 pixels.

    Parameters
    ----------
    network : Network
        Not modified; a copy is exported in evaluation mode and float32.
    directory : str or Path
        Output directory, created if it does not exist.
    name : str
        First part of the file names.
    score_scale, score_bias : float
        Calibration ``score = sigmoid(scale * logit(peak) + bias)``, stored in the metadata.

    Returns
    -------
    tuple of Path
        Files of the detector and of the embedder.

    Raises
    ------
    ConfigError
        If the network cannot be exported.
    StorageError
        If the files cannot be written.
    """
    problem = find_export_problem(network.config)
    if problem is not None or isinstance(network, Yolox):
        raise ConfigError(f"export: {problem}")
    network = copy.deepcopy(network).cpu().float().to(memory_format=torch.contiguous_format).eval()
    metadata = _make_metadata(network, score_scale, score_bias)
    # Example inputs for tracing: two images and three boxes, so that no dimension is taken for a
    # constant 1.
    image = torch.zeros(2, network.config.n_channels, 96, 128)
    with torch.no_grad():
        output: NetworkOutput = network(image)
    boxes = torch.tensor(
        [[0, 8, 8, 60, 40], [0, 30, 20, 90, 80], [1, 8, 8, 60, 40]], dtype=torch.float32
    )
    embedder_inputs = {"p3": output.p3, "p4": output.p4, "p5": output.p5, "boxes": boxes}
    # Export both before writing either, so that a failure leaves no single file.
    make_directory(directory)
    outputs = [name for name, values in output._asdict().items() if values is not None]
    detector = _export(_Detector(network), "detector", {"image": image}, outputs)
    embedder = _export(Embedder(network), "embedder", embedder_inputs, ["embeddings"])
    detector_path = Path(directory) / f"{name}-detector.onnx"
    embedder_path = Path(directory) / f"{name}-embedder.onnx"
    _save(detector, detector_path, metadata.to_properties("detector"))
    _save(embedder, embedder_path, metadata.to_properties("embedder"))
    return detector_path, embedder_path


def compute_weights_id(network: nn.Module) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of all weights and buffers, sorted by name."""
    digest = hashlib.sha256()
    # Names are hashed as well, so that exchanged tensors change the identifier.
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _make_metadata(network: Network, score_scale: float, score_bias: float) -> NetworkMetadata:
    config = network.config
    return NetworkMetadata(
        preset=config.name,
        box_mode=config.box_mode,
        keypoints=KEYPOINTS if config.keypoints else (),
        max_side_px=config.max_side_px,
        n_channels=config.n_channels,
        stride=STRIDE,
        embedding_size=config.rim.embedding_size,
        score_scale=score_scale,
        score_bias=score_bias,
        weights_id=compute_weights_id(network),
    )


def _export(
    module: nn.Module, kind: Kind, inputs: Mapping[str, torch.Tensor], outputs: Sequence[str]
) -> Any:
    """Return an ONNX model with dynamic dimensions."""
    program = torch.onnx.export(
        module.eval(),
        tuple(inputs.values()),
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_shapes={name: _get_dynamic_dimensions(name) for name in inputs},
        opset_version=_OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    model.graph.name = kind
    # Remove file paths and shapes of this machine, so that equal weights give equal files.
    del model.graph.value_info[:], model.graph.metadata_props[:], model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.input, *model.graph.output):
        _name_dimensions(value)
    return model


def _get_dynamic_dimensions(name: str) -> dict[int, Any]:
    """Return the dynamic dimensions of an input by index, in the form of `torch.onnx.export`."""
    dim = torch.export.Dim
    if name == "image":
        return {0: dim.DYNAMIC, 2: 32 * dim("rows"), 3: 32 * dim("columns")}
    if name == "boxes":
        return {0: dim.DYNAMIC}
    return {0: dim.DYNAMIC, 2: dim.DYNAMIC, 3: dim.DYNAMIC}


def _name_dimensions(value: Any) -> None:
    """Give the dynamic dimensions of an input or output the same names in both files."""
    names: tuple[str | None, ...] = ("boxes", None)
    if value.name in _CELLS_PER_UNIT:
        names = ("batch", None, "rows", "columns")
    scale = _CELLS_PER_UNIT.get(value.name, 1)
    for dimension, name in zip(value.type.tensor_type.shape.dim, names, strict=True):
        if name in ("rows", "columns") and scale > 1:
            dimension.dim_param = f"{scale}*{name}"
        elif name is not None:
            dimension.dim_param = name


def _save(model: Any, path: Path, properties: Mapping[str, str]) -> None:
    for key, value in properties.items():
        model.metadata_props.add(key=key, value=value)
    with replace_on_success(path) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))
