"""Start, update and removal of tracks, as pure functions from one `TrackBank` to the next."""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum

import numpy as np

from murid.core import boxes as bx
from murid.core.embeddings import update_running_mean
from murid.core.types import Bool, Detections, Float32, Float64, Int64
from murid.tracking import kalman
from murid.tracking.assignment import Matches
from murid.tracking.track_bank import TrackBank

# Minimum width and height of a predicted box: a shrinking track must not vanish or invert.
MIN_SIDE_PX = 1.0

# Factor of the measurement noise of a merged box. At 1, its box would be taken for that of one
# animal; at infinity, a track would get no position while two animals touch.
MERGED_NOISE_SCALE = 4.0


# A box is away from the mean place of its track at this distance in body lengths, by which boxes of
# something at rest do not vary.
AWAY_BODY_LENGTHS = 1.0


class TrackState(IntEnum):
    """Life stage of a track. A removed track is in no bank."""

    TENTATIVE = 0
    """Matched once, not yet reported."""
    TRACKED = 1
    """Confirmed, and matched in the latest frame."""
    LOST = 2
    """Confirmed, but not matched in the latest frame."""


def empty_bank(embedding_size: int = 0) -> TrackBank:
    """Return a bank without tracks."""
    none = np.zeros(0, np.int64)
    return TrackBank(
        ids=none,
        states=none,
        means=np.zeros((0, 8)),
        covariances=np.zeros((0, 8, 8)),
        embeddings=np.zeros((0, embedding_size), np.float32),
        hits=none,
        first_frames=none,
        last_frames=none,
        mean_centres=np.zeros((0, 2)),
        away_hits=none,
        score_sums=np.zeros(0),
    )


def predict(bank: TrackBank, motion: kalman.MotionModel) -> TrackBank:
    """Return the tracks one frame later.

    A tentative track stays in place, and a lost track keeps its height (FairMOT).
    """
    means = bank.means.copy()
    means[bank.states == TrackState.LOST, 7] = 0
    means, covariances = kalman.predict(means, bank.covariances, motion)
    tentative = bank.states == TrackState.TENTATIVE
    means[tentative] = bank.means[tentative]
    covariances[tentative] = bank.covariances[tentative]
    means[:, 3] = np.maximum(means[:, 3], MIN_SIDE_PX)
    means[:, 2] = np.maximum(means[:, 2], MIN_SIDE_PX / means[:, 3])
    return replace(bank, means=means, covariances=covariances)


def warp(bank: TrackBank, camera_motion: Float64) -> TrackBank:
    """Return the tracks after a camera motion ``(2, 3)``, see `murid.tracking.kalman.warp`."""
    means, covariances = kalman.warp(bank.means, bank.covariances, camera_motion)
    mean_centres = warp_points(bank.mean_centres, camera_motion)
    return replace(bank, means=means, covariances=covariances, mean_centres=mean_centres)


def warp_points(points: Float64, camera_motion: Float64) -> Float64:
    """Return points ``(n, 2)`` in pixels after a camera motion ``(2, 3)``."""
    warped: Float64 = points @ camera_motion[:, :2].T + camera_motion[:, 2]
    return warped


def update(
    bank: TrackBank,
    detections: Detections,
    matches: Matches,
    momentum: float,
    frame: int,
    merged: Bool | None = None,
) -> TrackBank:
    """Return the tracks with position, embedding and hits of matched ones updated.

    Parameters
    ----------
    bank : TrackBank
    detections : Detections
        All ``n`` detections of the frame.
    matches : Matches
        Which detection belongs to which track.
    momentum : float
        Weight of the old embedding in the running mean.
    frame : int
        Number of the frame.
    merged : ndarray, optional
        ``(n,)`` bool: merged boxes, whose position has little weight.
    """
    rows = matches.track_rows
    if not len(rows):
        return bank
    matched = detections[matches.detection_rows]

    # Position and size.
    noise_scales = None
    if merged is not None:
        noise_scales = np.where(merged[matches.detection_rows], MERGED_NOISE_SCALE, 1.0)
    means = bank.means.copy()
    covariances = bank.covariances.copy()
    measurements = kalman.to_measurements(matched.boxes)
    means[rows], covariances[rows] = kalman.update(
        means[rows], covariances[rows], measurements, noise_scales
    )

    # Appearance.
    embeddings = bank.embeddings
    if matched.embeddings is not None:
        embeddings = embeddings.copy()
        embeddings[rows] = update_running_mean(embeddings[rows], matched.embeddings, momentum)

    # State and counters.
    states = bank.states.copy()
    hits = bank.hits.copy()
    last_frames = bank.last_frames.copy()
    states[rows] = TrackState.TRACKED
    hits[rows] += 1
    last_frames[rows] = frame

    # Evidence that the track is an animal.
    away_hits = bank.away_hits.copy()
    score_sums = bank.score_sums.copy()
    mean_centres = bank.mean_centres.copy()
    away_hits[rows] += find_away(matched.boxes, mean_centres[rows])
    score_sums[rows] += matched.scores
    mean_centres[rows] = update_mean_centres(mean_centres[rows], matched.boxes, hits[rows])
    return replace(
        bank,
        states=states,
        means=means,
        covariances=covariances,
        embeddings=embeddings,
        hits=hits,
        last_frames=last_frames,
        away_hits=away_hits,
        score_sums=score_sums,
        mean_centres=mean_centres,
    )


