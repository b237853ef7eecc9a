"""All that is measured of a recording's tracklets, for judging paths through them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from murid.core.types import Float32, Float64, Int32, Int64
from murid.identification.appearance_model import AppearanceModel
from murid.identification.motion import Ends, MotionModel
from murid.identification.point_match_score import TrackletPointMatches
from murid.identification.swap_appearance import SwapAppearance
from murid.identification.tracklets import Tracklets


@dataclass(frozen=True, eq=False, slots=True)
class TrackletEvidence:
    """Tracklets and what was made of them.

    Attributes
    ----------
    tracklets : Tracklets
    shapes : ndarray
        ``(M, 4)`` float32, in the order of the tracklets' rows, as are the next two.
    frames : ndarray
        ``(M,)`` int32.
    clear : ndarray
        ``(M,)`` bool.
    ends, motion, looks, contrast
        What was made of them.
    bidirectional_tracks : ndarray
        ``(W, M)`` int32: the stretch of a track that each witness has put each detection on, -1 =
        none.
    """

    tracklets: Tracklets
    shapes: Float32
    frames: Int32
    clear: NDArray[np.bool_]
    ends: Ends
    motion: MotionModel
    appearance: AppearanceModel
    swap_appearance: SwapAppearance
    bidirectional_tracks: Int32
    point_matches: TrackletPointMatches

    def compute_llrs(self, heads: Int64, tails: Int64, appearance: bool = False) -> Float64:
        """What motion, and looks if asked, say for tracklets ``(k,)`` that follow one another; 0 where one is -1."""
        known = np.flatnonzero((heads >= 0) & (tails >= 0))
        llrs, h, t = np.zeros(len(heads)), heads[known], tails[known]
        gaps = self.tracklets.first_frames[t] - self.tracklets.last_frames[h]
        llrs[known] = self.motion.compute_llrs(self.ends, h, t, np.maximum(gaps, 1))
        if appearance:
            llrs[known] += self.appearance.compute_llrs(h, t)
        return llrs

    def find_spaces(self, frames: Float64) -> Int64:
        """Spaces ``(k,)`` of the contrast in which to compare what was seen at some frame."""
        return self.swap_appearance.find_spaces(frames / self.motion.fps)

    def count_track_votes(self, heads: Int64, tails: Int64) -> Float64:
        """How many witnesses have followed one animal from the first tracklets ``(k,)`` into the others; 0 at -1."""
        offsets = self.tracklets.offsets
        return self.compare_rows(
            np.where(heads >= 0, offsets[heads + 1] - 1, -1),
            np.where(tails >= 0, offsets[tails], -1),
        )

    def compare_rows(self, before: Int64, after: Int64) -> Float64:
        """How many witnesses have put two detections ``(k,)``, by their places in the tracklets' rows, on one track."""
        known = (before >= 0) & (after >= 0)
        a, b = self.bidirectional_tracks[:, before], self.bidirectional_tracks[:, after]
        votes: Float64 = ((a == b) & (a >= 0) & known).sum(axis=0).astype(np.float64)
        return votes
