"""Keypoints of tracks: head and tail over time, chunk by chunk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from murid.core.types import Float64, Tracks
from murid.identification.keypoints.head_tail import (
    AnimalFrames,
    ChainEnd,
    resolve_head_tail,
)

# A track that was not seen for this long starts anew: what was known of its head says nothing by
# then (`axis_evidence.TURN_PER_S`).
MAX_LOST_S = 10.0


class TrackKeypoints:
    """Exchanges nose and tail base of tracks where the detector confused them.

    Each chunk is resolved by what is known from those before and by all of its own frames. Nothing
    is smoothed or interpolated: the boxes of tracks are not, either.

    Parameters
    ----------
    fps : float
        Frames per second.
    """

    def __init__(self, fps: float) -> None:
        self._interval_s = 1 / fps
        self._ends: dict[int, ChainEnd] = {}

    def resolve(self, tracks: Tracks, times_s: Float64) -> Tracks:
        """Return the tracks of the next chunk with resolved keypoints.

        Parameters
        ----------
        tracks : Tracks
            Those without keypoints are returned as they are.
        times_s : ndarray
            ``(F,)`` float64 times of the frames in seconds.
        """
        table = tracks.detections
        rows = np.flatnonzero(tracks.track_ids >= 0)
        if table.keypoints is None or not len(rows):
            return tracks
        row_times_s = times_s[table.frame_numbers]
        keypoints = table.keypoints.copy()
        # Rows by track and then frame.
        rows = rows[np.argsort(tracks.track_ids[rows], kind="stable")]
        ids, starts = np.unique(tracks.track_ids[rows], return_index=True)
        for track_id, own in zip(ids.tolist(), np.split(rows, starts[1:]), strict=True):
            animal = AnimalFrames(row_times_s[own], table.boxes[own], table.keypoints[own])
            before = self._ends.get(track_id)
            resolved, end = resolve_head_tail(animal, self._interval_s, before)
            keypoints[own] = resolved
            if end is not None:
                self._ends[track_id] = end
        oldest_s = float(times_s[-1]) - MAX_LOST_S
        self._ends = {
            track_id: end for track_id, end in self._ends.items() if end.link.times_s[0] >= oldest_s
        }
        return replace(tracks, detections=replace(table, keypoints=keypoints))
