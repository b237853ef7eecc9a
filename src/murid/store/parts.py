"""Parts of a run as Parquet files that other tools can read: detections, frames and tracks of a stretch of video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from murid.core.embeddings import normalize
from murid.core.types import Detections, DetectionTable, Float32, Int64, Tracks
from murid.errors import RunError
from murid.store.frame_table import FrameTable
from murid.store.parquet import count_values, read_columns, to_numbers, write_columns

Kind = Literal["detections", "frames", "tracks", "identities"]
KINDS: tuple[Kind, ...] = ("identities", "tracks", "detections", "frames")
"""The directories of parts, in the order in which a restart empties them."""

COLOUR_FEATURES_NAME = "colour_features.parquet"
"""Looks of some detections in plain terms, for naming animals."""

FUR_DESCRIPTORS_NAME = "fur_descriptors.parquet"
"""Fur of some detections up close, for learning a recording's animals."""

POINT_MATCHES_NAME = "point_matches.parquet"
"""Points of fur that were followed from detection to detection."""
POINT_MATCH_COLUMNS = ("tie", "frame", "row", "frame_before", "row_before", "points")
"""Its columns: points that came onto a detection, and the detections that they were on before, the
latest first."""

BOX = ("x1", "y1", "x2", "y2")


def summary_path(run: Path, kind: Kind) -> Path:
    """Where the sums over tracks or identities lie in a run directory."""
    return run / f"summary-{kind}.parquet"


def part_path(run: Path, kind: Kind, number: int) -> Path:
    """Where the part of the given number lies in a run directory."""
    return run / kind / f"part-{number:05d}.parquet"


def write_frames(path: Path, table: FrameTable) -> None:
    """Write columns ``frame, time_s, readable, reason``; raises `StorageError`."""
    reasons = [table.unreadable.get(int(i)) for i in table.frames]
    columns = {"frame": table.frames, "time_s": table.times_s, "readable": table.readable}
    write_columns(
        path,
        {name: pa.array(column) for name, column in columns.items()}
        | {"reason": pa.array(reasons, pa.string())},
    )


def write_detections(path: Path, first_frame: int, table: DetectionTable) -> None:
    """Write columns ``frame, x1, y1, x2, y2, score`` and, if there are any, ``embedding``; raises `StorageError`.

    An embedding of zeros, which is none, is written as null and takes no room.
    """
    columns = {
        "frame": table.frame_numbers + first_frame,
        **_box_columns(table.boxes),
        "score": table.scores,
    }
    arrays = {name: pa.array(column) for name, column in columns.items()}
    if table.embeddings is not None:
        values = pa.array(table.embeddings.astype(np.float16).reshape(-1))
        none = ~table.embeddings.any(axis=1)
        mask = pa.array(none) if none.any() else None
        arrays["embedding"] = pa.FixedSizeListArray.from_arrays(
            values, table.embeddings.shape[1], mask=mask
        )
    write_columns(path, arrays)


def round_as_stored(detections: Detections) -> Detections:
    """Round detections as storing and reading them does."""
    if detections.embeddings is None:
        return detections
    rounded = normalize(detections.embeddings.astype(np.float16).astype(np.float32)).astype(
        np.float32, copy=False
    )
    return replace(detections, embeddings=rounded)


def write_tracks(path: Path, first_frame: int, tracks: Tracks) -> None:
    """Write columns ``frame, row, track_id, x1, y1, x2, y2`` of the detections in a track; raises `StorageError`."""
    table, kept = tracks.detections, tracks.track_ids >= 0
    frames = table.frame_numbers
    rows = np.arange(len(table), dtype=np.int64) - table.frame_offsets[frames]
    columns = {
        "frame": frames[kept] + first_frame,
        "row": rows[kept],
        "track_id": tracks.track_ids[kept],
    }
    write_columns(
        path,
        {
            name: pa.array(column)
            for name, column in (columns | _box_columns(table.boxes[kept])).items()
        },
    )


def write_identities(path: Path, first_frame: int, rows: Int64, tracks: Tracks) -> None:
    """Write columns ``frame, row, identity, x1, y1, x2, y2, score, certainty, filled``; raises `StorageError`.

    `rows` ``(N,)`` say which detection of the frame each is; -1 where a position is filled in.
    """
    table, n = tracks.detections, len(tracks.detections)
    columns: dict[str, NDArray[Any]] = {"frame": table.frame_numbers + first_frame, "row": rows}
    columns |= {"identity": tracks.track_ids, **_box_columns(table.boxes), "score": table.scores}
    columns["identity_probability"] = (
        np.ones(n, np.float32)
        if tracks.identity_probabilities is None
        else tracks.identity_probabilities
    )
    columns["interpolated"] = rows < 0
    write_columns(path, {name: pa.array(column) for name, column in columns.items()})


