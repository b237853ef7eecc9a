"""`murid.tracking.lifecycle` and its Kalman filter, compiled. All functions change `TrackArrays`.

For a static camera, x, y, a and h and their velocities form four independent Kalman filters of two
states each, so no matrix is needed.
"""

from __future__ import annotations

import numpy as np

from murid.tracking.compiled.challengers import (
    add_evidence,
    choose_replacement,
    follow_challengers,
    remove_challenger,
    start_evidence,
)
from murid.tracking.compiled.geometry import write_box, write_measurement
from murid.tracking.compiled.jit import jit, jit_fastmath, jit_inline
from murid.tracking.compiled.state import TrackArrays
from murid.tracking.kalman import INITIAL_CONSTANT_STD, MEASURED_ASPECT_RATIO_STD, POSITION_STD
from murid.tracking.lifecycle import MERGED_NOISE_SCALE, MIN_SIDE_PX, TrackState

# numba takes plain integers, not members of an enumeration.
_TENTATIVE = int(TrackState.TENTATIVE)
_TRACKED = int(TrackState.TRACKED)
_LOST = int(TrackState.LOST)

_ASPECT_RATIO = 2  # index into (x, y, a, h)


@jit
def cross_gap(n_steps, tracks, settings):
    """Mark tracks as lost after a pause of the recording; see `Tracker._cross_gap`."""
    if n_steps - 1 <= settings.pause_frames:
        return
    mark_lost(np.full(tracks.n_tracks[0], -1), tracks)
    if settings.max_tracks < 0:
        remove_expired(settings.max_lost_frames + 1, tracks)


@jit
def predict(tracks, motion):
    """Move the tracks by one frame and return their xyxy boxes ``(m, 4)``."""
    n_tracks = tracks.n_tracks[0]
    states = tracks.states
    means = tracks.means
    covariances = tracks.covariances
    process_std = motion.process_std
    constant_std = motion.process_constant_std
    boxes = np.empty((n_tracks, 4))
    for k in range(n_tracks):
        if states[k] != _TENTATIVE:
            height = means[k, 3]
            means[k, 4] *= motion.velocity_factor
            means[k, 5] *= motion.velocity_factor
            # A lost track keeps its height.
            means[k, 7] = 0.0 if states[k] == _LOST else means[k, 7] * motion.growth_factor
            for c in range(4):
                means[k, c] += means[k, 4 + c]
                position_std = height * process_std[c] + constant_std[c]
                velocity_std = height * process_std[4 + c] + constant_std[4 + c]
                cross_covariance = covariances[k, c, 1]
                velocity_variance = covariances[k, c, 2]
                covariances[k, c, 0] += (
                    2 * cross_covariance + velocity_variance + position_std * position_std
                )
                covariances[k, c, 1] = cross_covariance + velocity_variance
                covariances[k, c, 2] = velocity_variance + velocity_std * velocity_std
        means[k, 3] = max(means[k, 3], MIN_SIDE_PX)
        means[k, 2] = max(means[k, 2], MIN_SIDE_PX / means[k, 3])
        write_box(means[k], boxes[k])
    return boxes


@jit
def update(detections, matched_tracks, merged, momentum, has_places, tracks):
    """Update position, embedding, hits and, if there are places, evidence of matched tracks."""
    boxes = detections.boxes
    scores = detections.scores
    embeddings = detections.embeddings
    has_embeddings = embeddings.shape[1] > 0
    track_embeddings = tracks.embeddings
    means = tracks.means
    covariances = tracks.covariances
    frame = tracks.frame[0]
    measurement = np.empty(4)
    momentum = np.float32(momentum)
    for j in range(len(matched_tracks)):
        k = matched_tracks[j]
        if k < 0:
            continue
        write_measurement(boxes, j, measurement)
        _update_track(k, means, covariances, measurement, merged[j])
        if has_embeddings:
            _update_embedding(track_embeddings, k, embeddings, j, momentum)
        tracks.states[k] = _TRACKED
        tracks.last_frames[k] = frame
        tracks.hits[k] += 1
        if has_places:
            add_evidence(k, j, boxes, scores, tracks.hits, tracks.evidence)


