"""Axis-aligned boxes as arrays: conversions, overlap, distance.

Boxes are ``xyxy`` (left, top, right, bottom) in pixels unless a name says otherwise. The right and
bottom edges are exclusive, so width is ``x2 - x1``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.floating]


def to_xywh(boxes: Boxes) -> Boxes:
    """Left, top, width, height from xyxy boxes ``(n, 4)``."""
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def from_xywh(boxes: Boxes) -> Boxes:
    """Return xyxy boxes ``(n, 4)`` from left, top, width, height."""
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def to_cxcyah(boxes: Boxes) -> Boxes:
    """Centre x, centre y, aspect ratio w/h and height from xyxy boxes ``(n, 4)``.

    The boxes need a positive height.
    """
    size = boxes[:, 2:] - boxes[:, :2]
    centre = boxes[:, :2] + size / 2
    return np.column_stack([centre, size[:, 0] / size[:, 1], size[:, 1]])


def from_cxcyah(boxes: Boxes) -> Boxes:
    """Return xyxy boxes ``(n, 4)`` from centre x, centre y, aspect ratio w/h and height."""
    half = np.column_stack([boxes[:, 2] * boxes[:, 3], boxes[:, 3]]) / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def compute_centres(boxes: Boxes) -> Boxes:
    """Centres ``(n, 2)`` in pixels of xyxy boxes ``(n, 4)``."""
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def compute_areas(boxes: Boxes) -> Boxes:
    """Areas ``(n,)`` in square pixels of xyxy boxes ``(n, 4)``; zero where a box is inverted."""
    size = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return size[:, 0] * size[:, 1]


def compute_intersections(a: Boxes, b: Boxes) -> Boxes:
    """Intersection areas ``(n, m)`` in square pixels between boxes ``(n, 4)`` and ``(m, 4)``."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    size: Boxes = np.maximum(high - low, 0)
    return size[..., 0] * size[..., 1]


def compute_iou(a: Boxes, b: Boxes) -> Boxes:
    """Intersection over union ``(n, m)`` in [0, 1] between boxes ``(n, 4)`` and ``(m, 4)``.

    Zero between empty boxes.
    """
    intersections = compute_intersections(a, b)
    union = compute_areas(a)[:, None] + compute_areas(b)[None, :] - intersections
    out = np.zeros(union.shape, np.result_type(union, np.float32))
    iou: Boxes = np.divide(intersections, union, out=out, where=union > 0)
    return iou


def clip(boxes: Boxes, width: float, height: float) -> Boxes:
    """Copy of xyxy boxes ``(n, 4)`` cut to an image of the given size in pixels."""
    return np.clip(boxes, 0, np.array([width, height, width, height], dtype=boxes.dtype))
