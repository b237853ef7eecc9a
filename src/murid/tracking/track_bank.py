"""State of the current tracks between two frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from murid.core.records import ArrayRecord
from murid.core.types import Float32, Float64, Int64
from murid.core.validation import check_array


@dataclass(frozen=True, eq=False, slots=True)
class TrackBank(ArrayRecord):
    """The state of a tracker between two frames: one row per track.

    Attributes
    ----------
    ids : ndarray
        ``(m,)`` int64.
    states : ndarray
        ``(m,)`` int64 values of `murid.tracking.lifecycle.TrackState`.
    means : ndarray
        ``(m, 8)`` float64 Kalman means (x, y, a, h and their velocities per frame).
    covariances : ndarray
        ``(m, 8, 8)`` float64.
    embeddings : ndarray
        ``(m, d)`` float32 unit rows; ``d = 0`` without appearance.
    hits : ndarray
        ``(m,)`` int64 number of frames in which the track was matched.
    first_frames, last_frames : ndarray
        ``(m,)`` int64: first and latest frame in which the track was matched.
    mean_centres : ndarray
        ``(m, 2)`` float64 pixels: mean of the centres of all matched boxes.
    away_hits : ndarray
        ``(m,)`` int64 number of matches away from the mean centre until then, see
        `murid.tracking.challengers`.
    score_sums : ndarray
        ``(m,)`` float64 sum of the scores of all matches.
    """

    ids: Int64
    states: Int64
    means: Float64
    covariances: Float64
    embeddings: Float32
    hits: Int64
    first_frames: Int64
    last_frames: Int64
    mean_centres: Float64
    away_hits: Int64
    score_sums: Float64

    def __post_init__(self) -> None:
        m = len(self.ids)
        for name in ("ids", "states", "hits", "first_frames", "last_frames", "away_hits"):
            check_array(f"TrackBank.{name}", getattr(self, name), np.int64, (m,))
        check_array("TrackBank.means", self.means, np.float64, (m, 8))
        check_array("TrackBank.covariances", self.covariances, np.float64, (m, 8, 8))
        check_array("TrackBank.mean_centres", self.mean_centres, np.float64, (m, 2))
        check_array("TrackBank.score_sums", self.score_sums, np.float64, (m,))
        check_array("TrackBank.embeddings", self.embeddings, np.float32, (m, None))

    def __len__(self) -> int:
        return len(self.ids)