def read_identities(path: Path, first_frame: int, detections: DetectionTable) -> Tracks:
    """Read what `write_identities` wrote, with the detections' embeddings; raises `RunError` if it is damaged.

    A filled-in position has an embedding of zeros.
    """
    columns = read_columns(
        path, ["frame", "row", "identity", *BOX, "score", "identity_probability", "interpolated"]
    )
    frames = to_numbers(columns, "frame", np.int64, path) - first_frame
    if len(frames) and (
        frames[0] < 0 or frames[-1] >= detections.n_frames or (np.diff(frames) < 0).any()
    ):
        expected = f"ascending frames from {first_frame} to {first_frame + detections.n_frames - 1}"
        raise RunError(path, "frame", expected, _span(frames + first_frame))
    rows = to_numbers(columns, "row", np.int64, path)
    if ((rows < -1) | (rows >= np.diff(detections.frame_offsets)[frames])).any():
        raise RunError(path, "row", "rows of the same part's detections", "rows beyond them")
    embeddings = None
    if detections.embeddings is not None:
        embeddings = np.zeros((len(rows), detections.embeddings.shape[1]), np.float32)
        seen = np.flatnonzero(rows >= 0)
        embeddings[seen] = detections.embeddings[
            detections.frame_offsets[frames[seen]] + rows[seen]
        ]
    offsets = np.searchsorted(frames, np.arange(detections.n_frames + 1)).astype(np.int64)
    scores = to_numbers(columns, "score", np.float32, path)
    return Tracks(
        DetectionTable(_boxes(columns, path), scores, embeddings, offsets),
        to_numbers(columns, "identity", np.int64, path),
        to_numbers(columns, "interpolated", np.bool_, path),
        to_numbers(columns, "identity_probability", np.float32, path),
    )


def write_crossings(path: Path, columns: dict[str, NDArray[Any]]) -> None:
    """Write the columns of `read_crossings`; raises `StorageError`."""
    write_columns(path, {name: pa.array(column) for name, column in columns.items()})


def read_crossings(path: Path) -> dict[str, NDArray[Any]]:
    """Read what `write_crossings` wrote; raises `RunError` if it is damaged."""
    kinds = {
        "first_frame": np.int64,
        "last_frame": np.int64,
        "identity_a": np.int64,
        "identity_b": np.int64,
        "swap_probability": np.float32,
    }
    columns = read_columns(path, list(kinds))
    return {name: to_numbers(columns, name, kind, path) for name, kind in kinds.items()}


def read_owners(path: Path) -> tuple[Int64, Int64, Int64, Float32]:
    """Frames, rows, identities and certainties of the detections with an identity; raises `RunError` if damaged."""
    kinds = {
        "frame": np.int64,
        "row": np.int64,
        "identity": np.int64,
        "identity_probability": np.float32,
    }
    columns = read_columns(path, list(kinds))
    frames, rows, ids, identity_probabilities = (
        to_numbers(columns, name, kind, path) for name, kind in kinds.items()
    )
    seen = rows >= 0
    return frames[seen], rows[seen], ids[seen], identity_probabilities[seen]


def write_looks(
    path: Path, name: str, frames: Int64, rows: Int64, looks: NDArray[np.floating]
) -> None:
    """Write columns ``frame, row`` and `name`, one row per detection that was looked at; raises `StorageError`."""
    values = pa.FixedSizeListArray.from_arrays(pa.array(looks.reshape(-1)), looks.shape[1])
    write_columns(path, {"frame": pa.array(frames), "row": pa.array(rows), name: values})


def read_looks(path: Path, name: str) -> tuple[Int64, Int64, NDArray[np.floating]]:
    """Read what `write_looks` wrote; raises `RunError` if it is damaged."""
    columns = read_columns(path, ["frame", "row", name])
    frames, rows = (to_numbers(columns, name, np.int64, path) for name in ("frame", "row"))
    kind = columns[name].type
    if not (pa.types.is_fixed_size_list(kind) and pa.types.is_floating(kind.value_type)):
        raise RunError(path, name, "a fixed-size list of floats", str(kind))
    values = columns[name].flatten().to_numpy(zero_copy_only=False)
    return frames, rows, values.reshape(-1, kind.list_size)


def write_point_matches(path: Path, ties: Mapping[str, NDArray[Any]]) -> None:
    """Write `POINT_MATCH_COLUMNS`, all of one length; raises `StorageError`."""
    write_columns(path, {name: pa.array(ties[name]) for name in POINT_MATCH_COLUMNS})


def read_point_matches(path: Path) -> dict[str, NDArray[Any]]:
    """Read what `write_point_matches` wrote; raises `RunError` if it is damaged."""
    columns = read_columns(path, list(POINT_MATCH_COLUMNS))
    kinds = dict.fromkeys(POINT_MATCH_COLUMNS[:-1], np.int64) | {
        POINT_MATCH_COLUMNS[-1]: np.float32
    }
    return {name: to_numbers(columns, name, kind, path) for name, kind in kinds.items()}


