"""Parts of a run as Parquet files: frames, detections, tracks and identities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from murid.core.embeddings import normalize
from murid.core.files import storage_errors
from murid.core.types import (
    SOURCES,
    Bool,
    Detections,
    DetectionTable,
    Float32,
    Int8,
    Int64,
    Tracks,
    UInt8,
)
from murid.errors import RunError
from murid.store import migrate
from murid.store.frame_table import FrameTable
from murid.store.keypoint_columns import (
    KEYPOINT_COLUMNS,
    from_keypoint_columns,
    to_keypoint_columns,
)
from murid.store.parquet import count_values, read_columns, to_numbers, write_columns

Kind = Literal["detections", "frames", "tracks", "identities"]

# The directories of parts, in the order in which a restart empties them: what was computed from
# other parts comes before them.
KINDS: tuple[Kind, ...] = ("identities", "tracks", "detections", "frames")

# Columns of a box: left, top, right, bottom in pixels.
BOX = ("x1", "y1", "x2", "y2")


def part_path(run: Path, kind: Kind, number: int) -> Path:
    """Path of the part of the given number in a run directory."""
    return run / kind / f"part-{number:05d}.parquet"


def remove_parts(path: Path, kind: Kind) -> None:
    """Remove all parts of one kind, the last first, and nothing else; raises `StorageError`."""
    with storage_errors(path / kind):
        for part in sorted((path / kind).glob("part-*.parquet"), reverse=True):
            part.unlink()


def write_frames(path: Path, table: FrameTable) -> None:
    """Write columns ``frame, time_s, readable, reason``; raises `StorageError`."""
    reasons = [table.unreadable.get(int(i)) for i in table.frames]
    columns = {
        "frame": pa.array(table.frames),
        "time_s": pa.array(table.times_s),
        "readable": pa.array(table.readable),
        "reason": pa.array(reasons, pa.string()),
    }
    write_columns(path, columns)


def write_detections(path: Path, first_frame: int, table: DetectionTable) -> None:
    """Write columns ``frame, x1, y1, x2, y2, score``, and `KEYPOINT_COLUMNS` and ``embedding``.

    The latter two are written if the table has them. An embedding of zeros stands for none: it is
    written as null and takes no space. Raises `StorageError`.
    """
    columns = {
        "frame": pa.array(table.frame_numbers + first_frame),
        **_box_columns(table.boxes),
        "score": pa.array(table.scores),
        **to_keypoint_columns(table.keypoints),
    }
    if table.embeddings is not None:
        # Half precision: elements of unit rows change by less than 0.001.
        values = pa.array(table.embeddings.astype(np.float16).reshape(-1))
        is_null = ~table.embeddings.any(axis=1)
        columns["embedding"] = pa.FixedSizeListArray.from_arrays(
            values, table.embeddings.shape[1], mask=pa.array(is_null) if is_null.any() else None
        )
    write_columns(path, columns)


def round_as_stored(detections: Detections) -> Detections:
    """Return detections rounded as storing and reading them does."""
    if detections.embeddings is None:
        return detections
    rounded = detections.embeddings.astype(np.float16).astype(np.float32)
    unit_rows = normalize(rounded).astype(np.float32, copy=False)
    return replace(detections, embeddings=unit_rows)


def write_tracks(path: Path, first_frame: int, tracks: Tracks) -> None:
    """Write columns ``frame, row, track_id, x1, y1, x2, y2`` of the detections in a track.

    `KEYPOINT_COLUMNS` are written if the tracks have keypoints. Raises `StorageError`.
    """
    table = tracks.detections
    in_track = tracks.track_ids >= 0
    frames = table.frame_numbers
    rows = np.arange(len(table), dtype=np.int64) - table.frame_offsets[frames]
    columns = {
        "frame": pa.array(frames[in_track] + first_frame),
        "row": pa.array(rows[in_track]),
        "track_id": pa.array(tracks.track_ids[in_track]),
        **_box_columns(table.boxes[in_track]),
        **to_keypoint_columns(None if table.keypoints is None else table.keypoints[in_track]),
    }
    write_columns(path, columns)


def write_identities(
    path: Path, first_frame: int, rows: Int64, tracks: Tracks, sources: UInt8 | None = None
) -> None:
    """Write the identities of a part; raises `StorageError`.

    Columns: ``frame, row, identity, x1, y1, x2, y2, score, identity_probability, interpolated,
    merged, source``, and `KEYPOINT_COLUMNS` if the tracks have keypoints.
    `rows` ``(N,)`` int64 are those of the detections within their frames; -1 = interpolated, or
    drawn by a person. `sources` ``(N,)`` uint8 are indices in `SOURCES`; the program by default.
    """
    table = tracks.detections
    probabilities = tracks.identity_probabilities
    if probabilities is None:
        probabilities = np.ones(len(table), np.float32)
    columns = {
        "frame": pa.array(table.frame_numbers + first_frame),
        "row": pa.array(rows),
        "identity": pa.array(tracks.track_ids),
        **_box_columns(table.boxes),
        "score": pa.array(table.scores),
        "identity_probability": pa.array(probabilities),
        "interpolated": pa.array(rows < 0 if tracks.interpolated is None else tracks.interpolated),
    }
    if tracks.merged is not None:
        columns["merged"] = pa.array(tracks.merged)
    if sources is None:
        sources = np.zeros(len(table), np.uint8)
    indices = pa.array(sources.astype(np.int8))
    columns["source"] = pa.DictionaryArray.from_arrays(indices, pa.array(SOURCES))
    columns |= to_keypoint_columns(table.keypoints)
    write_columns(path, columns)


def read_identities(path: Path, first_frame: int, detections: DetectionTable) -> Tracks:
    """Read what `write_identities` wrote; raises `RunError` if it is damaged.

    Embeddings are those of the part's detections; interpolated positions have zeros.
    """
    names = ["frame", "row", "identity", *BOX, "score", "identity_probability", "interpolated"]
    # Older runs lack the last columns.
    columns = read_columns(
        path, names, ["merged", "source", *KEYPOINT_COLUMNS], old_names=migrate.COLUMNS
    )
    frames = to_numbers(columns, "frame", np.int64, path) - first_frame
    _check_ascending(frames, first_frame, detections.n_frames, path)
    rows = to_numbers(columns, "row", np.int64, path)
    if ((rows < -1) | (rows >= np.diff(detections.frame_offsets)[frames])).any():
        raise RunError(path, "row", "rows of the same part's detections", "rows beyond them")

    embeddings = None
    if detections.embeddings is not None:
        embeddings = np.zeros((len(rows), detections.embeddings.shape[1]), np.float32)
        detected = np.flatnonzero(rows >= 0)
        table_rows = detections.frame_offsets[frames[detected]] + rows[detected]
        embeddings[detected] = detections.embeddings[table_rows]

    offsets = np.searchsorted(frames, np.arange(detections.n_frames + 1)).astype(np.int64)
    scores = to_numbers(columns, "score", np.float32, path)
    return Tracks(
        DetectionTable(
            _boxes(columns, path),
            scores,
            embeddings,
            offsets,
            from_keypoint_columns(columns, path),
        ),
        to_numbers(columns, "identity", np.int64, path),
        to_numbers(columns, "interpolated", np.bool_, path),
        to_numbers(columns, "identity_probability", np.float32, path),
        to_numbers(columns, "merged", np.bool_, path) if "merged" in columns else None,
        _to_sources(columns["source"], path) if "source" in columns else None,
    )


def _to_sources(column: Any, path: Path) -> Int8:
    """Return who says which animal a box shows; raises `RunError` if it is someone else."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    found = pc.index_in(column, pa.array(SOURCES)) if pa.types.is_string(column.type) else None
    if found is None or found.null_count:
        expected = f"a full column of {' or '.join(SOURCES)}"
        raise RunError(path, "source", expected, f"{column.type} with other values")
    sources: Int8 = np.from_dlpack(found).astype(np.int8)
    return sources


