"""Tidy Parquet: the table of `murid.export.csv` with types, for pandas, Polars, DuckDB and R's arrow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from murid.core.boxes import compute_centres, to_xywh
from murid.core.files import replace_on_success
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
    ]
)
ROWS_PER_GROUP = 1 << 17


def export_parquet(path: str | Path, recording: TrackedRecording) -> None:
    """Write tracks as a table with the columns of `murid.export.csv.export_csv`, atomically.

    An unknown ``identity_probability`` is null. The key ``murid`` of the file's metadata holds, as
    JSON, ``source``, ``width``, ``height``, ``fps`` and ``n_frames`` of the video, and ``names`` of
    animals by their ids, where names were given.

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
    facts = {
        name: getattr(recording, name) for name in ("source", "width", "height", "fps", "n_frames")
    }
    names = recording.identity_names
    if names:
        facts["names"] = {str(track_id): name for track_id, name in names.items()}
    schema = (SCHEMA.append(pa.field("name", pa.string())) if names else SCHEMA).with_metadata(
        {"murid": json.dumps(facts)}
    )
    with (
        replace_on_success(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        waiting: list[pa.RecordBatch] = []
        for rows in iterate_rows(recording):
            waiting.append(_to_batch(rows, schema, names))
            if sum(batch.num_rows for batch in waiting) >= ROWS_PER_GROUP:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting.clear()
        writer.write_table(pa.Table.from_batches(waiting, schema))


def _to_batch(rows: TrackRows, schema: pa.Schema, names: Mapping[int, str]) -> pa.RecordBatch:
    geometry = np.column_stack([compute_centres(rows.boxes), to_xywh(rows.boxes)[:, 2:]]).astype(
        np.float32
    )
    columns = [rows.frames, rows.times_s, rows.track_ids, *geometry.T, rows.scores]
    arrays = [pa.array(column) for column in columns]
    arrays += [pa.array(rows.identity_probabilities, from_pandas=True), pa.array(rows.interpolated)]
    if names:
        arrays.append(pa.array([names.get(i) for i in rows.track_ids.tolist()], pa.string()))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