def measure_lengths(boxes: Float32) -> Float64:
    """Return the longer sides ``(n,)`` in pixels of boxes ``(n, 4)``."""
    lengths: Float64 = (boxes[:, 2:] - boxes[:, :2]).max(axis=1).astype(np.float64)
    return lengths


def find_away(boxes: Float32, mean_centres: Float64) -> Bool:
    """Return which boxes ``(n, 4)`` are away from the mean centres ``(n, 2)`` of their tracks."""
    offsets = bx.compute_centres(boxes).astype(np.float64) - mean_centres
    limits = AWAY_BODY_LENGTHS * measure_lengths(boxes)
    away: Bool = offsets[:, 0] ** 2 + offsets[:, 1] ** 2 >= limits**2
    return away


def update_mean_centres(mean_centres: Float64, boxes: Float32, hits: Int64) -> Float64:
    """Return the mean centres ``(n, 2)`` of tracks with the boxes of their `hits`-th match."""
    offsets = bx.compute_centres(boxes).astype(np.float64) - mean_centres
    updated: Float64 = mean_centres + offsets / hits[:, None]
    return updated


def mark_lost(bank: TrackBank, rows: Int64) -> TrackBank:
    """Return the tracks with the given rows marked as lost; tentative ones are removed."""
    if not len(rows):
        return bank
    keep = np.full(len(bank), True)
    keep[rows] = bank.states[rows] != TrackState.TENTATIVE
    states = bank.states.copy()
    states[rows] = TrackState.LOST
    return _select(replace(bank, states=states), keep)


def start_tracks(
    bank: TrackBank,
    detections: Detections,
    state: TrackState,
    first_id: int,
    frame: int,
    motion: kalman.MotionModel,
) -> TrackBank:
    """Return the tracks and one new track per detection, with ids from `first_id` on."""
    n = len(detections)
    if not n:
        return bank
    means, covariances = kalman.initiate(kalman.to_measurements(detections.boxes), motion)
    embeddings = detections.embeddings
    if embeddings is None:
        embeddings = np.zeros((n, 0), np.float32)
    frames = np.full(n, frame, np.int64)
    ids = np.arange(first_id, first_id + n, dtype=np.int64)
    return TrackBank(
        ids=np.concatenate([bank.ids, ids]),
        states=np.concatenate([bank.states, np.full(n, state, np.int64)]),
        means=np.concatenate([bank.means, means]),
        covariances=np.concatenate([bank.covariances, covariances]),
        embeddings=np.concatenate([bank.embeddings, embeddings]),
        hits=np.concatenate([bank.hits, np.ones(n, np.int64)]),
        first_frames=np.concatenate([bank.first_frames, frames]),
        last_frames=np.concatenate([bank.last_frames, frames]),
        mean_centres=np.concatenate([bank.mean_centres, bx.compute_centres(detections.boxes)]),
        away_hits=np.concatenate([bank.away_hits, np.zeros(n, np.int64)]),
        score_sums=np.concatenate([bank.score_sums, detections.scores]),
    )


def remove_expired(bank: TrackBank, frame: int, max_lost_frames: int) -> TrackBank:
    """Return the tracks that were matched within the last `max_lost_frames` frames."""
    return _select(bank, frame - bank.last_frames <= max_lost_frames)


def remove_duplicates(bank: TrackBank, max_cost: float) -> TrackBank:
    """Return the tracks without duplicates (FairMOT).

    A lost track and one that is not lost are duplicates if their IoU distance is below `max_cost`.
    The younger one (last minus first frame) is removed; of equally old ones, the one that is not
    lost.
    """
    lost = bank.states == TrackState.LOST
    if not lost.any() or lost.all():
        return bank
    boxes = bx.from_cxcyah(bank.means[:, :4])
    current_rows = np.flatnonzero(~lost)
    lost_rows = np.flatnonzero(lost)
    distances = 1 - bx.compute_iou(boxes[current_rows], boxes[lost_rows])
    i, j = np.nonzero(distances < max_cost)
    current_rows = current_rows[i]
    lost_rows = lost_rows[j]

    ages = bank.last_frames - bank.first_frames
    current_is_older = ages[current_rows] > ages[lost_rows]
    keep = np.full(len(bank), True)
    keep[np.where(current_is_older, lost_rows, current_rows)] = False
    return _select(bank, keep)


def _select(bank: TrackBank, keep: Bool) -> TrackBank:
    """Return the tracks of a mask; the same object if it is all of them."""
    return bank if keep.all() else bank.select(keep)
