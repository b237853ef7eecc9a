"""What every track of a run amounts to, added up part by part, so that asking for it later reads no part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from murid.core.types import Tracks
from murid.errors import RunError
from murid.store.parquet import read_columns, to_numbers, write_columns

_WHOLE, _REAL = (
    ("id", "first_frame", "last_frame", "n_frames", "n_interpolated"),
    ("score_sum", "identity_probability_sum"),
)
_COLUMNS: dict[str, Any] = dict.fromkeys(_WHOLE, np.int64) | dict.fromkeys(_REAL, np.float64)


class Summary:
    """Sums over the frames of each track.

    Attributes
    ----------
    n_frames : int
        Frames that were added.
    """

    def __init__(self) -> None:
        self.n_frames = 0
        self._rows: dict[int, tuple[int, int, int, int, float, float]] = {}

    def add(self, first_frame: int, tracks: Tracks) -> None:
        """Take the tracks of the next part."""
        self.n_frames += tracks.n_frames
        n, frames = len(tracks.track_ids), tracks.detections.frame_numbers + first_frame
        interpolated = np.zeros(n, bool) if tracks.interpolated is None else tracks.interpolated
        identity_probabilities = (
            np.ones(n, np.float32)
            if tracks.identity_probabilities is None
            else tracks.identity_probabilities
        )
        rows = np.flatnonzero(tracks.track_ids >= 0)
        ids, starts, places = np.unique(
            tracks.track_ids[rows], return_index=True, return_inverse=True
        )
        last = np.zeros(len(ids), np.int64)
        np.maximum.at(last, places, frames[rows])
        values = (~interpolated, interpolated, tracks.detections.scores, identity_probabilities)
        sums = [np.bincount(places, value[rows], len(ids)).tolist() for value in values]
        for track_id, begun, ended, *own in zip(
            ids.tolist(), frames[rows[starts]].tolist(), last.tolist(), *sums, strict=True
        ):
            old = self._rows.get(track_id, (begun, 0, 0, 0, 0.0, 0.0))
            n_seen, n_interpolated = old[2] + int(own[0]), old[3] + int(own[1])
            self._rows[track_id] = (
                old[0],
                ended,
                n_seen,
                n_interpolated,
                old[4] + own[2],
                old[5] + own[3],
            )

    def to_rows(self) -> list[dict[str, Any]]:
        """First and last frame, frames seen and filled in, mean score and certainty of each track, by id."""
        return [
            {
                "id": track_id,
                "first_frame": first,
                "last_frame": last,
                "n_frames": n_seen,
                "n_interpolated": n_interpolated,
                "mean_score": round(score / max(n_seen, 1), 4),
                "mean_identity_probability": round(
                    identity_probability / (n_seen + n_interpolated), 4
                ),
            }
            for track_id, (
                first,
                last,
                n_seen,
                n_interpolated,
                score,
                identity_probability,
            ) in sorted(self._rows.items())
        ]

    def save(self, path: Path) -> None:
        """Write a row per track; raises `StorageError`."""
        rows = [(track_id, *sums) for track_id, sums in sorted(self._rows.items())]
        columns = zip(*rows, strict=True) if rows else ((),) * len(_COLUMNS)
        pairs = zip(_COLUMNS.items(), columns, strict=True)
        write_columns(
            path, {name: pa.array(np.array(column, dtype)) for (name, dtype), column in pairs}
        )

    @classmethod
    def load(cls, path: Path) -> Summary | None:
        """Read what `save` wrote; None if there is nothing, or nothing whole: the parts tell the same."""
        if not path.is_file():
            return None
        try:
            columns = read_columns(path, list(_COLUMNS))
            values = [
                to_numbers(columns, name, dtype, path).tolist() for name, dtype in _COLUMNS.items()
            ]
        except RunError:
            return None
        summary = cls()
        summary._rows = {row[0]: row[1:] for row in zip(*values, strict=True)}
        return summary
