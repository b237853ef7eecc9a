"""RoIAlign as two matrix products, since it is linear in the rows and in the columns of a map.

OpenVINO's own gathers sample by sample, which takes several times as long as all else in the
embedder; and matrix products keep where a box lies in full precision when the rest is done in
bfloat16.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from murid.core.types import Float32
from murid.detection.openvino_import import openvino

opset: Any = import_module(f"{openvino.__name__}.opset13")

_REPLACED = {"mode": "avg", "aligned_mode": "half_pixel_for_nn"}


@dataclass(frozen=True, slots=True)
class RoiAlignNode:
    """A RoIAlign that was replaced.

    Attributes
    ----------
    level : str
        Name of the map.
    n_rows, n_columns : int
        Cells that a box is pooled to.
    n_samples : int
        Places looked at in each cell, along either axis.
    scale : float
        Cells of the map per pixel.
    """

    level: str
    n_rows: int
    n_columns: int
    n_samples: int
    scale: float

    def compute_inputs(self, boxes: Float32, height: int, width: int) -> dict[str, Float32]:
        """Weights of the map's rows and columns for boxes ``(n, 4)`` xyxy pixels, by the names of the inputs."""
        placed = boxes * np.float32(self.scale) - np.float32(0.5)
        rows = _compute_weights(placed[:, 1], placed[:, 3], height, self.n_rows, self.n_samples)
        columns = _compute_weights(
            placed[:, 0], placed[:, 2], width, self.n_columns, self.n_samples
        )
        return {f"{self.level}.rows": rows, f"{self.level}.columns": columns}


def replace_roi_align(model: Any) -> list[RoiAlignNode]:
    """Replace each RoIAlign of an embedder for single pictures; the model then has weights as further inputs."""
    return [_replace(model, node) for node in model.get_ordered_ops() if _is_replaceable(node)]


def compute_inputs(
    poolings: Sequence[RoiAlignNode], boxes: Float32, maps: Mapping[str, Any]
) -> dict[str, Float32]:
    """All further inputs for boxes ``(n, 4)`` xyxy pixels, and maps ``(1, c, h, w)``."""
    inputs: dict[str, Float32] = {}
    for pooling in poolings:
        inputs |= pooling.compute_inputs(boxes, *maps[pooling.level].shape[2:])
    return inputs


def _compute_weights(
    low: Float32, high: Float32, n_cells: int, n_pooled: int, n_samples: int
) -> Float32:
    """Bilinear weights ``(n, n_pooled, n_cells)``, means over the samples; places beyond the border count as zero."""
    places = (np.arange(n_pooled * n_samples, dtype=np.float32) + np.float32(0.5)) / np.float32(
        n_pooled * n_samples
    )
    at = low[:, None] + (high - low)[:, None] * places
    clamped = np.clip(at, 0, n_cells - 1)[..., None]
    weights = np.maximum(1 - np.abs(clamped - np.arange(n_cells, dtype=np.float32)), 0)
    weights *= ((at >= -1) & (at <= n_cells))[..., None]
    means: Float32 = weights.reshape(len(low), n_pooled, n_samples, n_cells).mean(axis=2)
    return means


def _is_replaceable(node: Any) -> bool:
    if (
        node.get_type_name() != "ROIAlign"
        or node.input_value(0).get_node().get_type_name() != "Parameter"
    ):
        return False
    attributes = node.get_attributes()
    prior = all(attributes[name] == value for name, value in _REPLACED.items())
    return (
        prior
        and attributes["sampling_ratio"] > 0
        and node.input_value(0).get_partial_shape()[1].is_static
    )


def _replace(model: Any, node: Any) -> RoiAlignNode:
    attributes, level = node.get_attributes(), node.input_value(0)
    n_rows, n_columns = attributes["pooled_h"], attributes["pooled_w"]
    pooling = RoiAlignNode(
        level.get_any_name(),
        n_rows,
        n_columns,
        attributes["sampling_ratio"],
        attributes["spatial_scale"],
    )
    rows, columns = (
        opset.parameter([-1, n_cells, -1], np.float32) for n_cells in (n_rows, n_columns)
    )
    rows.output(0).set_names({f"{pooling.level}.rows"})
    columns.output(0).set_names({f"{pooling.level}.columns"})
    node.output(0).replace(_multiply(level, rows, columns, n_rows, n_columns).output(0))
    model.add_parameters([rows, columns])
    model.validate_nodes_and_infer_types()
    return pooling


def _multiply(level: Any, rows: Any, columns: Any, n_rows: int, n_columns: int) -> Any:
    """Cells ``(n, c, n_rows, n_columns)`` from a map ``(1, c, h, w)`` and the weights of all boxes.

    The columns of all boxes are one product over the width; rows are then a product for each box
    over the height.
    """
    n_channels = level.get_partial_shape()[1].get_length()
    height, width = (_get_length(opset.shape_of(port), 2) for port in (level, columns))
    side_by_side = opset.reshape(columns, _shape(-1, width), False)  # (n n_columns, w)
    across = opset.matmul(level, side_by_side, False, True)  # (1, c, h, n n_columns)
    apart = opset.reshape(across, _shape(n_channels, height, -1, n_columns), False)
    by_box = opset.transpose(apart, _vector(2, 1, 0, 3))  # (n, h, c, n_columns)
    down = opset.matmul(
        rows, opset.reshape(by_box, _shape(-1, height, n_channels * n_columns), False), False, False
    )
    cells = opset.reshape(down, _vector(0, n_rows, n_channels, n_columns), True)
    return opset.transpose(cells, _vector(0, 2, 1, 3))


def _get_length(shape: Any, axis: int) -> Any:
    """Vector of one element: a length in a shape."""
    return opset.gather(shape, _vector(axis), opset.constant(np.int64(0)))


def _shape(*lengths: Any) -> Any:
    return opset.concat(
        [_vector(length) if isinstance(length, int) else length for length in lengths], 0
    )


def _vector(*numbers: int) -> Any:
    return opset.constant(np.array(numbers, np.int64))
