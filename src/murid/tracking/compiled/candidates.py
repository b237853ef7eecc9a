"""Candidate pairs of tracks and detections in each stage of matching, compiled.

The costs are those of `murid.tracking.costs`. Only pairs that cost at most the maximum are kept.
`predicted` ``(m, 4)`` are the predicted xyxy boxes of all tracks.
"""

from __future__ import annotations

import numpy as np

from murid.tracking.association import RECOVERY_RADIUS, RECOVERY_RADIUS_PER_S
from murid.tracking.compiled.assignment import CandidatePairs
from murid.tracking.compiled.geometry import (
    compute_area,
    compute_body_length,
    compute_centre_distance,
    compute_intersection,
    compute_iou,
    compute_neighbour_distance,
)
from murid.tracking.compiled.jit import jit, jit_fastmath, jit_inline
from murid.tracking.costs import MERGED_MIN_AREA_RATIO, OVERLAP_WEIGHT
from murid.tracking.lifecycle import TrackState

# numba takes plain integers, not members of an enumeration.
_TENTATIVE = int(TrackState.TENTATIVE)


@jit
def find_overlapping_pairs(detections, high, predicted, tracks, settings):
    """Return the pairs of stage 1: confirmed tracks and detections `high` ``(n,)`` that overlap.

    They are found by a sweep from left to right.
    """
    max_cost = settings.stage1_max_cost
    boxes, scores, embeddings, _, areas, log_areas, _ = detections

    # Sort the detections by their left side. A box that overlaps a track starts at most the width
    # of the widest box to the left of it.
    order = np.flatnonzero(high)
    order = order[np.argsort(boxes[order, 0])]
    lefts = boxes[order, 0]
    max_width = 0.0
    for j in order:
        max_width = max(max_width, boxes[j, 2] - boxes[j, 0])

    n_pairs = 0
    rows, columns, costs = _allocate_pairs(len(predicted) * len(order))
    for k in range(len(predicted)):
        if tracks.states[k] == _TENTATIVE:
            continue
        track_box = predicted[k]
        for place in range(np.searchsorted(lefts, track_box[0] - max_width), len(order)):
            j = order[place]
            if lefts[place] >= track_box[2]:
                break
            cost = 1 - compute_iou(track_box, boxes[j], areas[j])
            # The other costs are not negative, so the appearance need not be compared.
            if cost > max_cost:
                continue
            cost += _compute_trait_cost(
                k, j, tracks.means, tracks.embeddings, log_areas, scores, embeddings, settings
            )
            if cost <= max_cost:
                n_pairs = _append(rows, columns, costs, n_pairs, k, j, cost)
    return CandidatePairs(rows[:n_pairs], columns[:n_pairs], costs[:n_pairs])


@jit
def find_near_pairs(detections, track_rows, detection_rows, predicted, tracks, max_cost, settings):
    """Return the pairs of stage 2: tracks and detections near each other."""
    means = tracks.means
    boxes, scores, embeddings, _, areas, log_areas, lengths = detections
    n_pairs = 0
    rows, columns, costs = _allocate_pairs(len(track_rows) * len(detection_rows))
    for k in track_rows:
        max_distance = -1.0
        for j in detection_rows:
            distance = compute_centre_distance(k, j, means, boxes)
            length = compute_body_length(k, j, means, lengths)
            cost = (1 - OVERLAP_WEIGHT) * (distance / length)
            if cost > max_cost:
                continue
            # The gate is computed only for tracks that have a detection nearby.
            if max_distance < 0:
                max_distance = np.inf
                if settings.neighbour_gate >= 0:
                    neighbour = compute_neighbour_distance(k, len(predicted), means)
                    max_distance = settings.neighbour_gate * neighbour
            if distance > max_distance:
                continue
            cost += OVERLAP_WEIGHT * (1 - compute_iou(predicted[k], boxes[j], areas[j]))
            cost += _compute_trait_cost(
                k, j, means, tracks.embeddings, log_areas, scores, embeddings, settings
            )
            if cost <= max_cost:
                n_pairs = _append(rows, columns, costs, n_pairs, k, j, cost)
    return CandidatePairs(rows[:n_pairs], columns[:n_pairs], costs[:n_pairs])


