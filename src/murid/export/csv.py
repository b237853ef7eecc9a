"""Tidy comma-separated values: one row per animal and frame, for pandas, R and spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from murid.core.boxes import compute_centres, to_xywh
from murid.core.files import replace_on_success
from murid.export.recording import TrackedRecording
from murid.export.tracks_chunk import TrackRows, TracksChunk, iterate_rows

HEADER = "frame,time_s,track_id,x,y,width,height,score,identity_probability,interpolated\n"


def export_csv(path: str | Path, stretches: Iterable[TracksChunk]) -> None:
    """Write tracks as a table, atomically.

    Columns: ``frame`` from 0, ``time_s``, ``track_id``, centre of the box ``x, y`` and its ``width,
    height`` in pixels, ``score``; ``identity_probability`` that it is this animal, empty where
    identities were not told; ``interpolated``, 1 where the position was filled in rather than seen,
    else 0; ``name`` of the animal, only where names were given. TrackRows are ordered by frame and track
    id; a frame without animals has none.

    Parameters
    ----------
    path : str or Path
        The file; one that is there is replaced.
    stretches : iterable of TracksChunk
        Consecutive stretches of one video; a `TrackedRecording` says what animals are called.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    with (
        replace_on_success(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        names = stretches.identity_names if isinstance(stretches, TrackedRecording) else {}
        file.write(HEADER.replace("\n", ",name\n") if names else HEADER)
        for rows in iterate_rows(stretches):
            lines = _format(rows)
            if names:
                own = (names.get(i, "") for i in rows.track_ids.tolist())
                lines = (f"{line[:-1]},{name}\n" for line, name in zip(lines, own, strict=True))
            file.writelines(lines)


def _format(rows: TrackRows) -> Iterator[str]:
    geometry = np.column_stack([compute_centres(rows.boxes), to_xywh(rows.boxes)[:, 2:]])
    identity_probabilities = [
        "" if np.isnan(c) else f"{c:.4f}" for c in rows.identity_probabilities.tolist()
    ]
    columns = [rows.frames, rows.times_s, rows.track_ids, *geometry.T, rows.scores]
    cells = zip(
        *(c.tolist() for c in columns),
        identity_probabilities,
        rows.interpolated.tolist(),
        strict=True,
    )
    return map("%d,%.6f,%d,%.3f,%.3f,%.3f,%.3f,%.4f,%s,%d\n".__mod__, cells)