def read_assignments(path: Path) -> tuple[Int64, Int64, Int64, Float32]:
    """Return frames, rows, identities and identity probabilities of a part's detections.

    Interpolated positions are left out. Raises `RunError` if the part is damaged.
    """
    names = ["frame", "row", "identity", "identity_probability"]
    columns = read_columns(path, names, old_names=migrate.COLUMNS)
    frames = to_numbers(columns, "frame", np.int64, path)
    rows = to_numbers(columns, "row", np.int64, path)
    identity_ids = to_numbers(columns, "identity", np.int64, path)
    probabilities = to_numbers(columns, "identity_probability", np.float32, path)
    detected = rows >= 0
    return frames[detected], rows[detected], identity_ids[detected], probabilities[detected]


def read_presence(path: Path) -> tuple[Int64, Int64, Float32, Bool]:
    """Return frames, identities, identity probabilities and interpolated of a part's boxes.

    Raises `RunError` if the part is damaged.
    """
    names = ["frame", "identity", "identity_probability", "interpolated"]
    columns = read_columns(path, names, old_names=migrate.COLUMNS)
    return (
        to_numbers(columns, "frame", np.int64, path),
        to_numbers(columns, "identity", np.int64, path),
        to_numbers(columns, "identity_probability", np.float32, path),
        to_numbers(columns, "interpolated", np.bool_, path),
    )


def read_frames(path: Path, first_frame: int) -> FrameTable:
    """Read what `write_frames` wrote; raises `RunError` if the part is damaged."""
    columns = read_columns(path, ["frame", "time_s", "reason"])
    frames = to_numbers(columns, "frame", np.int64, path)
    if not np.array_equal(frames, np.arange(first_frame, first_frame + len(frames))):
        expected = f"consecutive frames from {first_frame}"
        raise RunError(path, "frame", expected, _describe_frames(frames))
    reasons = columns["reason"].to_pylist()
    unreadable = {
        int(i): str(reason) for i, reason in zip(frames, reasons, strict=True) if reason is not None
    }
    return FrameTable(first_frame, to_numbers(columns, "time_s", np.float64, path), unreadable)


