"""Tracklet evidence: all measurements from which paths through the tracklets are scored."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from murid.core.types import Bool, Float32, Float64, Int32, Int64
from murid.identification.appearance_models.appearance_model import AppearanceModel
from murid.identification.appearance_models.tracklet_features import compute_appearance_times
from murid.identification.constraints import TrackletPairs
from murid.identification.motion import MotionModel, TrackletEnds, split_by_gap
from murid.identification.point_match_score import TrackletPointMatches
from murid.identification.time_slots import TimeSlots
from murid.identification.tracklets import Tracklets


@dataclass(frozen=True, eq=False, slots=True)
class TrackletEvidence:
    """Tracklets and their measurements.

    Attributes
    ----------
    tracklets : Tracklets
    shapes : ndarray
        ``(M, 4)`` float32, as of `to_shapes`, in the order of ``tracklets.rows``.
    frames : ndarray
        ``(M,)`` int32, in the same order.
    unoccluded : ndarray
        ``(M,)`` bool, in the same order: whether no other box covers much of the box.
    ends : TrackletEnds
        First and last shapes and velocities of the tracklets.
    motion : MotionModel
        Fitted on the tracklets.
    appearance : AppearanceModel
        Appearance of tracklets, for links between them and for swaps of two animals.
    bidirectional_tracks : ndarray
        ``(W, M)`` int32: the uninterrupted part of a track that holds each detection, one row for
        each direction in which the recording was tracked; -1 = none.
    point_matches : TrackletPointMatches
        Points of fur that were followed from tracklet to tracklet.
    time_slots : TimeSlots
        Which of the frames, which are slots where the recording pauses, are missing.
    constraints : TrackletPairs
        Tracklets that certainly are the same animal, or different ones.
    """

    tracklets: Tracklets
    shapes: Float32
    frames: Int32
    unoccluded: Bool
    ends: TrackletEnds
    motion: MotionModel
    appearance: AppearanceModel
    bidirectional_tracks: Int32
    point_matches: TrackletPointMatches
    time_slots: TimeSlots = field(default_factory=TimeSlots)
    constraints: TrackletPairs = field(default_factory=TrackletPairs.empty)

    def compute_motion_llrs(self, predecessors: Int64, successors: Int64) -> Float64:
        """Return log-likelihood ratios ``(k, 2)`` of motion for links of tracklets; 0 at -1.

        The first column is the part that counts as motion over a short gap, the second the rest,
        see `split_by_gap`.
        """
        known = np.flatnonzero((predecessors >= 0) & (successors >= 0))
        known_predecessors = predecessors[known]
        known_successors = successors[known]
        before = self.tracklets.last_frames[known_predecessors]
        after = self.tracklets.first_frames[known_successors]
        gaps = np.maximum(after - before, 1)
        n_missing = self.time_slots.count_missing(before, after)
        llrs = np.zeros((len(predecessors), 2))
        known_llrs = self.motion.compute_llrs(
            self.ends, known_predecessors, known_successors, gaps, n_missing
        )
        llrs[known] = split_by_gap(known_llrs, gaps, self.motion.fps)
        return llrs

    def compute_appearance_llrs(self, predecessors: Int64, successors: Int64) -> Float64:
        """Return log-likelihood ratios ``(k,)`` of appearance for links of tracklets."""
        before = self.tracklets.last_frames[predecessors]
        folds = self.find_folds((before + self.tracklets.first_frames[successors]) / 2)
        return self.appearance.compute_link_llrs(predecessors, successors, folds)

    def find_folds(self, frames: Float64) -> Int64:
        """Return the fold ``(k,)`` of the appearance in which to compare animals at a frame."""
        return self.appearance.find_folds(compute_appearance_times(frames, self.motion.fps))

    def count_track_votes(self, predecessors: Int64, successors: Int64) -> Float64:
        """Return how many bidirectional tracks ``(k,)`` join tracklets with others; 0 at -1."""
        offsets = self.tracklets.offsets
        last_rows = np.where(predecessors >= 0, offsets[predecessors + 1] - 1, -1)
        first_rows = np.where(successors >= 0, offsets[successors], -1)
        return self.count_row_votes(last_rows, first_rows)

    def count_row_votes(self, before: Int64, after: Int64) -> Float64:
        """Return how many bidirectional tracks ``(k,)`` hold both of two detections; 0 at -1.

        Detections are given by their indices in ``tracklets.rows``.
        """
        known = (before >= 0) & (after >= 0)
        tracks_before = self.bidirectional_tracks[:, before]
        tracks_after = self.bidirectional_tracks[:, after]
        agree = (tracks_before == tracks_after) & (tracks_before >= 0) & known
        votes: Float64 = agree.sum(axis=0).astype(np.float64)
        return votes