def read_frames(path: Path, first_frame: int) -> FrameTable:
    """Read what `write_frames` wrote; raises `RunError` if the part is damaged."""
    columns = read_columns(path, ["frame", "time_s", "reason"])
    frames = to_numbers(columns, "frame", np.int64, path)
    if not np.array_equal(frames, np.arange(first_frame, first_frame + len(frames))):
        raise RunError(path, "frame", f"consecutive frames from {first_frame}", _span(frames))
    reasons = columns["reason"].to_pylist()
    unreadable = {
        int(i): str(reason) for i, reason in zip(frames, reasons, strict=True) if reason is not None
    }
    return FrameTable(first_frame, to_numbers(columns, "time_s", np.float64, path), unreadable)


def read_unreadable(path: Path, first_frame: int) -> list[int]:
    """Frames of a part that could not be decoded; raises `RunError` if it is damaged. Most parts have none."""
    return list(read_frames(path, first_frame).unreadable) if count_values(path, "reason") else []


def read_detections(
    path: Path, first_frame: int, n_frames: int, embeddings: bool = True
) -> DetectionTable:
    """Read what `write_detections` wrote, embeddings as float32 unit rows; raises `RunError` if damaged.

    Where there is no embedding, its row is zero.
    """
    columns = read_columns(path, ["frame", *BOX, "score"], ["embedding"] if embeddings else [])
    frames = to_numbers(columns, "frame", np.int64, path) - first_frame
    if len(frames) and (frames[0] < 0 or frames[-1] >= n_frames or (np.diff(frames) < 0).any()):
        expected = f"ascending frames from {first_frame} to {first_frame + n_frames - 1}"
        raise RunError(path, "frame", expected, _span(frames + first_frame))
    offsets = np.searchsorted(frames, np.arange(n_frames + 1)).astype(np.int64)
    scores = to_numbers(columns, "score", np.float32, path)
    return DetectionTable(_boxes(columns, path), scores, _embeddings(columns, path), offsets)


def read_tracks(path: Path, first_frame: int, detections: DetectionTable) -> Tracks:
    """Read what `write_tracks` wrote, aligned with the same part's detections; raises `RunError` if it is damaged."""
    columns = read_columns(path, ["frame", "row", "track_id", *BOX])
    frames = to_numbers(columns, "frame", np.int64, path) - first_frame
    if ((frames < 0) | (frames >= detections.n_frames)).any():
        expected = f"frames {first_frame} to {first_frame + detections.n_frames - 1}"
        raise RunError(path, "frame", expected, _span(frames + first_frame))
    rows, starts = to_numbers(columns, "row", np.int64, path), detections.frame_offsets
    if ((rows < 0) | (rows >= (starts[1:] - starts[:-1])[frames])).any():
        raise RunError(path, "row", "rows of the same part's detections", "rows beyond them")
    track_ids, boxes = np.full(len(detections), -1, np.int64), detections.boxes.copy()
    places = starts[frames] + rows
    track_ids[places], boxes[places] = (
        to_numbers(columns, "track_id", np.int64, path),
        _boxes(columns, path),
    )
    return Tracks(
        DetectionTable(boxes, detections.scores, detections.embeddings, starts), track_ids
    )


def _box_columns(boxes: Float32) -> dict[str, Float32]:
    return dict(zip(BOX, np.ascontiguousarray(boxes.T), strict=True))


def _boxes(columns: dict[str, Any], path: Path) -> Float32:
    return np.column_stack([to_numbers(columns, name, np.float32, path) for name in BOX])


def _embeddings(columns: dict[str, Any], path: Path) -> Float32 | None:
    if "embedding" not in columns:
        return None
    kind = columns["embedding"].type
    if not (pa.types.is_fixed_size_list(kind) and pa.types.is_floating(kind.value_type)):
        raise RunError(path, "embedding", "a fixed-size list of floats", str(kind))
    values = columns["embedding"].flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    rows = normalize(values.reshape(-1, kind.list_size)).astype(np.float32, copy=False)
    if not columns["embedding"].null_count:
        return rows
    there = columns["embedding"].is_valid().to_numpy(zero_copy_only=False)
    embeddings = np.zeros((len(there), kind.list_size), np.float32)
    embeddings[there] = rows
    return embeddings


def _span(frames: Int64) -> str:
    return (
        f"frames {frames.min()} to {frames.max()}, {len(frames)} rows" if len(frames) else "no rows"
    )


def concatenate(tables: Sequence[DetectionTable]) -> DetectionTable:
    """Lay the detections of consecutive parts end to end; embeddings stay if all parts with detections have them."""
    if not tables:
        return DetectionTable.from_frames([])
    described = [table.embeddings for table in tables if table.embeddings is not None]
    whole = described and sum(map(len, described)) == sum(map(len, tables))
    counts = np.concatenate([np.diff(table.frame_offsets) for table in tables])
    return DetectionTable(
        np.concatenate([table.boxes for table in tables]),
        np.concatenate([table.scores for table in tables]),
        np.concatenate(described) if whole else None,
        np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
    )
