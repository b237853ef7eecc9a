"""From the heads of the network to boxes and scores: peaks of the heatmap, NumPy only in and out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core import boxes as box
from murid.core.types import Float32
from murid.detection.config import DetectionConfig
from murid.errors import ArrayError

BoxMode = Literal["wh", "ltrb"]

SIZE_CHANNELS: dict[BoxMode, int] = {"wh": 2, "ltrb": 4}
"""Channels of the size map for each box mode."""


@dataclass(frozen=True, eq=False, slots=True)
class HeadMaps:
    """What the detection heads say about one picture, ``(h, w)`` cells.

    Attributes
    ----------
    heatmap : ndarray
        ``(h, w)`` float32 in [0, 1], after the sigmoid.
    offset : ndarray
        ``(2, h, w)`` float32 cells: x and y from the cell's corner to the centre.
    size : ndarray
        ``(2, h, w)`` width and height, or ``(4, h, w)`` distances to left, top, right and bottom;
        float32 cells.
    """

    heatmap: Float32
    offset: Float32
    size: Float32


def decode(
    heads: HeadMaps,
    *,
    box_mode: BoxMode,
    stride: int = 4,
    max_detections: int = 100,
    score_threshold: float = 0.1,
    score_scale: float = 1.0,
    score_bias: float = 0.0,
) -> tuple[Float32, Float32]:
    """Boxes and scores at the local maxima of the heatmap (paper, section III-A; CenterNet's and FairMOT's decoding).

    Parameters
    ----------
    heads : HeadMaps
        The maps of one picture.
    box_mode : {"wh", "ltrb"}
        What the size map holds.
    stride : int
        Input pixels per cell.
    max_detections : int
        Highest number of boxes.
    score_threshold : float
        Lowest score kept; a score equal to it is kept.
    score_scale, score_bias : float
        Calibration ``score = sigmoid(scale * logit(peak) + bias)`` (Platt), with a positive scale.

    Returns
    -------
    boxes : ndarray
        ``(n, 4)`` float32 xyxy in input pixels, of positive width and height, by falling score.
    scores : ndarray
        ``(n,)`` float32 calibrated scores in [0, 1].

    Raises
    ------
    ArrayError
        If the size map does not have the channels of the box mode.
    """
    if len(heads.size) != SIZE_CHANNELS[box_mode]:
        raise ArrayError(
            "HeadMaps.size",
            f"{SIZE_CHANNELS[box_mode]} channels for {box_mode}",
            f"{len(heads.size)}",
        )
    rows, columns = find_peaks(heads.heatmap, max_detections)
    scores = calibrate(heads.heatmap[rows, columns], score_scale, score_bias)
    boxes = _build_boxes(heads, rows, columns, box_mode) * np.float32(stride)
    kept = (scores >= np.float32(score_threshold)) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return boxes[kept], scores[kept]


def find_peaks(
    heatmap: Float32, max_detections: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the `max_detections` highest cells that no 3×3 neighbour exceeds, by falling value, then position."""
    highest_around = cv2.dilate(heatmap, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero((heatmap == highest_around) & (heatmap > 0))
    order = np.argsort(-heatmap[rows, columns], kind="stable")[:max_detections]
    return rows[order], columns[order]


def calibrate(scores: Float32, scale: float, bias: float) -> Float32:
    """Scores ``sigmoid(scale * logit(score) + bias)``; returned as they are for scale 1 and bias 0."""
    if scale == 1 and bias == 0:
        return scores
    clamped = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    logits = scale * np.log(clamped / (1 - clamped)) + bias
    return (0.5 + 0.5 * np.tanh(logits / 2)).astype(np.float32)


def suppress_duplicates(
    boxes: Float32, scores: Float32, iou: float | None = None, containment: float | None = None
) -> NDArray[np.int64]:
    """Rows that remain, by falling score, when boxes that repeat a higher-scored one are dropped.

    The paper does without this: its heatmap peaks are taken as they are. Two animals across each
    other overlap too, so the limits must be lenient.

    Parameters
    ----------
    boxes : ndarray
        ``(n, 4)`` xyxy pixels.
    scores : ndarray
        ``(n,)``.
    iou : float, optional
        A box is dropped if its intersection over union with a kept one is above this; None = never.
    containment : float, optional
        A box is dropped if more than this share of it lies in a kept, larger one; None = never.

    Returns
    -------
    ndarray
        ``(k,)`` int64 row numbers.
    """
    order = np.argsort(-scores, kind="stable")
    areas = box.compute_areas(boxes)
    shared = box.compute_intersections(boxes, boxes)
    union = areas[:, None] + areas[None, :] - shared
    repeats = np.zeros(
        shared.shape, bool
    )  # rows = higher-scored box, columns = box that may repeat it
    if iou is not None:
        repeats |= shared > iou * union
    if containment is not None:
        repeats |= (shared > containment * areas[None, :]) & (areas[:, None] > areas[None, :])
    dropped = np.zeros(len(boxes), bool)
    for position, row in enumerate(order):
        if not dropped[row]:
            later = order[position + 1 :]
            dropped[later] |= repeats[row, later]
    return order[~dropped[order]].astype(np.int64)


def select_boxes(
    boxes: Float32, scores: Float32, width: int, height: int, config: DetectionConfig
) -> tuple[Float32, Float32]:
    """Boxes ``(n, 4)`` and scores that remain after clipping, dropping what lies outside, and dropping duplicates."""
    if config.clip_boxes:
        boxes = box.clip(boxes, width, height).astype(np.float32)
    inside = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    boxes, scores = boxes[inside], scores[inside]
    kept = suppress_duplicates(boxes, scores, config.duplicate_iou, config.duplicate_containment)
    return boxes[kept], scores[kept]


def _build_boxes(
    heads: HeadMaps, rows: NDArray[np.int64], columns: NDArray[np.int64], box_mode: BoxMode
) -> Float32:
    centres = (
        np.stack([columns, rows], axis=1).astype(np.float32) + heads.offset[:, rows, columns].T
    )
    sizes = heads.size[:, rows, columns].T
    to_low, to_high = (sizes / 2, sizes / 2) if box_mode == "wh" else (sizes[:, :2], sizes[:, 2:])
    return np.concatenate([centres - to_low, centres + to_high], axis=1, dtype=np.float32)
