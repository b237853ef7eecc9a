"""MOT Challenge text: one row per animal and frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from murid.core.boxes import to_xywh
from murid.core.files import replace_on_success
from murid.export.tracks_chunk import TrackRows, TracksChunk, iterate_rows


def export_mot(path: str | Path, stretches: Iterable[TracksChunk]) -> None:
    """Write tracks as MOT Challenge text, atomically; a position that was filled in has the score 0.

    Parameters
    ----------
    path : str or Path
        The file; one that is there is replaced.
    stretches : iterable of TracksChunk
        Consecutive stretches of one video.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    with (
        replace_on_success(path) as temporary,
        temporary.open("w", encoding="ascii", newline="\n") as file,
    ):
        for rows in iterate_rows(stretches):
            file.writelines(_format(rows))


def _format(rows: TrackRows) -> Iterator[str]:
    columns = [rows.frames + 1, rows.track_ids, *to_xywh(rows.boxes).T, rows.scores]
    return map(
        "%d,%d,%.3f,%.3f,%.3f,%.3f,%.4f,-1,-1,-1\n".__mod__,
        zip(*(c.tolist() for c in columns), strict=True),
    )
