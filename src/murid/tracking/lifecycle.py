"""Birth, life and end of tracks, as pure functions from one `TrackBank` to the next."""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from murid.core import boxes as bx
from murid.core.embeddings import update_running_mean
from murid.core.types import Detections, Float64, Int64, Matches, TrackBank
from murid.tracking import kalman

MIN_SIDE_PX = 1.0
"""Least width and height of a track."""
MERGED_LOOSENESS = 4.0
"""Times the usual noise of a measured box, where it holds several animals."""


class TrackState(IntEnum):
    """Where a track is in its life. A removed track is in no bank."""

    TENTATIVE = 0
    """Seen once, not yet reported."""
    TRACKED = 1
    """Confirmed, and matched in the latest frame."""
    LOST = 2
    """Confirmed, but not matched in the latest frame."""


def empty_bank(embedding_size: int = 0) -> TrackBank:
    """Return a bank without tracks."""
    none = np.zeros(0, np.int64)
    embeddings = np.zeros((0, embedding_size), np.float32)
    return TrackBank(
        none, none, np.zeros((0, 8)), np.zeros((0, 8, 8)), embeddings, none, none, none
    )


def predict(bank: TrackBank, motion: kalman.Motion) -> TrackBank:
    """Move every track but the tentative ones by one frame; a lost track keeps its height (FairMOT)."""
    means = bank.means.copy()
    means[bank.states == TrackState.LOST, 7] = 0
    means, covariances = kalman.predict(means, bank.covariances, motion)
    still = bank.states == TrackState.TENTATIVE
    means[still], covariances[still] = bank.means[still], bank.covariances[still]
    means[:, 3] = np.maximum(means[:, 3], MIN_SIDE_PX)
    means[:, 2] = np.maximum(means[:, 2], MIN_SIDE_PX / means[:, 3])
    return replace(bank, means=means, covariances=covariances)


def warp(bank: TrackBank, camera_motion: Float64) -> TrackBank:
    """Move every track with the camera; `camera_motion` ``(2, 3)`` carries a point of the frame before to this one."""
    means, covariances = kalman.warp(bank.means, bank.covariances, camera_motion)
    return replace(bank, means=means, covariances=covariances)


def update(
    bank: TrackBank,
    detections: Detections,
    matches: Matches,
    momentum: float,
    frame: int,
    merged: NDArray[np.bool_] | None = None,
) -> TrackBank:
    """Give the matched tracks what they saw: place, appearance and one more hit; they are tracked now.

    Of the detections that hold more animals than the one (`merged`, ``(n,)`` bool) the place counts
    little.
    """
    rows = matches.track_rows
    if not len(rows):
        return bank
    seen = detections[matches.detection_rows]
    means, covariances = bank.means.copy(), bank.covariances.copy()
    looseness = (
        None if merged is None else np.where(merged[matches.detection_rows], MERGED_LOOSENESS, 1.0)
    )
    measured = kalman.measure(seen.boxes)
    means[rows], covariances[rows] = kalman.update(
        means[rows], covariances[rows], measured, looseness
    )
    embeddings = bank.embeddings
    if seen.embeddings is not None:
        embeddings = embeddings.copy()
        embeddings[rows] = update_running_mean(embeddings[rows], seen.embeddings, momentum)
    states, hits, last_frames = bank.states.copy(), bank.hits.copy(), bank.last_frames.copy()
    states[rows], last_frames[rows] = TrackState.TRACKED, frame
    hits[rows] += 1
    return TrackBank(
        bank.ids, states, means, covariances, embeddings, hits, bank.first_frames, last_frames
    )


def mark_missed(bank: TrackBank, rows: Int64) -> TrackBank:
    """Mark the unmatched tracks as lost; a tentative one among them is removed."""
    if not len(rows):
        return bank
    kept = np.full(len(bank), True)
    kept[rows] = bank.states[rows] != TrackState.TENTATIVE
    states = bank.states.copy()
    states[rows] = TrackState.LOST
    return _keep(replace(bank, states=states), kept)


def start(
    bank: TrackBank,
    detections: Detections,
    state: TrackState,
    first_id: int,
    frame: int,
    motion: kalman.Motion,
) -> TrackBank:
    """Append one new track per detection, with ids from `first_id` on."""
    n = len(detections)
    if not n:
        return bank
    means, covariances = kalman.start(kalman.measure(detections.boxes), motion)
    embeddings = (
        np.zeros((n, 0), np.float32) if detections.embeddings is None else detections.embeddings
    )
    frames = np.full(n, frame, np.int64)
    return TrackBank(
        np.concatenate([bank.ids, np.arange(first_id, first_id + n, dtype=np.int64)]),
        np.concatenate([bank.states, np.full(n, state, np.int64)]),
        np.concatenate([bank.means, means]),
        np.concatenate([bank.covariances, covariances]),
        np.concatenate([bank.embeddings, embeddings]),
        np.concatenate([bank.hits, np.ones(n, np.int64)]),
        np.concatenate([bank.first_frames, frames]),
        np.concatenate([bank.last_frames, frames]),
    )


def retire(bank: TrackBank, frame: int, max_lost_frames: int) -> TrackBank:
    """Remove the tracks that were last matched more than `max_lost_frames` frames ago."""
    return _keep(bank, frame - bank.last_frames <= max_lost_frames)


def drop_duplicates(bank: TrackBank, limit: float) -> TrackBank:
    """Remove the tracks that repeat another one.

    Of a lost track and one that is not, with an IoU distance below `limit`, the one with the
    shorter life (last minus first frame) goes; of equals, the one that is not lost (FairMOT).
    """
    lost = bank.states == TrackState.LOST
    if not lost.any() or lost.all():
        return bank
    boxes = bx.from_cxcyah(bank.means[:, :4])
    here, gone = np.flatnonzero(~lost), np.flatnonzero(lost)
    i, j = np.nonzero(1 - bx.compute_iou(boxes[here], boxes[gone]) < limit)
    lives = bank.last_frames - bank.first_frames
    kept = np.full(len(bank), True)
    kept[np.where(lives[here[i]] > lives[gone[j]], gone[j], here[i])] = False
    return _keep(bank, kept)


def _keep(bank: TrackBank, kept: NDArray[np.bool_]) -> TrackBank:
    return bank if kept.all() else bank.select(kept)
