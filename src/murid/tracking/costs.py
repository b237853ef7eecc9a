"""Cost matrices between tracks and detections.

In every matrix rows are tracks, as predicted for this frame, columns are detections, and infinity
forbids a pair.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from murid.core import boxes as bx
from murid.core.embeddings import compute_cosine_distances
from murid.core.types import Detections, Float64, TrackBank
from murid.tracking import kalman

OVERLAP_WEIGHT = 0.5
"""Share of the IoU distance in the near cost, where distance in body lengths has the rest; chosen
by measurement."""

MERGED_GROWTH = 1.3
"""How many times larger than an animal the box of a pair of them is at least."""


def compute_appearance_costs(bank: TrackBank, detections: Detections) -> Float64:
    """Cosine distances ``(m, n)`` in [0, 2]; zero where there are no embeddings, so that motion alone decides."""
    if detections.embeddings is None:
        return np.zeros((len(bank), len(detections)))
    return compute_cosine_distances(bank.embeddings, detections.embeddings).astype(np.float64)


def fuse_motion(appearance: Float64, motion: Float64, weight: float, gate: float) -> Float64:
    """Fuse appearance and motion: ``weight * D_r + (1 - weight) * D_m``, infinity beyond the gate.

    Paper, section III-C. The printed formula has lost the first weight; it is written as in
    FairMOT.

    Parameters
    ----------
    appearance : ndarray
        ``(m, n)`` cosine distances, D_r.
    motion : ndarray
        ``(m, n)`` squared Mahalanobis distances, D_m.
    weight : float
        Lambda, in [0, 1].
    gate : float
        Largest squared Mahalanobis distance, itself allowed.
    """
    fused: Float64 = np.where(motion > gate, np.inf, weight * appearance + (1 - weight) * motion)
    return fused


def compute_fused_costs(
    bank: TrackBank, detections: Detections, weight: float, gate_dims: Literal[4, 2] = 4
) -> Float64:
    """Paper's first-stage costs ``(m, n)``: appearance fused with gated motion (section III-C)."""
    measured = kalman.measure(detections.boxes)
    motion = kalman.compute_gating_distances(bank.means, bank.covariances, measured, gate_dims)
    return fuse_motion(
        compute_appearance_costs(bank, detections), motion, weight, kalman.GATES[gate_dims]
    )


def compute_size_costs(bank: TrackBank, detections: Detections) -> Float64:
    """Absolute logarithms ``(m, n)`` of the ratio of areas: a head or a merged pair is no whole animal.

    Bodies that turn change their aspect ratio within a few frames, but hardly their area.
    """
    areas = bank.means[:, 2] * bank.means[:, 3] ** 2
    ratios: Float64 = np.abs(
        np.log(areas[:, None]) - np.log(bx.compute_areas(detections.boxes)[None])
    )
    return ratios


def compute_near_costs(bank: TrackBank, detections: Detections) -> Float64:
    """Costs ``(m, n)`` of place: centre distance in body lengths and IoU distance, so that bodies may be apart."""
    near: Float64 = (1 - OVERLAP_WEIGHT) * compute_centre_costs(bank, detections)
    near += OVERLAP_WEIGHT * compute_iou_costs(bank, detections)
    return near


def find_far(bank: TrackBank, detections: Detections, share: float) -> NDArray[np.bool_]:
    """Pairs ``(m, n)`` further apart than this share of the track's distance to its nearest neighbour.

    Where animals are far from each other, the nearest detection is the animal even after a leap; in
    a crowd it is someone else.
    """
    centres = bank.means[:, :2]
    steps = centres[:, None] - centres[None]
    gaps = np.hypot(steps[..., 0], steps[..., 1])
    np.fill_diagonal(gaps, np.inf)
    offsets = bx.compute_centres(detections.boxes)[None] - centres[:, None]
    far: NDArray[np.bool_] = (
        np.hypot(offsets[..., 0], offsets[..., 1]) > share * gaps.min(axis=1)[:, None]
    )
    return far


def find_merged(bank: TrackBank, detections: Detections, share: float) -> NDArray[np.bool_]:
    """Pairs ``(m, n)`` in which the detection seems to hold the track's animal and at least one more.

    A detection holds a track of which at least `share` lies inside, and than which it is clearly
    larger.
    """
    predicted = bx.from_cxcyah(bank.means[:, :4])
    areas = bx.compute_areas(predicted)[:, None]
    held = bx.compute_intersections(predicted, detections.boxes) >= share * areas
    held &= bx.compute_areas(detections.boxes)[None] >= MERGED_GROWTH * areas
    merged: NDArray[np.bool_] = held & (held.sum(axis=0) > 1)
    return merged


def compute_iou_costs(bank: TrackBank, detections: Detections) -> Float64:
    """IoU distances ``(m, n)`` in [0, 1]: 1 - IoU of predicted and detected boxes."""
    predicted = bx.from_cxcyah(bank.means[:, :4])
    distances: Float64 = 1 - bx.compute_iou(predicted, detections.boxes).astype(
        np.float64, copy=False
    )
    return distances


def compute_centre_costs(bank: TrackBank, detections: Detections) -> Float64:
    """Centre distances ``(m, n)`` in body lengths: the longest side of the two boxes."""
    offsets = bx.compute_centres(detections.boxes)[None] - bank.means[:, None, :2]
    tracked = bank.means[:, 3] * np.maximum(bank.means[:, 2], 1)
    detected = (detections.boxes[:, 2:] - detections.boxes[:, :2]).max(axis=1)
    distances: Float64 = np.hypot(offsets[..., 0], offsets[..., 1]) / np.maximum(
        tracked[:, None], detected[None]
    )
    return distances
