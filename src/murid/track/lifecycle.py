"""Birth, life and end of tracks, as pure functions from one `TrackBank` to the next."""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from murid.core import boxes as bx
from murid.core.embeddings import update_running_mean
from murid.core.types import Detections, Float32, Matches, TrackBank
from murid.track import kalman


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
    return TrackBank(none, none, np.zeros((0, 8)), np.zeros((0, 8, 8)), embeddings, none, none, none)


def predict(bank: TrackBank, aspect_noise: float) -> TrackBank:
    """Move every track but the tentative ones by one frame; a lost track keeps its height (FairMOT)."""
    means = bank.means.copy()
    means[bank.states != TrackState.TRACKED, 7] = 0
    means, covariances = kalman.predict(means, bank.covariances, aspect_noise)
    still = bank.states == TrackState.TENTATIVE
    means[still], covariances[still] = bank.means[still], bank.covariances[still]
    return replace(bank, means=means, covariances=covariances)


def update(bank: TrackBank, detections: Detections, matches: Matches, momentum: float, frame: int) -> TrackBank:
    """Give matched tracks their detections: motion, appearance, hits; all of them are tracked now, others missed.

    A missed tracked track is lost; a missed tentative track stays tentative, for `retire` to end.
    """
    rows, seen = matches.track_rows, detections[matches.detection_rows]
    measured = kalman.measure(seen.boxes)
    means, covariances = bank.means.copy(), bank.covariances.copy()
    means[rows], covariances[rows] = kalman.update(means[rows], covariances[rows], measured)
    embeddings = bank.embeddings
    if seen.embeddings is not None:
        embeddings = embeddings.copy()
        embeddings[rows] = update_running_mean(embeddings[rows], seen.embeddings, momentum)
    states = np.where(bank.states == TrackState.TRACKED, np.int64(TrackState.LOST), bank.states)
    hits, last_frames = bank.hits.copy(), bank.last_frames.copy()
    states[rows], last_frames[rows] = TrackState.TRACKED, frame
    hits[rows] += 1
    return TrackBank(bank.ids, states, means, covariances, embeddings, hits, bank.first_frames, last_frames)


def start(bank: TrackBank, detections: Detections, state: TrackState, first_id: int, frame: int) -> TrackBank:
    """Append one new track per detection, with ids from `first_id` on."""
    n = len(detections)
    means, covariances = kalman.start(kalman.measure(detections.boxes))
    return TrackBank(
        np.concatenate([bank.ids, np.arange(first_id, first_id + n)]),
        np.concatenate([bank.states, np.full(n, state, np.int64)]),
        np.concatenate([bank.means, means]),
        np.concatenate([bank.covariances, covariances]),
        np.concatenate([bank.embeddings, _embeddings_of(detections, bank.embeddings.shape[1])]),
        np.concatenate([bank.hits, np.ones(n, np.int64)]),
        np.concatenate([bank.first_frames, np.full(n, frame)]),
        np.concatenate([bank.last_frames, np.full(n, frame)]),
    )


def drop_missed_tentative(bank: TrackBank, frame: int) -> TrackBank:
    """Remove tentative tracks that were not matched in this frame."""
    return _keep(bank, (bank.states != TrackState.TENTATIVE) | (bank.last_frames == frame))


def retire(bank: TrackBank, frame: int, max_lost_frames: float) -> TrackBank:
    """Remove tracks that were last matched more than `max_lost_frames` frames ago."""
    return _keep(bank, frame - bank.last_frames <= max_lost_frames)


def drop_duplicates(bank: TrackBank, limit: float) -> TrackBank:
    """Remove tracks that repeat another one.

    Of a lost track and another one that is not, with an IoU distance below `limit`, the one with the shorter life
    (last minus first frame) goes; of equals, the one that is not lost (FairMOT).
    """
    lost = bank.states == TrackState.LOST
    if not lost.any() or lost.all():
        return bank
    boxes = bx.from_cxcyah(bank.means[:, :4])
    seen, gone = np.flatnonzero(~lost), np.flatnonzero(lost)
    i, j = np.nonzero(1 - bx.compute_iou(boxes[seen], boxes[gone]) < limit)
    lives = bank.last_frames - bank.first_frames
    kept = np.ones(len(bank), np.bool_)
    kept[np.where(lives[seen[i]] > lives[gone[j]], gone[j], seen[i])] = False
    return _keep(bank, kept)


def _keep(bank: TrackBank, kept: NDArray[np.bool_]) -> TrackBank:
    return bank if kept.all() else bank[kept]


def _embeddings_of(detections: Detections, size: int) -> Float32:
    if detections.embeddings is None:
        return np.zeros((len(detections), size), np.float32)
    return detections.embeddings
