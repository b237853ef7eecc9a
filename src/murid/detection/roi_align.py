"""RoIAlign as two matrix products, since it is linear in the rows and in the columns of a map.

RoIAlign (He et al., Mask R-CNN, 2017) pools a feature map to a grid of cells in each box.
OpenVINO's own node gathers sample by sample, which takes several times as long as the rest of the
embedder. Matrix products also keep the positions of boxes in full precision when the rest is
computed in bfloat16.
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

# Only nodes with these attributes are replaced; the matrix products compute nothing else.
_REQUIRED_ATTRIBUTES = {"mode": "avg", "aligned_mode": "half_pixel_for_nn"}


@dataclass(frozen=True, slots=True)
class RoiAlignNode:
    """A RoIAlign node that was replaced.

    Attributes
    ----------
    level : str
        Name of the feature map.
    n_rows, n_columns : int
        Cells that a box is pooled to.
    n_samples : int
        Sampling points in each cell, along either axis.
    scale : float
        Cells of the map per pixel.
    """

    level: str
    n_rows: int
    n_columns: int
    n_samples: int
    scale: float

    def compute_inputs(self, boxes: Float32, height: int, width: int) -> dict[str, Float32]:
        """Return the weights of the map's rows and columns for boxes, by the names of the inputs.

        Parameters
        ----------
        boxes : ndarray
            ``(n, 4)`` xyxy pixels.
        height, width : int
            Size of the map in cells.
        """
        scaled = boxes * np.float32(self.scale) - np.float32(0.5)
        left, top, right, bottom = scaled.T
        rows = _compute_weights(top, bottom, height, self.n_rows, self.n_samples)
        columns = _compute_weights(left, right, width, self.n_columns, self.n_samples)
        return {f"{self.level}.rows": rows, f"{self.level}.columns": columns}


def replace_roi_align(model: Any) -> list[RoiAlignNode]:
    """Replace each RoIAlign node of an embedder, in place, and return what was replaced.

    The embedder then takes one image at a time, and has the weights of `compute_inputs` as further
    inputs.
    """
    nodes = [node for node in model.get_ordered_ops() if _is_replaceable(node)]
    return [_replace(model, node) for node in nodes]


def compute_inputs(
    roi_aligns: Sequence[RoiAlignNode], boxes: Float32, maps: Mapping[str, Any]
) -> dict[str, Float32]:
    """Return all further inputs for boxes ``(n, 4)`` xyxy pixels and maps ``(1, c, h, w)``."""
    inputs: dict[str, Float32] = {}
    for roi_align in roi_aligns:
        height, width = maps[roi_align.level].shape[2:]
        inputs |= roi_align.compute_inputs(boxes, height, width)
    return inputs


def _compute_weights(
    start: Float32, end: Float32, n_cells: int, n_pooled: int, n_samples: int
) -> Float32:
    """Return bilinear weights ``(n, n_pooled, n_cells)`` along one axis, averaged over the samples.

    Samples beyond the border of the map count as zero, as in OpenVINO and ONNX.
    """
    n_positions = n_pooled * n_samples
    fractions = (np.arange(n_positions, dtype=np.float32) + np.float32(0.5)) / np.float32(
        n_positions
    )
    positions = start[:, None] + (end - start)[:, None] * fractions
    clipped = np.clip(positions, 0, n_cells - 1)[..., None]
    weights = np.maximum(1 - np.abs(clipped - np.arange(n_cells, dtype=np.float32)), 0)
    weights *= ((positions >= -1) & (positions <= n_cells))[..., None]
    means: Float32 = weights.reshape(len(start), n_pooled, n_samples, n_cells).mean(axis=2)
    return means


def _is_replaceable(node: Any) -> bool:
    """Whether a node is a RoIAlign of an input map that the matrix products can stand for."""
    if node.get_type_name() != "ROIAlign":
        return False
    if node.input_value(0).get_node().get_type_name() != "Parameter":
        return False
    attributes = node.get_attributes()
    if any(attributes[name] != value for name, value in _REQUIRED_ATTRIBUTES.items()):
        return False
    has_fixed_channels: bool = node.input_value(0).get_partial_shape()[1].is_static
    return attributes["sampling_ratio"] > 0 and has_fixed_channels


def _replace(model: Any, node: Any) -> RoiAlignNode:
    """Replace a RoIAlign node by matrix products with two new inputs."""
    attributes = node.get_attributes()
    level = node.input_value(0)
    roi_align = RoiAlignNode(
        level=level.get_any_name(),
        n_rows=attributes["pooled_h"],
        n_columns=attributes["pooled_w"],
        n_samples=attributes["sampling_ratio"],
        scale=attributes["spatial_scale"],
    )
    rows = opset.parameter([-1, roi_align.n_rows, -1], np.float32)
    columns = opset.parameter([-1, roi_align.n_columns, -1], np.float32)
    rows.output(0).set_names({f"{roi_align.level}.rows"})
    columns.output(0).set_names({f"{roi_align.level}.columns"})
    pooled = _multiply(level, rows, columns, roi_align.n_rows, roi_align.n_columns)
    node.output(0).replace(pooled.output(0))
    model.add_parameters([rows, columns])
    model.validate_nodes_and_infer_types()
    return roi_align


def _multiply(level: Any, rows: Any, columns: Any, n_rows: int, n_columns: int) -> Any:
    """Return the pooled cells ``(n, c, n_rows, n_columns)`` of a map ``(1, c, h, w)``.

    The columns of all boxes are one matrix product over the width. The rows are then one product
    over the height for each box.
    """
    n_channels = level.get_partial_shape()[1].get_length()
    height = _get_length(opset.shape_of(level), 2)
    width = _get_length(opset.shape_of(columns), 2)
    # Columns of all boxes: (n n_columns, w), then (1, c, h, n n_columns).
    all_columns = opset.reshape(columns, _shape(-1, width), False)
    over_width = opset.matmul(level, all_columns, False, True)
    # Sorted by box: (c, h, n, n_columns), then (n, h, c, n_columns).
    separated = opset.reshape(over_width, _shape(n_channels, height, -1, n_columns), False)
    by_box = opset.transpose(separated, _vector(2, 1, 0, 3))
    flat = opset.reshape(by_box, _shape(-1, height, n_channels * n_columns), False)
    # Rows: (n, n_rows, c n_columns), then (n, c, n_rows, n_columns).
    over_height = opset.matmul(rows, flat, False, False)
    cells = opset.reshape(over_height, _vector(0, n_rows, n_channels, n_columns), True)
    return opset.transpose(cells, _vector(0, 2, 1, 3))


def _get_length(shape: Any, axis: int) -> Any:
    """Return one length of a shape, as a vector of one element."""
    return opset.gather(shape, _vector(axis), opset.constant(np.int64(0)))


def _shape(*lengths: Any) -> Any:
    """Return a shape from numbers and vectors of one element."""
    vectors = [_vector(length) if isinstance(length, int) else length for length in lengths]
    return opset.concat(vectors, 0)


def _vector(*numbers: int) -> Any:
    return opset.constant(np.array(numbers, np.int64))
