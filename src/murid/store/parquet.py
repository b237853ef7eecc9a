"""Columns in Parquet files: written atomically, read with errors that name the damage."""

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


def write_columns(
    path: Path, columns: Mapping[str, Any], metadata: Mapping[str, str] | None = None
) -> None:
    """Write Arrow arrays of one length as a Parquet file; raises `StorageError`.

    The same columns and metadata give the same bytes, so that a resumed run equals one that was
    never interrupted.
    """
    # A run directory that somebody removes meanwhile must not come back as a part of one.
    with replace_on_success(path, make_parents=False) as temporary:
        pq.write_table(
            pa.table(columns, metadata=metadata or None),
            temporary,
            compression="zstd",
            use_dictionary=False,
            write_page_checksum=True,
        )


def rename_columns(path: Path, destination: Path, new_names: Mapping[str, str]) -> None:
    """Write a copy of a Parquet file in which columns have new names; the two may be one file.

    Parameters
    ----------
    path, destination : Path
    new_names : mapping of str to str
        Name in the file → new name; other columns keep theirs.

    Raises
    ------
    RunError
        If the file is damaged.
    StorageError
        If the copy cannot be written.
    """
    with _open(path) as file:
        try:
            table = file.read()
        except (OSError, pa.ArrowException) as error:
            raise _damage(path, error) from error
    columns = {new_names.get(name, name): table[name] for name in table.column_names}
    write_columns(destination, columns, read_metadata(path))


def read_metadata(path: Path) -> dict[str, str]:
    """Return what was written as `metadata` of a file; raises `RunError` if it is damaged."""
    with _open(path) as file:
        metadata = file.schema_arrow.metadata or {}
    return {key.decode(): value.decode() for key, value in metadata.items()}


def list_columns(path: Path) -> list[str]:
    """Return the names of the columns; raises `RunError` if the file is damaged."""
    with _open(path) as file:
        return list(file.schema_arrow.names)


def count_rows(path: Path) -> int:
    """Return the number of rows, from the footer alone; raises `RunError` if it is damaged."""
    with _open(path) as part:
        return int(part.metadata.num_rows)


def count_values(path: Path, name: str) -> int:
    """Return the number of values in a column, from the footer alone.

    Nulls are left out if the footer counts them. Raises `RunError` if the file is damaged.
    """
    with _open(path) as part:
        metadata = part.metadata
        names = [metadata.schema.column(k).path for k in range(metadata.num_columns)]
        if name not in names:
            raise RunError(path, name, "a column of this name", f"columns {', '.join(names)}")
        column_index = names.index(name)
        groups = [metadata.row_group(k) for k in range(metadata.num_row_groups)]
        columns = [group.column(column_index) for group in groups]
        return sum(int((column.statistics or column).num_values) for column in columns)


def read_columns(
    path: Path,
    names: Sequence[str],
    optional: Sequence[str] = (),
    old_names: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Read the named columns, and the optional ones that exist, as Arrow arrays.

    Parameters
    ----------
    path : Path
    names, optional : sequence of str
    old_names : mapping of str to str, optional
        What a column is called in files of format version 1.

    Raises
    ------
    RunError
        If the file is damaged or a column is missing.
    """
    with _open(path) as part:
        in_file = part.schema_arrow.names
        found = _find_columns([*names, *optional], in_file, old_names or {})
        missing = [name for name in names if name not in found]
        if missing:
            got = f"columns {', '.join(in_file)}"
            raise RunError(path, missing[0], "a column of this name", got)
        try:
            table = part.read(columns=list(found.values()))
        except (OSError, pa.ArrowException) as error:
            raise _damage(path, error) from error
    return {name: table[stored].combine_chunks() for name, stored in found.items()}


def _find_columns(
    names: Sequence[str], in_file: Sequence[str], old_names: Mapping[str, str]
) -> dict[str, str]:
    """Map names to what the columns are called in the file, without those it lacks."""
    found = {}
    for name in names:
        if name in in_file:
            found[name] = name
        elif old_names.get(name) in in_file:
            found[name] = old_names[name]
    return found


def to_numbers(columns: Mapping[str, Any], name: str, dtype: Any, path: Path) -> NDArray[Any]:
    """Return a column as a NumPy array; raises `RunError` if it has another type or nulls."""
    column = columns[name]
    if column.type != pa.from_numpy_dtype(dtype) or column.null_count:
        got = f"{column.type} with {column.null_count} values missing"
        raise RunError(path, name, f"a full column of {np.dtype(dtype)}", got)
    # Column.to_numpy would import pandas, which takes longer than reading most files.
    if pa.types.is_boolean(column.type):
        return np.from_dlpack(column.cast(pa.uint8())).astype(np.bool_)
    return np.from_dlpack(column)


def _open(path: Path) -> Any:
    # ParquetFile and not read_table, which takes a directory name with "=" for a column.
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise _damage(path, error) from error


def _damage(path: Path, error: Exception) -> RunError:
    return RunError(path, "file", "an undamaged part", str(error).rstrip(". "))
