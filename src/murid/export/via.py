"""VIA-tracks: CSV of the VGG Image Annotator with one box per row, which movement reads."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from murid.core.boxes import to_xywh
from murid.core.files import replace_on_success
from murid.export.corrections_file import write_corrections_file
from murid.export.recording import TrackedRecording
from murid.export.tracks_chunk import TrackedBox, TrackRows, iterate_rows

HEADER = (
    "filename",
    "file_size",
    "file_attributes",
    "region_count",
    "region_id",
    "region_shape_attributes",
    "region_attributes",
)
# VIA's value for an unknown file size.
UNKNOWN_FILE_SIZE = -1

Cells = tuple[str | int, ...]


def export_via(path: str | Path, recording: TrackedRecording) -> None:
    """Write tracks as VIA-tracks CSV, atomically; a frame without animals has no row.

    Boxes are rectangles given by their upper left corner, to a ten-thousandth of a pixel. ``frame``
    and the number in ``filename``, ``<video>_<frame>.jpg``, count from 0. Attributes of a region
    are ``track``, ``confidence`` and, for a run with identities, ``identity_probability`` and
    ``interpolated``, ``name`` where the identity has a name, and ``source``, who says which animal
    it is, where a person corrected identities. The corrections are described in a file beside it
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
    with (
        replace_on_success(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for rows in iterate_rows(recording):
            writer.writerows(_format_rows(rows, recording))
    write_corrections_file(path, recording)


def _format_rows(rows: TrackRows, recording: TrackedRecording) -> Iterator[Cells]:
    name = recording.name
    _, starts, counts = np.unique(rows.frames, return_index=True, return_counts=True)
    region_counts = np.repeat(counts, counts)
    region_ids = np.arange(len(rows.frames)) - np.repeat(starts, counts)
    bboxes = to_xywh(rows.boxes).round(4)
    for box, region_count, region_id, bbox in zip(
        rows.iterate_boxes(),
        region_counts.tolist(),
        region_ids.tolist(),
        bboxes.tolist(),
        strict=True,
    ):
        x, y, width, height = bbox
        shape = {"name": "rect", "x": x, "y": y, "width": width, "height": height}
        yield (
            f"{name}_{box.frame:07d}.jpg",
            UNKNOWN_FILE_SIZE,
            json.dumps({"frame": box.frame}),
            region_count,
            region_id,
            json.dumps(shape),
            json.dumps(_describe_box(box, recording)),
        )


def _describe_box(box: TrackedBox, recording: TrackedRecording) -> dict[str, str]:
    attributes = {"track": str(box.track_id), "confidence": f"{box.score:.4f}"}
    if recording.identified and box.identity_probability is not None:
        attributes["identity_probability"] = f"{box.identity_probability:.4f}"
    if recording.identified:
        attributes["interpolated"] = str(int(box.interpolated))
        attributes["merged"] = str(int(box.merged))
    if box.track_id in recording.identity_names:
        attributes["name"] = recording.identity_names[box.track_id]
    if recording.corrections:
        attributes["source"] = box.source
    return attributes
