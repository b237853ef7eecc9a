"""Challengers: detections for which there is no free place if the number of animals is known.

With N places, N tracks that came first would hold them for ever, whether or not they are animals. A
challenger is the track of a detection that found no place. It is not reported and has no id. Once
it has lasted for a while, it replaces the weakest track, if it clearly is the stronger one. The
*strength* of a track is its mean score, plus a bonus if it moved: a spout or a text in the picture
stays in one place, whereas an animal moves, sooner or later.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from murid.core.boxes import compute_areas, compute_centres, compute_intersections
from murid.core.clock import to_frames
from murid.core.records import ArrayRecord
from murid.core.types import Bool, Detections, Float32, Float64, Int64
from murid.core.validation import check_array
from murid.tracking.association import RECOVERY_RADIUS, RECOVERY_RADIUS_PER_S
from murid.tracking.lifecycle import (
    TrackState,
    find_away,
    measure_lengths,
    update_mean_centres,
    warp_points,
)
from murid.tracking.track_bank import TrackBank

# A challenger replaces a track only after so long, and so many matches at any frame rate: text or a
# reflection that is detected for a moment is no animal. Twice as long, and an animal without a
# place is reported that much later.
MIN_CHALLENGE_S = 1.5
MIN_CHALLENGE_HITS = 5
# A challenger without a detection for this time has ended, but not before so many frames.
MAX_CHALLENGE_GAP_S = 0.5
MIN_CHALLENGE_GAP_FRAMES = 3
# Largest number of challengers at a time, so that time and memory are bounded.
MAX_CHALLENGERS = 16
# A track moved if its box was away from its mean place in this share of its matches. Single boxes
# that are off do not make it move, nor that clutter got the track of an animal for good.
MOVED_SHARE = 0.2
# Bonus of a track that moved, and by how much a challenger must be stronger. A moving challenger
# thus replaces a track at rest unless its mean score is 0.25 lower; of two that both move, or both
# rest, it must be 0.25 higher, and one at rest never replaces a track that moved.
MOVED_BONUS = 0.5
MIN_STRENGTH_LEAD = 0.25
# A detection is a duplicate of another one if so much of the smaller box lies in the larger one.
DUPLICATE_OVERLAP = 0.5


def count_min_challenge_frames(fps: float) -> int:
    """Return the number of frame intervals for which a challenger must last."""
    return int(to_frames(MIN_CHALLENGE_S, fps, 1))


def count_max_gap_frames(fps: float) -> int:
    """Return the number of frame intervals without a match after which a challenger ends."""
    return int(to_frames(MAX_CHALLENGE_GAP_S, fps, MIN_CHALLENGE_GAP_FRAMES))


@dataclass(frozen=True, eq=False, slots=True)
class Challengers(ArrayRecord):
    """Detections without a place, followed from frame to frame: one row per challenger.

    Attributes
    ----------
    centres, mean_centres : ndarray
        ``(k, 2)`` float64 pixels: centre of the latest box, and mean of the centres of all boxes.
    lengths : ndarray
        ``(k,)`` float64 pixels: longer side of the latest box.
    hits, away_hits : ndarray
        ``(k,)`` int64 number of matches, and of those away from the mean centre.
    score_sums : ndarray
        ``(k,)`` float64 sum of the scores.
    first_frames, last_frames : ndarray
        ``(k,)`` int64: first and latest frame with a match.
    """

    centres: Float64
    mean_centres: Float64
    lengths: Float64
    hits: Int64
    away_hits: Int64
    score_sums: Float64
    first_frames: Int64
    last_frames: Int64

    def __post_init__(self) -> None:
        k = len(self.hits)
        for name in ("centres", "mean_centres"):
            check_array(f"Challengers.{name}", getattr(self, name), np.float64, (k, 2))
        for name in ("lengths", "score_sums"):
            check_array(f"Challengers.{name}", getattr(self, name), np.float64, (k,))
        for name in ("hits", "away_hits", "first_frames", "last_frames"):
            check_array(f"Challengers.{name}", getattr(self, name), np.int64, (k,))

    def __len__(self) -> int:
        return len(self.hits)


def empty_challengers() -> Challengers:
    """Return no challengers."""
    return start_challengers(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0)


def start_challengers(boxes: Float32, scores: Float32, frame: int) -> Challengers:
    """Return one challenger for each box ``(n, 4)`` with a score ``(n,)``."""
    centres = compute_centres(boxes).astype(np.float64)
    n = len(centres)
    frames = np.full(n, frame, np.int64)
    return Challengers(
        centres=centres,
        mean_centres=centres,
        lengths=measure_lengths(boxes),
        hits=np.ones(n, np.int64),
        away_hits=np.zeros(n, np.int64),
        score_sums=scores.astype(np.float64),
        first_frames=frames,
        last_frames=frames,
    )


def warp_challengers(challengers: Challengers, camera_motion: Float64) -> Challengers:
    """Return the challengers after a camera motion ``(2, 3)``."""
    return replace(
        challengers,
        centres=warp_points(challengers.centres, camera_motion),
        mean_centres=warp_points(challengers.mean_centres, camera_motion),
    )


def compute_strengths(tracks: TrackBank | Challengers) -> Float64:
    """Return the strength ``(n,)`` of tracks or challengers: how much speaks for an animal."""
    moved = np.minimum(tracks.away_hits / (MOVED_SHARE * tracks.hits), 1.0)
    strengths: Float64 = tracks.score_sums / tracks.hits + MOVED_BONUS * moved
    return strengths


def find_without_place(detections: Detections, has_track: Bool, min_score: float) -> Int64:
    """Return the rows of detections that found no place, highest scores first.

    Those are left out that have a low score or are duplicates of detections `has_track` ``(n,)``.
    """
    rows = np.flatnonzero(~has_track & (detections.scores >= min_score))
    areas = compute_areas(detections.boxes)
    overlaps = compute_intersections(detections.boxes[rows], detections.boxes[has_track])
    smaller = np.minimum(areas[rows, None], areas[has_track])
    rows = rows[~(overlaps >= DUPLICATE_OVERLAP * smaller).any(axis=1)]
    return rows[np.argsort(-detections.scores[rows], kind="stable")]


def follow_challengers(
    challengers: Challengers, detections: Detections, rows: Int64, frame: int, fps: float
) -> tuple[Challengers, Int64]:
    """Return the challengers of this frame, and the detection of each, -1 = none.

    A detection belongs to the nearest challenger within the radius in which lost tracks are
    recovered, or starts one. Those that were not detected for a while have ended.
    """
    max_gap = count_max_gap_frames(fps)
    challengers = challengers.select(frame - challengers.last_frames <= max_gap)
    gaps_s = (frame - challengers.last_frames) / fps
    reach = (RECOVERY_RADIUS + RECOVERY_RADIUS_PER_S * gaps_s) * challengers.lengths
    matched = np.full(len(challengers), -1, np.int64)
    new_rows = []
    for row in rows.tolist():
        centre = compute_centres(detections.boxes[row : row + 1])[0].astype(np.float64)
        offsets = challengers.centres - centre
        squares = offsets[:, 0] ** 2 + offsets[:, 1] ** 2
        squares[(matched >= 0) | (squares > reach**2)] = np.inf
        if len(squares) and np.isfinite(squares.min()):
            matched[int(squares.argmin())] = row
        else:
            new_rows.append(row)
    continued = _continue(challengers, detections, matched, frame)
    started = np.array(new_rows[: MAX_CHALLENGERS - len(challengers)], np.int64)
    new = start_challengers(detections.boxes[started], detections.scores[started], frame)
    return Challengers.concatenate([continued, new]), np.concatenate([matched, started])


def _continue(
    challengers: Challengers, detections: Detections, matched: Int64, frame: int
) -> Challengers:
    """Return the challengers with the evidence of their detections ``(k,)``; -1 = none."""
    own = np.flatnonzero(matched >= 0)
    boxes = detections.boxes[matched[own]]
    centres = challengers.centres.copy()
    lengths = challengers.lengths.copy()
    hits = challengers.hits.copy()
    away_hits = challengers.away_hits.copy()
    score_sums = challengers.score_sums.copy()
    last_frames = challengers.last_frames.copy()
    centres[own] = compute_centres(boxes)
    lengths[own] = measure_lengths(boxes)
    hits[own] += 1
    mean_centres = challengers.mean_centres.copy()
    away_hits[own] += find_away(boxes, mean_centres[own])
    mean_centres[own] = update_mean_centres(mean_centres[own], boxes, hits[own])
    score_sums[own] += detections.scores[matched[own]]
    last_frames[own] = frame
    return replace(
        challengers,
        centres=centres,
        mean_centres=mean_centres,
        lengths=lengths,
        hits=hits,
        away_hits=away_hits,
        score_sums=score_sums,
        last_frames=last_frames,
    )


def choose_replacement(
    bank: TrackBank, challengers: Challengers, frame: int, fps: float
) -> tuple[int, int] | None:
    """Return the rows of a track and of the challenger that replaces it; None without one.

    They are the weakest confirmed track and the strongest challenger that was matched in this frame
    and has lasted long enough.
    """
    strengths = np.where(bank.states != TrackState.TENTATIVE, compute_strengths(bank), np.inf)
    lasted = challengers.last_frames - challengers.first_frames
    is_ready = (challengers.last_frames == frame) & (challengers.hits >= MIN_CHALLENGE_HITS)
    is_ready &= lasted >= count_min_challenge_frames(fps)
    if not len(strengths) or not is_ready.any():
        return None
    own_strengths = np.where(is_ready, compute_strengths(challengers), -np.inf)
    track = int(strengths.argmin())
    challenger = int(own_strengths.argmax())
    if own_strengths[challenger] < strengths[track] + MIN_STRENGTH_LEAD:
        return None
    return track, challenger