@jit
def find_iou_pairs(detections, track_rows, detection_rows, predicted, max_cost):
    """Return pairs by IoU distance alone."""
    boxes = detections.boxes
    areas = detections.areas
    n_pairs = 0
    rows, columns, costs = _allocate_pairs(len(track_rows) * len(detection_rows))
    for k in track_rows:
        for j in detection_rows:
            cost = 1 - compute_iou(predicted[k], boxes[j], areas[j])
            if cost <= max_cost:
                n_pairs = _append(rows, columns, costs, n_pairs, k, j, cost)
    return CandidatePairs(rows[:n_pairs], columns[:n_pairs], costs[:n_pairs])


@jit
def find_recovery_pairs(detections, track_rows, detection_rows, tracks, fps):
    """Return pairs of lost tracks and detections within their search radius."""
    means = tracks.means
    boxes = detections.boxes
    lengths = detections.lengths
    n_pairs = 0
    rows, columns, costs = _allocate_pairs(len(track_rows) * len(detection_rows))
    for k in track_rows:
        lost_s = (tracks.frame[0] - tracks.last_frames[k]) / fps
        radius = RECOVERY_RADIUS + RECOVERY_RADIUS_PER_S * lost_s
        for j in detection_rows:
            distance = compute_centre_distance(k, j, means, boxes)
            cost = distance / compute_body_length(k, j, means, lengths) / radius
            if cost <= 1:
                n_pairs = _append(rows, columns, costs, n_pairs, k, j, cost)
    return CandidatePairs(rows[:n_pairs], columns[:n_pairs], costs[:n_pairs])


@jit
def find_merged(detections, matched_tracks, predicted, min_overlap):
    """Return which detections ``(n,)`` are matched merged boxes.

    See `murid.tracking.costs.find_merged`.
    """
    boxes = detections.boxes
    areas = detections.areas
    merged = np.zeros(len(boxes), np.bool_)
    if min_overlap < 0 or len(predicted) < 2:
        return merged
    for j in range(len(boxes)):
        k = matched_tracks[j]
        if k >= 0 and _contains(boxes[j], areas[j], predicted[k], min_overlap):
            n_contained = 0
            for other in range(len(predicted)):
                n_contained += _contains(boxes[j], areas[j], predicted[other], min_overlap)
            merged[j] = n_contained > 1
    return merged


@jit_inline
def _contains(box, area, track_box, min_overlap):
    """Return whether a detection contains most of a track and is clearly larger."""
    track_area = compute_area(track_box)
    is_larger = area >= MERGED_MIN_AREA_RATIO * track_area
    return is_larger and compute_intersection(track_box, box) >= min_overlap * track_area


# In inner loops, functions take single arrays: passing a named tuple of arrays to them would count
# the references of all of its arrays each time.
@jit_inline
def _compute_trait_cost(k, j, means, track_embeddings, log_areas, scores, embeddings, settings):
    """Return the cost that does not depend on position: size, score and appearance."""
    cost = settings.size_weight * abs(np.log(means[k, 2] * means[k, 3] ** 2) - log_areas[j])
    cost += settings.score_weight * (1 - scores[j])
    if embeddings.shape[1]:
        similarity = _dot(track_embeddings, k, embeddings, j)
        cost += settings.appearance_weight * max(1 - similarity, np.float32(0))
    return cost


@jit_fastmath
def _dot(a, k, b, j):
    """Return the dot product of row `k` of `a` and row `j` of `b`."""
    total = np.float32(0)
    for c in range(a.shape[1]):
        total += a[k, c] * b[j, c]
    return total


@jit
def _allocate_pairs(capacity):
    """Return arrays for the tracks, detections and costs of so many pairs."""
    return np.empty(capacity, np.int64), np.empty(capacity, np.int64), np.empty(capacity)


@jit_inline
def _append(rows, columns, costs, n_pairs, track, detection, cost):
    """Write one more pair and return their number."""
    rows[n_pairs] = track
    columns[n_pairs] = detection
    costs[n_pairs] = cost
    return n_pairs + 1
