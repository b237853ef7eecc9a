"""Sums over the frames of each track, added up part by part while tracks are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from murid.core.identity_probabilities import is_uncertain
from murid.core.types import Tracks
from murid.errors import RunError
from murid.store.side_tables import SideTable, SideTables


@dataclass
class _TrackSums:
    """Sums over the frames of one track; the fields are the columns of the stored table."""

    id: int
    first_frame: int
    last_frame: int
    n_frames: int = 0
    n_interpolated: int = 0
    n_merged: int = 0
    score_sum: float = 0.0
    identity_probability_sum: float = 0.0

    def describe(self, *, identified: bool) -> dict[str, Any]:
        """Return the sums as means, for display; a track has no identity probability."""
        # Interpolated positions have no score, but they have an identity probability.
        n_all = self.n_frames + self.n_interpolated
        probability = round(self.identity_probability_sum / n_all, 4) if identified else None
        return {
            "id": self.id,
            "first_frame": self.first_frame,
            "last_frame": self.last_frame,
            "n_frames": self.n_frames,
            "n_interpolated": self.n_interpolated,
            "n_merged": self.n_merged,
            "mean_score": round(self.score_sum / max(self.n_frames, 1), 4),
            "mean_identity_probability": probability,
            "identity_uncertain": is_uncertain(probability),
        }


class Summary:
    """Sums over the frames of each track.

    Attributes
    ----------
    n_frames : int
        Number of frames that were added.
    """

    def __init__(self) -> None:
        self.n_frames = 0
        self._tracks: dict[int, _TrackSums] = {}

    def add(self, first_frame: int, tracks: Tracks) -> None:
        """Add the tracks of the next part."""
        self.n_frames += tracks.n_frames
        n_rows = len(tracks.track_ids)
        frames = tracks.detections.frame_numbers + first_frame
        interpolated = tracks.interpolated
        if interpolated is None:
            interpolated = np.zeros(n_rows, bool)
        probabilities = tracks.identity_probabilities
        if probabilities is None:
            probabilities = np.ones(n_rows, np.float32)

        # Sum by track within the part; np.unique returns the first row of each track.
        rows = np.flatnonzero(tracks.track_ids >= 0)
        ids, first_rows, owners = np.unique(
            tracks.track_ids[rows], return_index=True, return_inverse=True
        )
        last_frames = np.zeros(len(ids), np.int64)
        np.maximum.at(last_frames, owners, frames[rows])
        n_detected = np.bincount(owners, ~interpolated[rows], len(ids))
        n_interpolated = np.bincount(owners, interpolated[rows], len(ids))
        merged = np.zeros(n_rows, bool) if tracks.merged is None else tracks.merged
        n_merged = np.bincount(owners, merged[rows], len(ids))
        score_sums = np.bincount(owners, tracks.detections.scores[rows], len(ids))
        probability_sums = np.bincount(owners, probabilities[rows], len(ids))

        # Add the sums of the part to those of the parts before it.
        for k, track_id in enumerate(ids.tolist()):
            part_begin = int(frames[rows[first_rows[k]]])
            sums = self._tracks.setdefault(track_id, _TrackSums(track_id, part_begin, part_begin))
            sums.last_frame = int(last_frames[k])
            sums.n_frames += int(n_detected[k])
            sums.n_interpolated += int(n_interpolated[k])
            sums.n_merged += int(n_merged[k])
            sums.score_sum += float(score_sums[k])
            sums.identity_probability_sum += float(probability_sums[k])

    def to_rows(self, *, identified: bool) -> list[dict[str, Any]]:
        """Return one dictionary per track, or identity if `identified`, ordered by id.

        Keys: ``id``, ``first_frame``, ``last_frame``, ``n_frames`` (detected),
        ``n_interpolated``, ``n_merged``, ``mean_score``, ``mean_identity_probability`` (None for
        tracks) and ``identity_uncertain``.
        """
        return [
            self._tracks[track_id].describe(identified=identified)
            for track_id in sorted(self._tracks)
        ]

    def write_if_complete(self, tables: SideTables, table: SideTable, n_frames: int) -> None:
        """Store the sums if all `n_frames` were added; raises `RunError` and `StorageError`.

        They are incomplete if another process wrote some of the parts.
        """
        if self.n_frames != n_frames:
            return
        tracks = [self._tracks[track_id] for track_id in sorted(self._tracks)]
        columns = {
            name: np.array([getattr(sums, name) for sums in tracks], dtype)
            for name, dtype in table.columns.items()
        }
        tables.write(table, columns)

    @classmethod
    def read(cls, tables: SideTables, table: SideTable) -> Summary | None:
        """Return the stored sums; None if there are none or they are damaged.

        They can always be computed from the parts.
        """
        try:
            columns = tables.read(table)
        except RunError:
            return None
        if columns is None:
            return None
        summary = cls()
        lists = {name: values.tolist() for name, values in columns.items()}
        for k, track_id in enumerate(lists["id"]):
            values = {name: column[k] for name, column in lists.items()}
            summary._tracks[track_id] = _TrackSums(**values)
        return summary
