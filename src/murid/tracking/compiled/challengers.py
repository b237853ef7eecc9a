"""`murid.tracking.challengers`, compiled. All functions change `ChallengerArrays` in place."""

from __future__ import annotations

import numpy as np

from murid.tracking.association import RECOVERY_RADIUS, RECOVERY_RADIUS_PER_S
from murid.tracking.challengers import (
    DUPLICATE_OVERLAP,
    MAX_CHALLENGERS,
    MIN_CHALLENGE_HITS,
    MIN_STRENGTH_LEAD,
    MOVED_BONUS,
    MOVED_SHARE,
)
from murid.tracking.compiled.geometry import compute_intersection
from murid.tracking.compiled.jit import jit, jit_inline
from murid.tracking.lifecycle import AWAY_BODY_LENGTHS, TrackState

# numba takes plain integers, not members of an enumeration.
_TENTATIVE = int(TrackState.TENTATIVE)


# Columns of `evidence`.
_X, _Y, _AWAY_HITS, _SCORE_SUM = range(4)


@jit
def add_evidence(k, j, boxes, scores, hits, evidence):
    """Add detection `j` to the evidence of a track or challenger, which has `hits[k]` with it."""
    x = np.float64((boxes[j, 0] + boxes[j, 2]) / np.float32(2)) - evidence[k, _X]
    y = np.float64((boxes[j, 1] + boxes[j, 3]) / np.float32(2)) - evidence[k, _Y]
    length = max(boxes[j, 2] - boxes[j, 0], boxes[j, 3] - boxes[j, 1])
    limit = AWAY_BODY_LENGTHS * np.float64(length)
    if x * x + y * y >= limit * limit:
        evidence[k, _AWAY_HITS] += 1
    evidence[k, _X] += x / hits[k]
    evidence[k, _Y] += y / hits[k]
    evidence[k, _SCORE_SUM] += scores[j]


@jit
def start_evidence(k, j, boxes, scores, evidence):
    """Write the evidence of a track or challenger that starts from detection `j`."""
    evidence[k, _X] = (boxes[j, 0] + boxes[j, 2]) / np.float32(2)
    evidence[k, _Y] = (boxes[j, 1] + boxes[j, 3]) / np.float32(2)
    evidence[k, _AWAY_HITS] = 0
    evidence[k, _SCORE_SUM] = scores[j]


@jit
def follow_challengers(detections, matched_tracks, min_score, challengers, frame, settings):
    """Follow the detections that found no place.

    `matched_tracks` ``(n,)`` are -1 for detections without a track. The detection of each
    challenger in this frame is written to `challengers.matched`.
    """
    remove_ended(challengers, frame, settings.max_challenge_gap)
    n_before = challengers.n[0]
    for k in range(n_before):
        challengers.matched[k] = -1
    rows = np.flatnonzero(
        (matched_tracks < 0) & detections.has_area & (detections.scores >= min_score)
    )
    if not len(rows):
        return
    order = np.argsort(-detections.scores[rows], kind="mergesort")
    for j in rows[order]:
        if _is_duplicate(j, detections, matched_tracks):
            continue
        k = _find_nearest(j, n_before, detections, challengers, frame, settings.fps)
        if k >= 0:
            challengers.hits[k] += 1
            add_evidence(
                k, j, detections.boxes, detections.scores, challengers.hits, challengers.evidence
            )
        elif challengers.n[0] < MAX_CHALLENGERS:
            k = challengers.n[0]
            challengers.n[0] += 1
            challengers.hits[k] = 1
            start_evidence(k, j, detections.boxes, detections.scores, challengers.evidence)
            challengers.first_frames[k] = frame
        else:
            continue
        challengers.matched[k] = j
        boxes = detections.boxes
        challengers.last_frames[k] = frame
        challengers.lengths[k] = detections.lengths[j]
        challengers.centres[k, 0] = (boxes[j, 0] + boxes[j, 2]) / np.float32(2)
        challengers.centres[k, 1] = (boxes[j, 1] + boxes[j, 3]) / np.float32(2)


