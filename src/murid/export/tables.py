"""Write tidy tables as CSV or Parquet, chosen by the suffix."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from murid.core.files import make_directory, replace_on_success, storage_errors, write_text
from murid.errors import FormatError

TABLE_SUFFIXES = (".csv", ".parquet")

# Measures are less precise than this. Rounding hides the errors of float64 in CSV files.
_DECIMALS = 6


def write_table(path: str | Path, table: Mapping[str, Any]) -> None:
    """Write columns of one length, atomically; NaN and None are empty in CSV and null in Parquet.

    Raises
    ------
    FormatError
        If the suffix is neither ``.csv`` nor ``.parquet``.
    StorageError
        If the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in TABLE_SUFFIXES:
        raise FormatError(path, "suffix", " or ".join(TABLE_SUFFIXES), repr(path.suffix))
    arrow = pa.table({name: _to_arrow(column) for name, column in table.items()})
    with replace_on_success(path) as temporary:
        if path.suffix == ".parquet":
            pq.write_table(arrow, temporary, compression="zstd")
        else:
            pc.write_csv(arrow, temporary, pc.WriteOptions(quoting_style="needed"))


def _to_arrow(column: Any) -> pa.Array:
    values = np.asarray(column)
    if values.dtype.kind == "f":
        # Adding 0.0 turns -0.0, which rounding may leave, into 0.0.
        values = np.round(values, _DECIMALS) + 0.0
    if values.dtype.kind not in "OU":
        return pa.array(values, from_pandas=True)
    texts = pa.array(values.tolist(), from_pandas=True)
    # A column without any text has no type of its own.
    return texts.cast(pa.string()) if pa.types.is_null(texts.type) else texts


def write_measures(
    directory: str | Path,
    tables: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, Any],
    suffix: str = ".csv",
) -> list[Path]:
    """Write each table as ``NAME.csv`` (or Parquet) and ``settings.json``; return their paths.

    A table without columns is not written, and an older file of that name is deleted.
    Raises as `write_table`.
    """
    directory = Path(directory)
    make_directory(directory)
    written = []
    for name, table in tables.items():
        path = directory / f"{name}{suffix}"
        if table:
            write_table(path, table)
            written.append(path)
        else:
            with storage_errors(path):
                path.unlink(missing_ok=True)
    settings_path = directory / "settings.json"
    text = json.dumps(dict(settings), indent=2, ensure_ascii=False)
    write_text(settings_path, text + "\n")
    return [*written, settings_path]
