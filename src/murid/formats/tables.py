"""Tidy tables as files: CSV or Parquet, by suffix."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from murid.errors import FormatError
from murid.files import replace_on_success

TABLE_SUFFIXES = (".csv", ".parquet")
_DECIMALS = 6


def write_table(path: str | Path, table: Mapping[str, Any]) -> None:
    """Write columns of one length, atomically; NaN and None are empty in CSV and null in Parquet.

    Raises
    ------
    FormatError
        If the suffix is of neither.
    StorageError
        If it cannot be written.
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
        values = np.round(values, _DECIMALS) + 0.0
    return pa.array(values.tolist() if values.dtype.kind in "OU" else values, from_pandas=True)
