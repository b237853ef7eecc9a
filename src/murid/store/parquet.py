"""Columns in a Parquet file: written atomically and the same bytes every time, read with the damage named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from murid.core.files import replace_on_success
from murid.errors import RunError
from murid.store.migrate import COLUMNS as OLD_NAMES


def write_columns(path: Path, columns: Mapping[str, Any]) -> None:
    """Write Arrow arrays of one length as a Parquet file; raises `StorageError`.

    Nothing that changes from run to run goes in, so that a resumed run gives the same bytes.
    """
    with replace_on_success(path) as temporary:
        pq.write_table(
            pa.table(columns),
            temporary,
            compression="zstd",
            use_dictionary=False,
            write_page_checksum=True,
        )


def count_rows(path: Path) -> int:
    """Rows of a Parquet file, from its footer alone; raises `RunError` if it is damaged."""
    with _open(path) as part:
        return int(part.metadata.num_rows)


def count_values(path: Path, name: str) -> int:
    """Values of a column, without nulls if the footer, which alone is read, counts them; raises `RunError`."""
    with _open(path) as part:
        metadata = part.metadata
        names = [metadata.schema.column(k).path for k in range(metadata.num_columns)]
        if name not in names:
            raise RunError(path, name, "a column of this name", f"columns {', '.join(names)}")
        columns = [
            metadata.row_group(k).column(names.index(name)) for k in range(metadata.num_row_groups)
        ]
        return sum(int((column.statistics or column).num_values) for column in columns)


def read_columns(path: Path, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
    """Read the named columns, and the optional ones that are there, as Arrow arrays.

    A column that a file of format version 1 has under another name is read under its own.

    Raises
    ------
    RunError
        If the file is damaged or a column is missing.
    """
    with _open(path) as part:
        there = part.schema_arrow.names
        found = {name: _find_column(name, there) for name in (*names, *optional)}
        missing = [name for name in names if found[name] is None]
        if missing:
            raise RunError(path, missing[0], "a column of this name", f"columns {', '.join(there)}")
        try:
            table = part.read(columns=[own for own in found.values() if own is not None])
        except (OSError, pa.ArrowException) as error:
            raise _damage(path, error) from error
    return {name: table[own].combine_chunks() for name, own in found.items() if own is not None}


def to_numbers(columns: Mapping[str, Any], name: str, dtype: Any, path: Path) -> NDArray[Any]:
    """Return one of the columns as a NumPy array of the given type; raises `RunError` if it is of another."""
    column = columns[name]
    if column.type != pa.from_numpy_dtype(dtype) or column.null_count:
        got = f"{column.type} with {column.null_count} values missing"
        raise RunError(path, name, f"a full column of {np.dtype(dtype)}", got)
    if pa.types.is_boolean(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    return np.from_dlpack(
        column
    )  # to_numpy would import pandas, which takes longer than most reading


def _find_column(name: str, there: Sequence[str]) -> str | None:
    """Return what a column is called in a file that has these columns; None where it has none."""
    if name in there:
        return name
    old = OLD_NAMES.get(name)
    return old if old in there else None


def _open(path: Path) -> Any:
    # ParquetFile and not read_table, which takes a directory name with "=" for a column.
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise _damage(path, error) from error


def _damage(path: Path, error: Exception) -> RunError:
    return RunError(path, "file", "an undamaged part", str(error).rstrip(". "))
