"""VIA-tracks: the CSV of the VGG Image Annotator, one region a row, as movement reads it."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from murid.core.boxes import to_xywh
from murid.core.files import replace_on_success
from murid.export.recording import TrackedRecording
from murid.export.tracks_chunk import TrackRows, iterate_rows

HEADER = (
    "filename",
    "file_size",
    "file_attributes",
    "region_count",
    "region_id",
    "region_shape_attributes",
    "region_attributes",
)
UNKNOWN_SIZE = -1

Cells = tuple[str | int, ...]


def export_via(path: str | Path, recording: TrackedRecording) -> None:
    """Write tracks as VIA-tracks CSV, atomically; a frame without animals has no row.

    Boxes are rectangles by their upper left corner, to a ten-thousandth of a pixel. ``frame``
    counts from 0, and so does the number in ``filename``, ``<video>_<frame>.jpg``. Attributes of a
    region are ``track``, ``confidence`` and, where identities were told, ``identity_probability``
    and ``interpolated``, and ``name`` where names were given.

    Parameters
    ----------
    path : str or Path
        The file; one that is there is replaced.
    recording : TrackedRecording

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    with (
        replace_on_success(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for rows in iterate_rows(recording):
            writer.writerows(_format(rows, recording))


def _format(rows: TrackRows, recording: TrackedRecording) -> Iterator[Cells]:
    name, identified, names = recording.name, recording.identified, recording.identity_names
    _, starts, counts = np.unique(rows.frames, return_index=True, return_counts=True)
    regions = np.arange(len(rows.frames)) - np.repeat(starts, counts)
    columns = (rows.frames, np.repeat(counts, counts), regions, to_xywh(rows.boxes).round(4))
    marks = (rows.track_ids, rows.scores, rows.identity_probabilities, rows.interpolated)
    for frame, count, region, box, *of_track in zip(
        *(c.tolist() for c in columns + marks), strict=True
    ):
        shape = {"name": "rect", **dict(zip(("x", "y", "width", "height"), box, strict=True))}
        attributes = {"track": str(of_track[0]), "confidence": f"{of_track[1]:.4f}"}
        if identified and not math.isnan(of_track[2]):
            attributes["identity_probability"] = f"{of_track[2]:.4f}"
        if identified:
            attributes["interpolated"] = str(int(of_track[3]))
        if of_track[0] in names:
            attributes["name"] = names[of_track[0]]
        texts = (json.dumps(shape), json.dumps(attributes))
        yield (
            f"{name}_{frame:07d}.jpg",
            UNKNOWN_SIZE,
            json.dumps({"frame": frame}),
            count,
            region,
            *texts,
        )
