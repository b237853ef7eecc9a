"""Boxes and distances of single tracks and detections, compiled.

Tracks are rows of Kalman means (x, y, a, h, ...); detections are xyxy boxes.
"""

from __future__ import annotations

import numpy as np

from murid.tracking.compiled.jit import jit, jit_inline
from murid.tracking.compiled.state import FrameDetections


@jit
def measure_detections(boxes, scores, embeddings):
    """Return the `FrameDetections` of one frame."""
    n = len(boxes)
    has_area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    areas = np.empty(n, np.float32)
    log_areas = np.empty(n, np.float32)
    lengths = np.empty(n, np.float32)
    for j in range(n):
        width = boxes[j, 2] - boxes[j, 0]
        height = boxes[j, 3] - boxes[j, 1]
        areas[j] = width * height
        log_areas[j] = np.log(areas[j])
        lengths[j] = max(width, height)
    return FrameDetections(boxes, scores, embeddings, has_area, areas, log_areas, lengths)


@jit_inline
def write_box(mean, box):
    """Write the xyxy box of a Kalman mean to `box` ``(4,)``."""
    half_width = mean[2] * mean[3] / 2
    half_height = mean[3] / 2
    box[0] = mean[0] - half_width
    box[1] = mean[1] - half_height
    box[2] = mean[0] + half_width
    box[3] = mean[1] + half_height


@jit_inline
def write_measurement(boxes, j, measurement):
    """Write (x, y, a, h) of a detection to the first four entries of `measurement`."""
    width = np.float64(boxes[j, 2]) - boxes[j, 0]
    height = np.float64(boxes[j, 3]) - boxes[j, 1]
    measurement[0] = boxes[j, 0] + width / 2
    measurement[1] = boxes[j, 1] + height / 2
    measurement[2] = width / height
    measurement[3] = height


@jit_inline
def compute_area(box):
    """Return the area of an xyxy box."""
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


@jit_inline
def compute_intersection(a, b):
    """Return the area of the intersection of two xyxy boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


@jit_inline
def compute_iou(track_box, box, area):
    """Return the IoU of the box of a track and that of a detection with a known area."""
    intersection = compute_intersection(track_box, box)
    union = compute_area(track_box) + area - intersection
    return intersection / union if union > 0 else 0.0


@jit_inline
def compute_centre_distance(k, j, means, boxes):
    """Return the distance in pixels between the centres of track `k` and detection `j`."""
    x = (boxes[j, 0] + boxes[j, 2]) / np.float32(2) - means[k, 0]
    y = (boxes[j, 1] + boxes[j, 3]) / np.float32(2) - means[k, 1]
    return np.sqrt(x * x + y * y)


@jit_inline
def compute_body_length(k, j, means, lengths):
    """Return the longest side in pixels of the boxes of track `k` and detection `j`."""
    return max(means[k, 3] * max(means[k, 2], 1.0), lengths[j])


@jit
def compute_neighbour_distance(k, n_tracks, means):
    """Return the distance in pixels from track `k` to its nearest other track."""
    min_square = np.inf
    for other in range(n_tracks):
        x = means[other, 0] - means[k, 0]
        y = means[other, 1] - means[k, 1]
        if other != k:
            min_square = min(min_square, x * x + y * y)
    return np.sqrt(min_square)
