"""The association of `Tracker`, compiled to machine code by numba, for a static camera.

`Tracker` is the reference implementation; tests compare the ids of both. This one is tens of times
faster. It compares only boxes that overlap or are near each other, solves each group of competing
tracks by itself, and uses a Kalman filter without matrices.
"""

from __future__ import annotations

import numpy as np

from murid.tracking.compiled import candidates, lifecycle
from murid.tracking.compiled.assignment import assign_pairs
from murid.tracking.compiled.geometry import measure_detections, write_box
from murid.tracking.compiled.jit import jit
from murid.tracking.compiled.state import OUTPUT_BOXES
from murid.tracking.lifecycle import TrackState

# numba takes plain integers, not members of an enumeration.
_TENTATIVE = int(TrackState.TENTATIVE)
_TRACKED = int(TrackState.TRACKED)
_LOST = int(TrackState.LOST)

_DETECTION_BOX = OUTPUT_BOXES.index("detection")
_KALMAN_BOX = OUTPUT_BOXES.index("kalman")

# Avoids division by zero before the first detection; as in `murid.tracking.tracker`.
_EPSILON = 1e-12


@jit
def track_frames(boxes, scores, embeddings, offsets, steps, tracks, challengers, motion, settings):
    """Track the animals through a chunk of frames.

    Parameters
    ----------
    boxes, scores, embeddings : ndarray
        ``(N, 4)``, ``(N,)``, ``(N, d)`` float32 of all frames, one after the other; ``d = 0``
        without embeddings.
    offsets : ndarray
        ``(F + 1,)`` int64: frame ``t`` has the rows ``offsets[t]`` up to ``offsets[t + 1]``.
    steps : ndarray
        ``(F,)`` int64: frame intervals from the frame before to each frame.
    tracks : TrackArrays
        Tracks before the first frame; changed in place.
    challengers : ChallengerArrays
        Challengers before the first frame; changed in place.
    motion : KernelMotion
    settings : KernelSettings

    Returns
    -------
    ids, boxes : ndarray
        ``(N,)`` int64 and ``(N, 4)`` float32, as reported by `Tracker.step`.
    tracks : TrackArrays
        Tracks after the last frame.
    """
    ids = np.full(len(boxes), -1, np.int64)
    reported = boxes.copy()
    for t in range(len(offsets) - 1):
        first = offsets[t]
        last = offsets[t + 1]
        # Every detection may start a track.
        max_n_tracks = tracks.n_tracks[0] + last - first
        if max_n_tracks > len(tracks.ids):
            tracks = lifecycle.resize(tracks, 2 * max_n_tracks)
        detections = measure_detections(
            boxes[first:last], scores[first:last], embeddings[first:last]
        )
        frame_ids = ids[first:last]
        frame_boxes = reported[first:last]
        _step(detections, frame_ids, frame_boxes, steps[t], tracks, challengers, motion, settings)
    return ids, reported, tracks


@jit
def _step(detections, ids, reported, n_steps, tracks, challengers, motion, settings):
    """Track the detections of the next frame, `n_steps` frame intervals after the one before.

    Writes to `ids` ``(n,)``, `reported` boxes ``(n, 4)``, `tracks` and `challengers`.
    """
    tracks.frame[0] += n_steps
    thresholds = _update_thresholds(detections, tracks.typical_score_sums, settings)
    lifecycle.cross_gap(n_steps, tracks, settings)
    if n_steps - 1 > settings.pause_frames:
        challengers.n[0] = 0
    predicted = lifecycle.predict(tracks, motion)
    for _ in range(min(n_steps, settings.max_predicted_frames) - 1):
        predicted = lifecycle.predict(tracks, motion)
    within_pause = min(n_steps, settings.pause_frames + 1)
    matched_tracks, matched_detections = _match(
        detections, thresholds, predicted, within_pause, tracks, settings
    )
    min_overlap = settings.min_merged_overlap
    merged = candidates.find_merged(detections, matched_tracks, predicted, min_overlap)
    momentum = settings.embedding_momentum
    has_places = settings.max_tracks >= 0
    lifecycle.update(detections, matched_tracks, merged, momentum, has_places, tracks)
    _report(matched_tracks, merged, ids, reported, tracks, settings.output_boxes)
    lifecycle.mark_lost(matched_detections, tracks)

    new_track_score = thresholds[2]
    new = (matched_tracks < 0) & detections.has_area & (detections.scores >= new_track_score)
    lifecycle.start_tracks(detections, new, matched_tracks, ids, tracks, motion, settings)
    # If the number of animals is known, tracks end only where a challenger replaces them.
    if not has_places:
        lifecycle.remove_expired(settings.max_lost_frames, tracks)
    elif challengers.n[0] or (new & (matched_tracks < 0)).any():
        lifecycle.challenge(
            detections,
            matched_tracks,
            new_track_score,
            ids,
            reported,
            tracks,
            challengers,
            motion,
            settings,
        )