@jit_inline
def _update_track(k, means, covariances, measurement, is_merged):
    """Kalman update of track `k`; a merged box has little weight."""
    height = means[k, 3]
    noise_scale = MERGED_NOISE_SCALE if is_merged else 1.0
    for c in range(4):
        std = MEASURED_ASPECT_RATIO_STD if c == _ASPECT_RATIO else height * POSITION_STD
        std = std * noise_scale
        position_variance = covariances[k, c, 0]
        cross_covariance = covariances[k, c, 1]
        expected_variance = position_variance + std * std
        position_gain = position_variance / expected_variance
        velocity_gain = cross_covariance / expected_variance
        residual = measurement[c] - means[k, c]
        means[k, c] += position_gain * residual
        means[k, 4 + c] += velocity_gain * residual
        covariances[k, c, 0] = position_variance - position_gain * position_variance
        covariances[k, c, 1] = cross_covariance - position_gain * cross_covariance
        covariances[k, c, 2] -= velocity_gain * cross_covariance


@jit_fastmath
def _update_embedding(means, k, embeddings, j, momentum):
    """Update the running mean ``means[k]`` of unit vectors with ``embeddings[j]``."""
    square = np.float32(0)
    for c in range(means.shape[1]):
        means[k, c] = momentum * means[k, c] + (np.float32(1) - momentum) * embeddings[j, c]
        square += means[k, c] * means[k, c]
    scale = np.float32(1) / np.sqrt(square) if square > 0 else np.float32(0)
    for c in range(means.shape[1]):
        means[k, c] *= scale


@jit
def mark_lost(matched_detections, tracks):
    """Mark tracks without a detection as lost; remove tentative ones."""
    n_kept = 0
    for k in range(len(matched_detections)):
        if matched_detections[k] < 0:
            if tracks.states[k] == _TENTATIVE:
                continue
            tracks.states[k] = _LOST
        if k != n_kept:
            _move(k, n_kept, tracks)
        n_kept += 1
    tracks.n_tracks[0] = n_kept


@jit
def remove_expired(max_lost_frames, tracks):
    """Remove the tracks that were last matched more than so many frames ago."""
    oldest = tracks.frame[0] - max_lost_frames
    n_kept = 0
    for k in range(tracks.n_tracks[0]):
        if tracks.last_frames[k] >= oldest:
            if k != n_kept:
                _move(k, n_kept, tracks)
            n_kept += 1
    tracks.n_tracks[0] = n_kept


@jit
def start_tracks(detections, candidates, matched_tracks, ids, tracks, motion, settings):
    """Start tracks from the detections of a mask `candidates` ``(n,)``, from left to right.

    With a maximum number of tracks, those with the highest scores are chosen. The ids of tracks
    that need no confirmation are written to `ids` ``(n,)``, and the rows of all new tracks to
    `matched_tracks` ``(n,)``.
    """
    boxes = detections.boxes
    rows = np.flatnonzero(candidates)
    if settings.max_tracks >= 0:
        n_free = max(settings.max_tracks - tracks.n_tracks[0], 0)
        by_score = np.argsort(-detections.scores[rows], kind="mergesort")
        rows = rows[by_score][:n_free]
    # Two stable sorts: by the left side, then by the top.
    rows = rows[np.argsort(boxes[rows, 1], kind="mergesort")]
    rows = rows[np.argsort(boxes[rows, 0], kind="mergesort")]

    is_tentative = settings.confirm_new_tracks > 0 and tracks.frame[0] > 1
    for j in rows:
        k = tracks.n_tracks[0]
        _start_track(k, j, detections, tracks, motion)
        tracks.states[k] = _TENTATIVE if is_tentative else _TRACKED
        matched_tracks[j] = k
        if not is_tentative:
            ids[j] = tracks.ids[k]
        tracks.n_tracks[0] += 1
        tracks.next_id[0] += 1


