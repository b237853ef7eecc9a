"""Tidy Parquet: the table of `murid.export.csv` with types, for pandas, Polars, DuckDB and R."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from murid.core.boxes import compute_centres, to_xywh
from murid.core.files import replace_on_success
from murid.export.csv import KEYPOINT_COLUMNS, tabulate_keypoints
from murid.export.recording import TrackedRecording
from murid.export.tracks_chunk import TrackRows, iterate_rows

SCHEMA = pa.schema(
    [
        ("frame", pa.int64()),
        ("time_s", pa.float64()),
        ("track_id", pa.int64()),
        ("x", pa.float32()),
        ("y", pa.float32()),
        ("width", pa.float32()),
        ("height", pa.float32()),
        ("score", pa.float32()),
        ("identity_probability", pa.float32()),
        ("interpolated", pa.bool_()),
        ("merged", pa.bool_()),
    ]
)
# Larger groups compress better and need more memory; a row takes about 50 bytes.
MIN_ROWS_PER_GROUP = 1 << 17


def export_parquet(path: str | Path, recording: TrackedRecording) -> None:
    """Write tracks as a table with the columns of `murid.export.csv.export_csv`, atomically.

    An unknown ``identity_probability``, and what is unknown of keypoints, is null. The key
    ``murid`` of the file's metadata holds, as JSON, ``source``, ``width``, ``height``, ``fps`` and
    ``n_frames`` of the video, and ``names`` of animals by their track ids, where identities have
    names; where a person corrected identities, ``corrections``: how many, their authors, and the
    first and the last time.

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
    schema = SCHEMA
    if recording.summary.has_keypoints:
        for name in KEYPOINT_COLUMNS:
            schema = schema.append(pa.field(name, pa.float32()))
    if names:
        schema = schema.append(pa.field("name", pa.string()))
    if recording.corrections:
        schema = schema.append(pa.field("source", pa.string()))
    schema = schema.with_metadata({"murid": json.dumps(_describe(recording))})
    with (
        replace_on_success(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        # Chunks may be short, so their rows are collected until they fill a row group.
        batches: list[pa.RecordBatch] = []
        for rows in iterate_rows(recording):
            batches.append(_to_batch(rows, schema, names))
            if sum(batch.num_rows for batch in batches) >= MIN_ROWS_PER_GROUP:
                writer.write_table(pa.Table.from_batches(batches))
                batches.clear()
        writer.write_table(pa.Table.from_batches(batches, schema))


def _describe(recording: TrackedRecording) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "source": recording.source,
        "width": recording.width,
        "height": recording.height,
        "fps": recording.fps,
        "n_frames": recording.n_frames,
    }
    if recording.identity_names:
        facts["names"] = {str(i): name for i, name in recording.identity_names.items()}
    if recording.corrections:
        facts["corrections"] = recording.corrections.to_plain()
    return facts


def _to_batch(rows: TrackRows, schema: pa.Schema, names: Mapping[int, str]) -> pa.RecordBatch:
    x, y = compute_centres(rows.boxes).astype(np.float32).T
    _, _, width, height = to_xywh(rows.boxes).astype(np.float32).T
    columns = {
        "frame": rows.frames,
        "time_s": rows.times_s,
        "track_id": rows.track_ids,
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "score": rows.scores,
        "identity_probability": pa.array(rows.identity_probabilities, from_pandas=True),
        "interpolated": rows.interpolated,
        "merged": rows.merged,
    }
    if KEYPOINT_COLUMNS[0] in schema.names:
        values = tabulate_keypoints(rows).astype(np.float32)
        for name, column in zip(KEYPOINT_COLUMNS, values.T, strict=True):
            columns[name] = pa.array(column, from_pandas=True)
    if names:
        columns["name"] = pa.array([names.get(i) for i in rows.track_ids.tolist()], pa.string())
    if "source" in schema.names:
        columns["source"] = pa.array(rows.source_names, pa.string())
    return pa.RecordBatch.from_pydict(columns, schema=schema)