@jit
def _is_duplicate(j, detections, matched_tracks):
    """Return whether a detection shows the same as one that has a track."""
    areas = detections.areas
    for other in range(len(matched_tracks)):
        if matched_tracks[other] >= 0:
            overlap = compute_intersection(detections.boxes[j], detections.boxes[other])
            if overlap >= DUPLICATE_OVERLAP * min(areas[j], areas[other]):
                return True
    return False


@jit
def _find_nearest(j, n_challengers, detections, challengers, frame, fps):
    """Return the nearest challenger within reach that has no detection yet; -1 = none."""
    boxes = detections.boxes
    centre_x = np.float64((boxes[j, 0] + boxes[j, 2]) / np.float32(2))
    centre_y = np.float64((boxes[j, 1] + boxes[j, 3]) / np.float32(2))
    nearest = -1
    min_square = np.inf
    for k in range(n_challengers):
        if challengers.matched[k] >= 0:
            continue
        gap_s = (frame - challengers.last_frames[k]) / fps
        reach = (RECOVERY_RADIUS + RECOVERY_RADIUS_PER_S * gap_s) * challengers.lengths[k]
        x = challengers.centres[k, 0] - centre_x
        y = challengers.centres[k, 1] - centre_y
        square = x * x + y * y
        if square <= reach * reach and square < min_square:
            min_square = square
            nearest = k
    return nearest


@jit
def choose_replacement(tracks, challengers, settings):
    """Return the rows of a track and of the challenger that replaces it; -1 without one."""
    challenger = -1
    max_strength = -np.inf
    for k in range(challengers.n[0]):
        lasted = challengers.last_frames[k] - challengers.first_frames[k]
        is_ready = challengers.matched[k] >= 0 and lasted >= settings.min_challenge_frames
        if is_ready and challengers.hits[k] >= MIN_CHALLENGE_HITS:
            strength = _compute_strength(k, challengers.hits, challengers.evidence)
            if strength > max_strength:
                max_strength = strength
                challenger = k
    if challenger < 0:
        return -1, -1
    track = -1
    min_strength = np.inf
    for k in range(tracks.n_tracks[0]):
        if tracks.states[k] != _TENTATIVE:
            strength = _compute_strength(k, tracks.hits, tracks.evidence)
            if strength < min_strength:
                min_strength = strength
                track = k
    if max_strength < min_strength + MIN_STRENGTH_LEAD:
        return -1, -1
    return track, challenger


@jit_inline
def _compute_strength(k, hits, evidence):
    """Return how much speaks for an animal."""
    moved = min(evidence[k, _AWAY_HITS] / (MOVED_SHARE * hits[k]), 1.0)
    return evidence[k, _SCORE_SUM] / hits[k] + MOVED_BONUS * moved


@jit
def remove_ended(challengers, frame, max_gap):
    """Remove the challengers that were not detected for more than `max_gap` frame intervals."""
    n_kept = 0
    for k in range(challengers.n[0]):
        if frame - challengers.last_frames[k] <= max_gap:
            _move(k, n_kept, challengers)
            n_kept += 1
    challengers.n[0] = n_kept


@jit
def remove_challenger(row, challengers):
    """Remove one challenger."""
    for k in range(row + 1, challengers.n[0]):
        _move(k, k - 1, challengers)
    challengers.n[0] -= 1


@jit
def _move(k, to, challengers):
    """Copy the challenger of row `k` to row `to`."""
    if k == to:
        return
    challengers.centres[to] = challengers.centres[k]
    challengers.lengths[to] = challengers.lengths[k]
    challengers.hits[to] = challengers.hits[k]
    challengers.evidence[to] = challengers.evidence[k]
    challengers.first_frames[to] = challengers.first_frames[k]
    challengers.last_frames[to] = challengers.last_frames[k]
    challengers.matched[to] = challengers.matched[k]