def read_unreadable(path: Path, first_frame: int) -> list[int]:
    """Return the indices of frames that could not be decoded; raises `RunError` if damaged."""
    # Most parts have none; the footer of the file shows it without reading the columns.
    if count_values(path, "reason") == 0:
        return []
    return list(read_frames(path, first_frame).unreadable)


def read_detections(
    path: Path, first_frame: int, n_frames: int, embeddings: bool = True, keypoints: bool = True
) -> DetectionTable:
    """Read what `write_detections` wrote; raises `RunError` if it is damaged.

    Embeddings are float32 unit rows, zeros where none was stored. `embeddings` and `keypoints` say
    whether these columns are read, if there are any.
    """
    optional = [*(["embedding"] if embeddings else []), *(KEYPOINT_COLUMNS if keypoints else ())]
    columns = read_columns(path, ["frame", *BOX, "score"], optional)
    frames = to_numbers(columns, "frame", np.int64, path) - first_frame
    _check_ascending(frames, first_frame, n_frames, path)
    offsets = np.searchsorted(frames, np.arange(n_frames + 1)).astype(np.int64)
    scores = to_numbers(columns, "score", np.float32, path)
    return DetectionTable(
        _boxes(columns, path),
        scores,
        _embeddings(columns, path),
        offsets,
        from_keypoint_columns(columns, path),
    )


def read_tracks(path: Path, first_frame: int, detections: DetectionTable) -> Tracks:
    """Read what `write_tracks` wrote, aligned with the same part's detections.

    There are keypoints if `detections` have some. Raises `RunError` if it is damaged.
    """
    optional = () if detections.keypoints is None else KEYPOINT_COLUMNS
    columns = read_columns(path, ["frame", "row", "track_id", *BOX], optional)
    frames = to_numbers(columns, "frame", np.int64, path) - first_frame
    if ((frames < 0) | (frames >= detections.n_frames)).any():
        expected = f"frames {first_frame} to {first_frame + detections.n_frames - 1}"
        raise RunError(path, "frame", expected, _describe_frames(frames + first_frame))
    rows = to_numbers(columns, "row", np.int64, path)
    offsets = detections.frame_offsets
    if ((rows < 0) | (rows >= np.diff(offsets)[frames])).any():
        raise RunError(path, "row", "rows of the same part's detections", "rows beyond them")

    # Detections in no track keep what the detector found, and have the id -1.
    track_ids = np.full(len(detections), -1, np.int64)
    boxes = detections.boxes.copy()
    table_rows = offsets[frames] + rows
    track_ids[table_rows] = to_numbers(columns, "track_id", np.int64, path)
    boxes[table_rows] = _boxes(columns, path)
    keypoints = detections.keypoints
    tracked_keypoints = from_keypoint_columns(columns, path)
    if keypoints is not None and tracked_keypoints is not None:
        keypoints = keypoints.copy()
        keypoints[table_rows] = tracked_keypoints
    return Tracks(replace(detections, boxes=boxes, keypoints=keypoints), track_ids)


def _check_ascending(frames: Int64, first_frame: int, n_frames: int, path: Path) -> None:
    """Raise `RunError` unless `frames`, counted from the first of the part, ascend within it."""
    if len(frames) == 0:
        return
    if frames[0] < 0 or frames[-1] >= n_frames or (np.diff(frames) < 0).any():
        expected = f"ascending frames from {first_frame} to {first_frame + n_frames - 1}"
        raise RunError(path, "frame", expected, _describe_frames(frames + first_frame))


def _describe_frames(frames: Int64) -> str:
    if len(frames) == 0:
        return "no rows"
    return f"frames {frames.min()} to {frames.max()}, {len(frames)} rows"


def _box_columns(boxes: Float32) -> dict[str, Any]:
    columns = np.ascontiguousarray(boxes.T)
    return {name: pa.array(column) for name, column in zip(BOX, columns, strict=True)}


def _boxes(columns: Mapping[str, Any], path: Path) -> Float32:
    return np.column_stack([to_numbers(columns, name, np.float32, path) for name in BOX])


def _embeddings(columns: Mapping[str, Any], path: Path) -> Float32 | None:
    column = columns.get("embedding")
    if column is None:
        return None
    kind = column.type
    if not (pa.types.is_fixed_size_list(kind) and pa.types.is_floating(kind.value_type)):
        raise RunError(path, "embedding", "a fixed-size list of floats", str(kind))
    # Flattening skips nulls.
    values = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    unit_rows = normalize(values.reshape(-1, kind.list_size)).astype(np.float32, copy=False)
    if column.null_count == 0:
        return unit_rows
    is_stored = column.is_valid().to_numpy(zero_copy_only=False)
    embeddings = np.zeros((len(is_stored), kind.list_size), np.float32)
    embeddings[is_stored] = unit_rows
    return embeddings
