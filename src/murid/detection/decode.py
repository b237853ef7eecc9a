"""Decode the outputs of the detection network: heatmap peaks to boxes, scores and keypoints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from murid.core import boxes as box
from murid.core.types import Detections, Float32
from murid.detection.config import DetectionConfig
from murid.errors import ArrayError

BoxMode = Literal["wh", "ltrb"]

# Channels of the size map for each box mode.
SIZE_CHANNELS: dict[BoxMode, int] = {"wh": 2, "ltrb": 4}

# Channels of the keypoint map for each keypoint: x, y, and the logarithm of the expected error.
VALUES_PER_KEYPOINT = 3

# The confidence of a keypoint is the probability that its error is below this share of the diagonal
# of the box: about a tenth of the body length.
_KEYPOINT_REACH = 0.1

# Scores are clipped so far from 0 and 1 before their logit is taken, which is infinite there.
_LOGIT_MARGIN = 1e-7


@dataclass(frozen=True, eq=False, slots=True)
class HeadMaps:
    """Outputs of the detection heads for one image, in cells of ``(h, w)`` maps.

    Attributes
    ----------
    heatmap : ndarray
        ``(h, w)`` float32 in [0, 1], after the sigmoid.
    offset : ndarray
        ``(2, h, w)`` float32 cells: x and y from the corner of the cell to the centre of the box.
    size : ndarray
        ``(2, h, w)`` width and height, or ``(4, h, w)`` distances to left, top, right and bottom;
        float32 cells.
    keypoints : ndarray or None
        ``(9, h, w)`` float32: for each keypoint its displacement from the corner of the cell, x and
        y, in diagonals of the box, and the logarithm of the expected error in diagonals. None
        without keypoints.
    """

    heatmap: Float32
    offset: Float32
    size: Float32
    keypoints: Float32 | None = None


def decode(
    heads: HeadMaps,
    *,
    box_mode: BoxMode,
    stride: int = 4,
    max_detections: int = 100,
    score_threshold: float = 0.1,
    score_scale: float = 1.0,
    score_bias: float = 0.0,
) -> Detections:
    """Return the animals at the local maxima of the heatmap.

    See section III-A of the paper; CenterNet and FairMOT decode in the same way.

    Parameters
    ----------
    heads : HeadMaps
        Outputs for one image.
    box_mode : {"wh", "ltrb"}
        What the size map contains.
    stride : int
        Input pixels per cell.
    max_detections : int
        Maximum number of boxes.
    score_threshold : float
        Minimum score; a score equal to it is kept.
    score_scale, score_bias : float
        Calibration ``score = sigmoid(scale * logit(peak) + bias)`` (Platt), with a positive scale.

    Returns
    -------
    Detections
        Without embeddings, in order of decreasing score: boxes in input pixels, of positive width
        and height, calibrated scores, and keypoints in input pixels if there is a map of them.

    Raises
    ------
    ArrayError
        If the size map does not have the channels of the box mode.
    """
    n_channels = SIZE_CHANNELS[box_mode]
    if len(heads.size) != n_channels:
        expected = f"{n_channels} channels for {box_mode}"
        raise ArrayError("HeadMaps.size", expected, f"{len(heads.size)}")
    rows, columns = find_peaks(heads.heatmap, max_detections)
    scores = calibrate_scores(heads.heatmap[rows, columns], score_scale, score_bias)
    boxes = _build_boxes(heads, rows, columns, box_mode) * np.float32(stride)
    keypoints = None
    if heads.keypoints is not None:
        keypoints = _build_keypoints(heads.keypoints, rows, columns, boxes, stride)
    has_area = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    kept = (scores >= np.float32(score_threshold)) & has_area
    return Detections(boxes, scores, None, keypoints)[kept]


def find_peaks(heatmap: Float32, max_peaks: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows and columns of the highest local maxima of a heatmap ``(h, w)``.

    A local maximum is a cell above 0 that none of its 3x3 neighbours exceeds. They come in order of
    decreasing value, then by position.
    """
    neighbourhood_maximum = cv2.dilate(heatmap, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero((heatmap == neighbourhood_maximum) & (heatmap > 0))
    order = np.argsort(-heatmap[rows, columns], kind="stable")[:max_peaks]
    return rows[order], columns[order]


def calibrate_scores(scores: Float32, scale: float, bias: float) -> Float32:
    """Return ``sigmoid(scale * logit(score) + bias)``; unchanged scores for scale 1 and bias 0."""
    if scale == 1 and bias == 0:
        return scores
    clipped = np.clip(scores.astype(np.float64), _LOGIT_MARGIN, 1 - _LOGIT_MARGIN)
    logits = scale * np.log(clipped / (1 - clipped)) + bias
    # The sigmoid as a hyperbolic tangent, which does not overflow.
    return (0.5 + 0.5 * np.tanh(logits / 2)).astype(np.float32)


def suppress_duplicates(
    boxes: Float32,
    scores: Float32,
    max_iou: float | None = None,
    max_containment: float | None = None,
) -> NDArray[np.int64]:
    """Return the rows of the boxes that remain after non-maximum suppression (NMS).

    The paper takes the peaks of the heatmap without suppression. Boxes of two animals that lie
    across each other overlap too, so the limits must be lenient.

    Parameters
    ----------
    boxes : ndarray
        ``(n, 4)`` xyxy pixels.
    scores : ndarray
        ``(n,)``.
    max_iou : float, optional
        A box is dropped if its intersection over union with a kept one is above this. None: never.
    max_containment : float, optional
        A box is dropped if more than this fraction of it lies in a kept, larger one. None: never.

    Returns
    -------
    ndarray
        ``(k,)`` int64 row numbers, in order of decreasing score.
    """
    order = np.argsort(-scores, kind="stable")
    areas = box.compute_areas(boxes)
    intersections = box.compute_intersections(boxes, boxes)
    unions = areas[:, None] + areas[None, :] - intersections

    # Rows are the higher-scored boxes, columns the boxes that may be their duplicates.
    is_duplicate = np.zeros(intersections.shape, bool)
    if max_iou is not None:
        is_duplicate |= intersections > max_iou * unions
    if max_containment is not None:
        is_contained = intersections > max_containment * areas[None, :]
        is_duplicate |= is_contained & (areas[:, None] > areas[None, :])

    is_dropped = np.zeros(len(boxes), bool)
    for position, row in enumerate(order):
        # A dropped box drops no others.
        if not is_dropped[row]:
            later = order[position + 1 :]
            is_dropped[later] |= is_duplicate[row, later]
    return order[~is_dropped[order]].astype(np.int64)


def select_detections(
    detections: Detections, width: int, height: int, config: DetectionConfig
) -> Detections:
    """Return the detections that remain after clipping and NMS.

    `width` and `height` are those of the image. Boxes that lie outside it are dropped.
    """
    boxes = detections.boxes
    if config.clip_boxes:
        boxes = box.clip(boxes, width, height).astype(np.float32)
    has_area = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    detections = replace(detections, boxes=boxes)[has_area]
    kept = suppress_duplicates(
        detections.boxes, detections.scores, config.duplicate_iou, config.duplicate_containment
    )
    return detections[kept]


def _build_boxes(
    heads: HeadMaps, rows: NDArray[np.int64], columns: NDArray[np.int64], box_mode: BoxMode
) -> Float32:
    """Return the boxes ``(n, 4)`` xyxy at some cells, in cells."""
    corners = np.stack([columns, rows], axis=1).astype(np.float32)
    centres = corners + heads.offset[:, rows, columns].T
    sizes = heads.size[:, rows, columns].T
    to_top_left = sizes / 2 if box_mode == "wh" else sizes[:, :2]
    to_bottom_right = sizes / 2 if box_mode == "wh" else sizes[:, 2:]
    return np.concatenate(
        [centres - to_top_left, centres + to_bottom_right], axis=1, dtype=np.float32
    )


def _build_keypoints(
    maps: Float32,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    boxes: Float32,
    stride: int,
) -> Float32:
    """Return keypoints ``(n, k, 3)`` at some cells: x and y in input pixels, and confidence.

    The expected error σ is the scale of a radial Laplace distribution, as `keypoint_loss` learns
    it; its distribution function at r is 1 - (1 + r / σ) exp(-r / σ).
    """
    n_keypoints = len(maps) // VALUES_PER_KEYPOINT
    values = maps[:, rows, columns].T.reshape(len(rows), n_keypoints, VALUES_PER_KEYPOINT)
    corners = np.stack([columns, rows], axis=1).astype(np.float32) * np.float32(stride)
    diagonals = np.hypot(*(boxes[:, 2:] - boxes[:, :2]).T)[:, None, None]
    points = corners[:, None] + values[..., :2] * diagonals
    reach = _KEYPOINT_REACH * np.exp(-values[..., 2:])
    confidence = 1 - (1 + reach) * np.exp(-reach)
    return np.concatenate([points, confidence], axis=2, dtype=np.float32)