@jit
def _update_thresholds(detections, score_sums, settings):
    """Return minimum scores in the main stages, in that of low scores, and to start a track.

    See `Tracker._update_thresholds`.
    """
    for j in range(len(detections.scores)):
        if detections.has_area[j]:
            score = detections.scores[j]
            square = np.float64(score) ** 2
            score_sums[0] += square * score
            score_sums[1] += square
    typical = 0.0
    if settings.max_tracks < 0:
        typical = score_sums[0] / max(score_sums[1], _EPSILON)
    main = max(settings.min_score, settings.relative_min_score * typical)
    relative_new_track = settings.relative_min_new_track_score * typical
    new_track = max(settings.min_new_track_score, relative_new_track, main)
    return np.float32(main), np.float32(settings.min_low_score), np.float32(new_track)


@jit
def _match(detections, thresholds, predicted, n_steps, tracks, settings):
    """Return the track of each detection ``(n,)`` and the detection of each track ``(m,)``.

    -1 = none. The stages are those of `murid.tracking.association.plan_stages`.
    """
    min_score, min_low_score, min_new_track_score = thresholds
    scores = detections.scores
    has_area = detections.has_area
    high = has_area & (scores >= min_score)
    states = tracks.states[: len(predicted)]
    matched_tracks = np.full(len(scores), -1, np.int64)
    matched_detections = np.full(len(predicted), -1, np.int64)

    # Stage 1: confirmed tracks and detections that overlap.
    pairs = candidates.find_overlapping_pairs(detections, high, predicted, tracks, settings)
    assign_pairs(pairs, settings.stage1_max_cost, matched_tracks, matched_detections)

    # Stage 2: tracks and detections that stage 1 left unmatched, by distance.
    track_rows = np.flatnonzero((matched_detections < 0) & (states != _TENTATIVE))
    detection_rows = np.flatnonzero((matched_tracks < 0) & high)
    if len(track_rows) and len(detection_rows):
        max_cost = settings.stage2_max_cost
        max_cost += settings.stage2_max_cost_per_s * n_steps / settings.fps
        pairs = candidates.find_near_pairs(
            detections, track_rows, detection_rows, predicted, tracks, max_cost, settings
        )
        assign_pairs(pairs, max_cost, matched_tracks, matched_detections)

    # Detections with low scores continue tracks, but start none.
    if settings.min_low_score >= 0:
        max_cost = settings.low_score_max_cost
        low = has_area & (scores < min_score) & (scores >= min_low_score)
        track_rows = np.flatnonzero((matched_detections < 0) & (states == _TRACKED))
        detection_rows = np.flatnonzero((matched_tracks < 0) & low)
        pairs = candidates.find_iou_pairs(
            detections, track_rows, detection_rows, predicted, max_cost
        )
        assign_pairs(pairs, max_cost, matched_tracks, matched_detections)

    # Tentative tracks.
    max_cost = settings.tentative_max_cost
    track_rows = np.flatnonzero((matched_detections < 0) & (states == _TENTATIVE))
    detection_rows = np.flatnonzero((matched_tracks < 0) & high)
    pairs = candidates.find_iou_pairs(detections, track_rows, detection_rows, predicted, max_cost)
    assign_pairs(pairs, max_cost, matched_tracks, matched_detections)

    # Recovery of lost tracks, if the number of animals is known.
    if settings.max_tracks >= 0:
        confident = has_area & (scores >= min_new_track_score)
        track_rows = np.flatnonzero((matched_detections < 0) & (states == _LOST))
        detection_rows = np.flatnonzero((matched_tracks < 0) & confident)
        pairs = candidates.find_recovery_pairs(
            detections, track_rows, detection_rows, tracks, settings.fps
        )
        assign_pairs(pairs, 1.0, matched_tracks, matched_detections)
    return matched_tracks, matched_detections


@jit
def _report(matched_tracks, merged, ids, reported, tracks, output_boxes):
    """Write ids and boxes of the matched tracks, see `murid.tracking.tracker`."""
    filtered = np.empty(4)
    for j in range(len(matched_tracks)):
        k = matched_tracks[j]
        if k < 0:
            continue
        ids[j] = tracks.ids[k]
        if output_boxes != _DETECTION_BOX:
            weight = 1.0 if merged[j] or output_boxes == _KALMAN_BOX else 0.5
            write_box(tracks.means[k], filtered)
            for c in range(4):
                reported[j, c] = weight * filtered[c] + (1 - weight) * reported[j, c]
