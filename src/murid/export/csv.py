"""Tidy CSV: one row per animal and frame, for pandas, R and spreadsheets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from murid.analysis.pose import compute_body_heading
from murid.core.boxes import compute_centres, to_xywh
from murid.core.files import replace_on_success
from murid.core.keypoints import KEYPOINTS, NOSE, TAIL_BASE
from murid.core.types import Float64
from murid.export.corrections_file import write_corrections_file
from murid.export.recording import TrackedRecording
from murid.export.tracks_chunk import TrackRows, iterate_rows

COLUMNS = (
    "frame",
    "time_s",
    "track_id",
    "x",
    "y",
    "width",
    "height",
    "score",
    "identity_probability",
    "interpolated",
    "merged",
)
# Columns of a recording with keypoints, after `COLUMNS`.
KEYPOINT_COLUMNS = (
    *(f"{name}_{part}" for name in KEYPOINTS for part in ("x", "y", "confidence")),
    "body_heading_deg",
)
# Format of each column of `COLUMNS`. Boxes are less precise than a thousandth of a pixel.
_ROW_FORMAT = "%d,%.6f,%d,%.3f,%.3f,%.3f,%.3f,%.4f,%s,%d,%d"
# Digits after the point of each column of `KEYPOINT_COLUMNS`.
_KEYPOINT_DIGITS = (*((3, 3, 4) * len(KEYPOINTS)), 2)
_KEYPOINT_FORMAT = "".join(f",%.{digits}f" for digits in _KEYPOINT_DIGITS)


def export_csv(path: str | Path, recording: TrackedRecording) -> None:
    """Write tracks as a table with one row per animal and frame, atomically.

    Columns: ``frame`` from 0; ``time_s``; ``track_id``; ``x, y``, the centre of the box, and its
    ``width, height`` in pixels; ``score``; ``identity_probability``, empty without identities;
    ``interpolated``, 1 where the position was interpolated rather than detected, else 0;
    ``merged``, 1 where the box holds another animal as well, else 0. In a recording with keypoints:
    ``nose_x``, ``nose_y``, ``nose_confidence`` and so on for each of `murid.core.keypoints`, and
    ``body_heading_deg``, the direction from the tail base to the nose (0 right, 90 up in the
    image); empty where they are unknown. ``name`` of the animal, only where identities have names;
    ``source``, who says which animal it is, only where a person corrected identities, with a file
    beside it that describes the corrections (`murid.export.corrections_file`). Rows are ordered by
    frame and track id; a frame without animals has no row.

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
    names = recording.identity_names
    header = list(COLUMNS)
    has_keypoints = recording.summary.has_keypoints
    if has_keypoints:
        header += KEYPOINT_COLUMNS
    if names:
        header.append("name")
    if recording.corrections:
        header.append("source")
    with (
        replace_on_success(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.write(",".join(header) + "\n")
        for rows in iterate_rows(recording):
            lines = _format_rows(rows)
            if has_keypoints:
                lines = _append_keypoints(lines, rows)
            if names:
                lines = _append_names(lines, rows, names)
            if recording.corrections:
                lines = map(",".join, zip(lines, rows.source_names, strict=True))
            file.writelines(f"{line}\n" for line in lines)
    write_corrections_file(path, recording)


def _format_rows(rows: TrackRows) -> Iterator[str]:
    x, y = compute_centres(rows.boxes).T
    _, _, width, height = to_xywh(rows.boxes).T
    probabilities = [
        "" if math.isnan(value) else f"{value:.4f}"
        for value in rows.identity_probabilities.tolist()
    ]
    # Formatting plain Python values is several times faster than formatting NumPy scalars.
    cells = zip(
        rows.frames.tolist(),
        rows.times_s.tolist(),
        rows.track_ids.tolist(),
        x.tolist(),
        y.tolist(),
        width.tolist(),
        height.tolist(),
        rows.scores.tolist(),
        probabilities,
        rows.interpolated.tolist(),
        rows.merged.tolist(),
        strict=True,
    )
    return map(_ROW_FORMAT.__mod__, cells)


def _append_names(lines: Iterator[str], rows: TrackRows, names: Mapping[int, str]) -> Iterator[str]:
    for line, track_id in zip(lines, rows.track_ids.tolist(), strict=True):
        yield f"{line},{names.get(track_id, '')}"


def tabulate_keypoints(rows: TrackRows) -> Float64:
    """Return the columns ``(N, 10)`` of `KEYPOINT_COLUMNS`; NaN where they are unknown."""
    nose = rows.keypoints[:, NOSE, :2]
    tail_base = rows.keypoints[:, TAIL_BASE, :2]
    heading_deg = compute_body_heading(nose, tail_base)
    flat = rows.keypoints.reshape(len(rows.frames), -1)
    return np.column_stack([flat, heading_deg])


def _append_keypoints(lines: Iterator[str], rows: TrackRows) -> Iterator[str]:
    values = tabulate_keypoints(rows)
    is_known = np.isfinite(values.sum(axis=1))
    for line, cells, has_all in zip(lines, values.tolist(), is_known.tolist(), strict=True):
        # One format for the whole row is several times faster than one for each cell.
        if has_all:
            yield line + _KEYPOINT_FORMAT % tuple(cells)
        else:
            texts = _format_known(cells)
            yield f"{line},{','.join(texts)}"


def _format_known(cells: Sequence[float]) -> Iterator[str]:
    """Yield the cells of `KEYPOINT_COLUMNS`, empty where they are NaN."""
    for value, digits in zip(cells, _KEYPOINT_DIGITS, strict=True):
        yield "" if math.isnan(value) else f"{value:.{digits}f}"
