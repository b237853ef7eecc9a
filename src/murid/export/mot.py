"""MOT Challenge text: one row per animal and frame. `murid.datasets.mot_text` reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from murid.core.boxes import to_xywh
from murid.core.files import replace_on_success
from murid.export.corrections_file import write_corrections_file
from murid.export.recording import TrackedRecording
from murid.export.tracks_chunk import TrackRows, TracksChunk, iterate_rows

# frame, id, left, top, width, height, score, and the unused 3D coordinates x, y, z.
_ROW_FORMAT = "%d,%d,%.3f,%.3f,%.3f,%.3f,%.4f,-1,-1,-1\n"


def export_mot(path: str | Path, recording: TrackedRecording) -> None:
    """Write tracks as MOT Challenge text, atomically.

    Frames count from 1, boxes are left, top, width, height in pixels; an interpolated position has
    score 0. Corrections of identities are described in a file beside it
    (`murid.export.corrections_file`).

    Parameters
    ----------
    path : str or Path
        The file; an existing one is replaced.
    recording : TrackedRecording

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    write_mot(path, recording)
    write_corrections_file(path, recording)


def write_mot(path: str | Path, chunks: Iterable[TracksChunk]) -> None:
    """Write consecutive chunks of tracks as `export_mot` does; raises `StorageError`."""
    with (
        replace_on_success(path) as temporary,
        temporary.open("w", encoding="ascii", newline="\n") as file,
    ):
        for rows in iterate_rows(chunks):
            file.writelines(_format_rows(rows))


def _format_rows(rows: TrackRows) -> Iterator[str]:
    left, top, width, height = to_xywh(rows.boxes).T
    cells = zip(
        (rows.frames + 1).tolist(),
        rows.track_ids.tolist(),
        left.tolist(),
        top.tolist(),
        width.tolist(),
        height.tolist(),
        rows.scores.tolist(),
        strict=True,
    )
    return map(_ROW_FORMAT.__mod__, cells)