@jit
def challenge(
    detections, matched_tracks, min_score, ids, reported, tracks, challengers, motion, settings
):
    """Replace the weakest track by a challenger that is stronger; see `Tracker._challenge`.

    `matched_tracks` ``(n,)`` are -1 for detections without a track. The id of the new track is
    written to `ids` ``(n,)``; the old one is not reported in this frame.
    """
    follow_challengers(
        detections, matched_tracks, min_score, challengers, tracks.frame[0], settings
    )
    track, challenger = choose_replacement(tracks, challengers, settings)
    if challenger < 0:
        return
    for j in range(len(ids)):
        if ids[j] == tracks.ids[track]:
            ids[j] = -1
            reported[j] = detections.boxes[j]
    last = tracks.n_tracks[0] - 1
    for k in range(track, last):
        _move(k + 1, k, tracks)
    j = challengers.matched[challenger]
    _start_track(last, j, detections, tracks, motion)
    tracks.states[last] = _TRACKED
    tracks.hits[last] = challengers.hits[challenger]
    tracks.first_frames[last] = challengers.first_frames[challenger]
    tracks.evidence[last] = challengers.evidence[challenger]
    ids[j] = tracks.ids[last]
    tracks.next_id[0] += 1
    remove_challenger(challenger, challengers)


@jit
def _start_track(k, j, detections, tracks, motion):
    """Write a new track at rest, from detection `j`, to row `k`."""
    tracks.ids[k] = tracks.next_id[0]
    tracks.hits[k] = 1
    start_evidence(k, j, detections.boxes, detections.scores, tracks.evidence)
    tracks.first_frames[k] = tracks.frame[0]
    tracks.last_frames[k] = tracks.frame[0]
    tracks.embeddings[k] = detections.embeddings[j]
    tracks.means[k] = 0
    write_measurement(detections.boxes, j, tracks.means[k])
    height = tracks.means[k, 3]
    for c in range(4):
        position_std = height * motion.initial_std[c] + INITIAL_CONSTANT_STD[c]
        velocity_std = height * motion.initial_std[4 + c] + INITIAL_CONSTANT_STD[4 + c]
        tracks.covariances[k, c, 0] = position_std * position_std
        tracks.covariances[k, c, 1] = 0.0
        tracks.covariances[k, c, 2] = velocity_std * velocity_std


@jit
def _move(k, to, tracks):
    """Copy the track of row `k` to row `to`."""
    tracks.ids[to] = tracks.ids[k]
    tracks.states[to] = tracks.states[k]
    tracks.hits[to] = tracks.hits[k]
    tracks.first_frames[to] = tracks.first_frames[k]
    tracks.last_frames[to] = tracks.last_frames[k]
    tracks.means[to] = tracks.means[k]
    tracks.covariances[to] = tracks.covariances[k]
    tracks.embeddings[to] = tracks.embeddings[k]
    tracks.evidence[to] = tracks.evidence[k]


@jit
def resize(tracks, capacity):
    """Return the same tracks with room for `capacity`."""
    return TrackArrays(
        _resize(tracks.ids, capacity),
        _resize(tracks.states, capacity),
        _resize(tracks.hits, capacity),
        _resize(tracks.first_frames, capacity),
        _resize(tracks.last_frames, capacity),
        _resize(tracks.means, capacity),
        _resize(tracks.covariances, capacity),
        _resize(tracks.embeddings, capacity),
        tracks.n_tracks,
        tracks.frame,
        tracks.next_id,
        _resize(tracks.evidence, capacity),
        tracks.typical_score_sums,
    )


@jit
def _resize(array, capacity):
    """Return a copy of an array with `capacity` rows, new ones zero."""
    larger = np.zeros((capacity,) + array.shape[1:], array.dtype)  # noqa: RUF005
    larger[: len(array)] = array
    return larger
