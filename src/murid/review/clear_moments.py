"""Moments before and after a crossing at which both animals can be seen well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.types import Float32, Float64, Int64
from murid.review.results import IdentityPart

# Moments on either side of a crossing: as many crops as fit beside the video.
N_MOMENTS = 3

# How far from a crossing moments are searched. Decoding gets there in a moment, and animals walk
# out of a contact in this time.
SEARCHED_S = 10.0

# Moments closer to each other look the same.
_MIN_INTERVAL_S = 0.7


@dataclass(frozen=True, slots=True)
class ClearMoment:
    """A frame, and the boxes of both animals in it."""

    frame: int
    boxes: tuple[tuple[float, ...], tuple[float, ...]]


def find_clear_moments(
    parts: list[IdentityPart],
    pair: tuple[int, int],
    first_frame: int,
    last_frame: int,
    times_s: Float64,
) -> list[ClearMoment]:
    """Return the clearest moments of two identities between two frames, in order of time.

    Clear are boxes with a high score that overlap no other box and are neither merged nor
    interpolated.

    Parameters
    ----------
    parts : list of IdentityPart
        Parts with these frames.
    pair : tuple of int
        The identities.
    first_frame, last_frame : int
        Both included.
    times_s : ndarray
        ``(F,)`` float64 times of all frames of the run.
    """
    candidates: list[tuple[float, ClearMoment]] = []
    for part in parts:
        first = max(first_frame, part.first_frame)
        last = min(last_frame, part.first_frame + part.n_frames - 1)
        for frame in range(first, last + 1):
            found = _look(part, frame, pair)
            if found is not None:
                candidates.append(found)
    candidates.sort(key=lambda candidate: -candidate[0])
    chosen: list[ClearMoment] = []
    for _, moment in candidates:
        gaps = (abs(times_s[moment.frame] - times_s[other.frame]) for other in chosen)
        if all(gap >= _MIN_INTERVAL_S for gap in gaps):
            chosen.append(moment)
        if len(chosen) == N_MOMENTS:
            break
    return sorted(chosen, key=lambda moment: moment.frame)


def _look(
    part: IdentityPart, frame: int, pair: tuple[int, int]
) -> tuple[float, ClearMoment] | None:
    """Return how clear both animals are in a frame; None if one of them is not detected."""
    t = frame - part.first_frame
    own = slice(part.offsets[t], part.offsets[t + 1])
    identities: Int64 = part.identities[own]
    boxes: Float32 = part.boxes[own]
    clarity = 1.0
    shown = []
    for identity in pair:
        places = np.flatnonzero(identities == identity)
        if not len(places) or part.rows[own][places[0]] < 0 or part.merged[own][places[0]]:
            return None
        place = int(places[0])
        covered = _compute_covered(boxes[place], np.delete(boxes, place, axis=0))
        clarity = min(clarity, float(part.scores[own][place]) * (1 - covered))
        shown.append(tuple(round(float(side), 1) for side in boxes[place]))
    return clarity, ClearMoment(frame, (shown[0], shown[1]))


def _compute_covered(box: Float32, others: Float32) -> float:
    """Return the largest share of a box that another box covers."""
    if not len(others):
        return 0.0
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    area = max(float((box[2] - box[0]) * (box[3] - box[1])), 1e-6)
    return min(float(shared.max()) / area, 1.0)
