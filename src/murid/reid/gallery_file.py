"""Gallery files: the looks of named animals over many recordings, as one Parquet file.

A row is a prototype: ``animal`` and ``session``, places in the lists of the metadata; ``weight``;
``embedding`` and ``colour_features``, lists of numbers. The key ``murid`` of the file's metadata
holds, as JSON, ``format``, ``format_version``, the ``embedder`` whose embeddings these are, the
``animals`` with name and uuid, and the ``sessions`` with source, fingerprint, date, murid's version
and variation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from murid.core.files import replace_on_success
from murid.errors import FormatError
from murid.reid.gallery import Animal, Gallery, Session
from murid.reid.prototypes import Prototypes

FORMAT = "murid-gallery"
FORMAT_VERSION = 1
"""Version of the gallery file that this murid writes; it reads all versions up to this one."""
_KEY = b"murid"
T = TypeVar("T", Animal, Session)


def save_gallery(path: str | Path, gallery: Gallery) -> None:
    """Write a gallery, atomically; the same gallery gives the same bytes. Raises `StorageError`."""
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "embedder": gallery.embedder,
        "animals": [asdict(animal) for animal in gallery.animals],
        "sessions": [asdict(session) for session in gallery.sessions],
    }
    prototypes = gallery.prototypes
    columns = {
        "animal": pa.array(prototypes.owners),
        "session": pa.array(gallery.session_numbers),
        "weight": pa.array(prototypes.weights),
        "embedding": _to_lists(prototypes.embeddings),
        "colour_features": _to_lists(prototypes.colour_features),
    }
    table = pa.table(columns).replace_schema_metadata(
        {_KEY: json.dumps(document, ensure_ascii=False)}
    )
    with replace_on_success(path) as temporary:
        pq.write_table(
            table, temporary, compression="zstd", use_dictionary=False, write_page_checksum=True
        )


def load_gallery(path: str | Path) -> Gallery:
    """Read a gallery.

    Raises
    ------
    FormatError
        If the file is missing, damaged, no gallery, or of a newer murid.
    """
    path = Path(path)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            document = _read_document(file.schema_arrow.metadata, path)
            table = file.read()
    except (OSError, pa.ArrowException) as error:
        got = "nothing there" if not path.exists() else str(error).rstrip(". ")
        raise FormatError(path, "file", "a gallery of murid", got) from error
    animals = _read_list(document, "animals", Animal, path)
    sessions = _read_list(document, "sessions", Session, path)
    owners = _read_numbers(table, "animal", pa.int64(), path)
    numbers = _read_numbers(table, "session", pa.int64(), path)
    for name, places, most in (
        ("animal", owners, len(animals)),
        ("session", numbers, len(sessions)),
    ):
        if len(places) and not 0 <= places.min() <= places.max() < most:
            raise FormatError(
                path, name, f"numbers from 0 to {most - 1}", f"{places.min()} to {places.max()}"
            )
    _check_names(animals, path)
    embedder = document.get("embedder")
    if not isinstance(embedder, str):
        raise FormatError(
            path, "embedder", "what tells the weights of the embeddings", repr(embedder)
        )
    weights = _read_numbers(table, "weight", pa.float32(), path)
    appearance = _read_lists(table, "embedding", path), _read_lists(table, "colour_features", path)
    return Gallery(embedder, animals, sessions, Prototypes(owners, weights, *appearance), numbers)


def _to_lists(values: NDArray[np.float32]) -> Any:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])


def _read_document(metadata: Mapping[bytes, bytes] | None, path: Path) -> dict[str, Any]:
    try:
        document = json.loads((metadata or {}).get(_KEY, b"null"))
    except ValueError as error:
        raise FormatError(path, "metadata", "a JSON document", str(error)) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise FormatError(path, "file", "a gallery of murid", "a table of something else")
    version = document.get("format_version")
    if not isinstance(version, int) or not 1 <= version <= FORMAT_VERSION:
        raise FormatError(
            path,
            "format_version",
            f"at most {FORMAT_VERSION} (a newer murid may read it)",
            repr(version),
        )
    return document


def _read_list(document: Mapping[str, Any], key: str, kind: type[T], path: Path) -> tuple[T, ...]:
    names = {field.name: float if field.type == "float" else str for field in fields(kind)}
    entries = document.get(key)
    if not isinstance(entries, list):
        raise FormatError(path, key, "a list", type(entries).__name__)
    for entry in entries:
        wrong = [
            n
            for n, t in names.items()
            if not isinstance(entry, dict) or not isinstance(entry.get(n), t)
        ]
        if wrong:
            raise FormatError(path, f"{key}.{wrong[0]}", names[wrong[0]].__name__, repr(entry)[:60])
    return tuple(kind(**{name: entry[name] for name in names}) for entry in entries)


def _check_names(animals: tuple[Animal, ...], path: Path) -> None:
    for field in ("name", "uuid"):
        values = [getattr(animal, field) for animal in animals]
        twice = next((v for k, v in enumerate(values) if v in values[:k]), None)
        if twice is not None:
            raise FormatError(
                path, f"animals.{field}", "another for every animal", f"{twice} twice"
            )


def _read_column(table: pa.Table, name: str, path: Path) -> Any:
    if name not in table.column_names:
        raise FormatError(
            path, name, "a column of this name", f"columns {', '.join(table.column_names)}"
        )
    return table[name].combine_chunks()


def _read_numbers(table: pa.Table, name: str, kind: pa.DataType, path: Path) -> NDArray[Any]:
    column = _read_column(table, name, path)
    if column.type != kind or column.null_count:
        raise FormatError(
            path,
            name,
            f"a full column of {kind}",
            f"{column.type} with {column.null_count} missing",
        )
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _read_lists(table: pa.Table, name: str, path: Path) -> NDArray[np.float32]:
    column = _read_column(table, name, path)
    if (
        not (pa.types.is_fixed_size_list(column.type) and column.type.value_type == pa.float32())
        or column.null_count
    ):
        raise FormatError(
            path, name, "a full column of fixed-size lists of float", str(column.type)
        )
    return np.asarray(column.flatten().to_numpy(zero_copy_only=False)).reshape(
        -1, column.type.list_size
    )
