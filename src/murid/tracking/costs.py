"""Cost matrices between tracks and detections.

In every matrix, rows are tracks as predicted for this frame, and columns are detections. Infinity
forbids a pair.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from murid.core import boxes as bx
from murid.core.embeddings import compute_cosine_distances
from murid.core.types import Bool, Detections, Float64
from murid.tracking import kalman
from murid.tracking.track_bank import TrackBank

# Weight of the IoU distance in the near cost; the centre distance has the rest. Chosen by
# measurement. At 1, boxes without overlap cannot be told apart; at 0, overlap does not count.
OVERLAP_WEIGHT = 0.5

# A merged box has at least this many times the area of a track inside it. Lower values mistake an
# animal that stretches for two animals; higher values miss two animals that lie on each other.
MERGED_MIN_AREA_RATIO = 1.3


def compute_appearance_costs(bank: TrackBank, detections: Detections) -> Float64:
    """Return cosine distances ``(m, n)`` of embeddings in [0, 2]; zero without embeddings."""
    if detections.embeddings is None:
        return np.zeros((len(bank), len(detections)))
    return compute_cosine_distances(bank.embeddings, detections.embeddings).astype(np.float64)


def fuse_motion(appearance: Float64, motion: Float64, weight: float, gate: float) -> Float64:
    """Return ``weight * D_r + (1 - weight) * D_m``, infinity beyond the gate.

    Paper, section III-C. The printed formula lacks the first weight; it is written as in FairMOT.

    Parameters
    ----------
    appearance : ndarray
        ``(m, n)`` cosine distances, D_r.
    motion : ndarray
        ``(m, n)`` squared Mahalanobis distances, D_m.
    weight : float
        Lambda, in [0, 1].
    gate : float
        Maximum squared Mahalanobis distance, inclusive.
    """
    fused: Float64 = np.where(motion > gate, np.inf, weight * appearance + (1 - weight) * motion)
    return fused


def compute_fused_costs(
    bank: TrackBank, detections: Detections, weight: float, gating_dims: Literal[4, 2] = 4
) -> Float64:
    """Return the first-stage costs ``(m, n)`` of the paper: appearance fused with gated motion.

    Paper, section III-C. See `fuse_motion` for `weight` and
    `murid.tracking.kalman.compute_gating_distances` for `gating_dims`.
    """
    measurements = kalman.to_measurements(detections.boxes)
    motion = kalman.compute_gating_distances(
        bank.means, bank.covariances, measurements, gating_dims
    )
    appearance = compute_appearance_costs(bank, detections)
    return fuse_motion(appearance, motion, weight, kalman.GATING_THRESHOLDS[gating_dims])


def compute_size_costs(bank: TrackBank, detections: Detections) -> Float64:
    """Return absolute logarithms ``(m, n)`` of the ratio of areas.

    The cost is high for a box of a head alone and for a merged box. A turning animal changes the
    aspect ratio of its box within a few frames, but hardly the area.
    """
    track_areas = bank.means[:, 2] * bank.means[:, 3] ** 2
    areas = bx.compute_areas(detections.boxes)
    ratios: Float64 = np.abs(np.log(track_areas[:, None]) - np.log(areas[None]))
    return ratios


def compute_near_costs(bank: TrackBank, detections: Detections) -> Float64:
    """Return position costs ``(m, n)``: mean of centre distance in body lengths and IoU distance.

    Unlike the IoU distance alone, it ranks boxes that do not overlap.
    """
    near: Float64 = (1 - OVERLAP_WEIGHT) * compute_centre_costs(bank, detections)
    near += OVERLAP_WEIGHT * compute_iou_costs(bank, detections)
    return near


def find_beyond_neighbour_gate(bank: TrackBank, detections: Detections, gate: float) -> Bool:
    """Return pairs ``(m, n)`` that are too far apart given the neighbours of the track.

    The maximum distance is `gate` times the distance from the track to its nearest other track. If
    animals are far apart, the nearest detection is the same animal even after a jump; in a group it
    may be another one.
    """
    centres = bank.means[:, :2]
    differences = centres[:, None] - centres[None]
    neighbour_distances = np.hypot(differences[..., 0], differences[..., 1])
    np.fill_diagonal(neighbour_distances, np.inf)
    max_distances = gate * neighbour_distances.min(axis=1)[:, None]

    offsets = bx.compute_centres(detections.boxes)[None] - centres[:, None]
    beyond: Bool = np.hypot(offsets[..., 0], offsets[..., 1]) > max_distances
    return beyond


def find_merged(bank: TrackBank, detections: Detections, min_overlap: float) -> Bool:
    """Return pairs ``(m, n)`` of a track and a merged box that contains it.

    A detection contains a track if at least the fraction `min_overlap` of the track lies inside and
    the detection is clearly larger. It is a merged box if it contains two tracks or more.
    """
    predicted = bx.from_cxcyah(bank.means[:, :4])
    track_areas = bx.compute_areas(predicted)[:, None]
    areas = bx.compute_areas(detections.boxes)[None]
    contains = bx.compute_intersections(predicted, detections.boxes) >= min_overlap * track_areas
    contains &= areas >= MERGED_MIN_AREA_RATIO * track_areas
    merged: Bool = contains & (contains.sum(axis=0) > 1)
    return merged


def compute_iou_costs(bank: TrackBank, detections: Detections) -> Float64:
    """Return IoU distances ``(m, n)`` in [0, 1]: 1 - IoU of predicted and detected boxes."""
    predicted = bx.from_cxcyah(bank.means[:, :4])
    iou = bx.compute_iou(predicted, detections.boxes)
    distances: Float64 = 1 - iou.astype(np.float64, copy=False)
    return distances


def compute_centre_costs(bank: TrackBank, detections: Detections) -> Float64:
    """Return centre distances ``(m, n)`` in body lengths: the longest side of the two boxes."""
    offsets = bx.compute_centres(detections.boxes)[None] - bank.means[:, None, :2]
    distances = np.hypot(offsets[..., 0], offsets[..., 1])
    track_lengths = bank.means[:, 3] * np.maximum(bank.means[:, 2], 1)
    lengths = (detections.boxes[:, 2:] - detections.boxes[:, :2]).max(axis=1)
    relative: Float64 = distances / np.maximum(track_lengths[:, None], lengths[None])
    return relative
