"""Gallery files: one Parquet file with the prototypes of named animals from many recordings.

A row is a prototype. Its columns are ``animal`` and ``session``, positions in the lists of the
metadata; ``weight``; ``embedding`` and ``colour_features``, lists of numbers. The key ``murid`` of
the file's metadata holds a JSON document: ``format``, ``format_version``, the ``embedder`` (hash of
the weights of the embeddings), the ``animals`` with name and uuid, and the ``sessions`` with
source, fingerprint, date, murid version and variation.

In version 1, the column ``colour_features`` was called ``cues``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from murid.core.files import describe_content, replace_on_success
from murid.core.types import Float32
from murid.core.validation import find_repeated
from murid.errors import FormatError
from murid.reid.gallery import Animal, Gallery, GallerySession
from murid.reid.prototypes import Prototypes

FORMAT = "murid-gallery"
FORMAT_VERSION = 2
"""Version of the gallery files that this murid writes; it reads all versions up to this one."""
_METADATA_KEY = b"murid"
# Name of the column `colour_features` in version 1.
_COLOUR_FEATURES_V1 = "cues"
T = TypeVar("T", Animal, GallerySession)


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
    metadata = {_METADATA_KEY: json.dumps(document, ensure_ascii=False)}
    table = pa.table(columns).replace_schema_metadata(metadata)
    with replace_on_success(path) as temporary:
        pq.write_table(
            table, temporary, compression="zstd", use_dictionary=False, write_page_checksum=True
        )


def load_gallery(path: str | Path) -> Gallery:
    """Read a gallery of this or an older version.

    Raises
    ------
    FormatError
        If the file is missing, damaged, not a gallery, or of a newer murid.
    """
    path = Path(path)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            document = _read_document(file.schema_arrow.metadata, path)
            columns = _Columns(file.read(), path)
    except (OSError, pa.ArrowException) as error:
        got = describe_content(path, b"PAR1")
        raise FormatError(path, "file", "a gallery of murid", got) from error
    # The metadata.
    animals = _read_list(document, "animals", Animal, path)
    sessions = _read_list(document, "sessions", GallerySession, path)
    _check_unique("name", [animal.name for animal in animals], path)
    _check_unique("uuid", [animal.uuid for animal in animals], path)
    embedder = document.get("embedder")
    if not isinstance(embedder, str):
        raise FormatError(path, "embedder", "the hash of the weights", repr(embedder))
    # The prototypes.
    is_v1 = document["format_version"] == 1
    colour_column = _COLOUR_FEATURES_V1 if is_v1 else "colour_features"
    prototypes = Prototypes(
        columns.read_positions("animal", len(animals)),
        columns.read_numbers("weight", pa.float32()),
        columns.read_lists("embedding"),
        columns.read_lists(colour_column),
    )
    session_numbers = columns.read_positions("session", len(sessions))
    return Gallery(embedder, animals, sessions, prototypes, session_numbers)


def _to_lists(values: Float32) -> Any:
    """Return an Arrow column of fixed-size lists of rows ``(n, d)``."""
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])


def _read_document(metadata: Mapping[bytes, bytes] | None, path: Path) -> dict[str, Any]:
    """Return the JSON document in the metadata, of a version that can be read."""
    try:
        document = json.loads((metadata or {}).get(_METADATA_KEY, b"null"))
    except ValueError as error:
        raise FormatError(path, "metadata", "a JSON document", str(error)) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise FormatError(path, "file", "a gallery of murid", "a table of something else")
    version = document.get("format_version")
    if not isinstance(version, int) or not 1 <= version <= FORMAT_VERSION:
        expected = f"at most {FORMAT_VERSION} (a newer murid may read it)"
        raise FormatError(path, "format_version", expected, repr(version))
    return document


def _read_list(document: Mapping[str, Any], key: str, kind: type[T], path: Path) -> tuple[T, ...]:
    """Return a list of the document as records of one kind, whose fields are strings or floats."""
    entries = document.get(key)
    if not isinstance(entries, list):
        raise FormatError(path, key, "a list", type(entries).__name__)
    types = {field.name: float if field.type == "float" else str for field in fields(kind)}
    for entry in entries:
        for name, expected in types.items():
            if not isinstance(entry, dict) or not isinstance(entry.get(name), expected):
                got = repr(entry)[:60]
                raise FormatError(path, f"{key}.{name}", expected.__name__, got)
    return tuple(kind(**{name: entry[name] for name in types}) for entry in entries)


def _check_unique(field: str, values: list[str], path: Path) -> None:
    repeated = find_repeated(values)
    if repeated is not None:
        expected = "another for every animal"
        raise FormatError(path, f"animals.{field}", expected, f"{repeated} twice")


@dataclass(frozen=True, slots=True)
class _Columns:
    """Columns of a Parquet table, checked when they are read."""

    table: pa.Table
    path: Path

    def read_positions(self, name: str, n: int) -> NDArray[Any]:
        """Return a column of positions in a list of length `n`."""
        positions = self.read_numbers(name, pa.int64())
        if len(positions) and not 0 <= positions.min() <= positions.max() < n:
            got = f"{positions.min()} to {positions.max()}"
            raise FormatError(self.path, name, f"numbers from 0 to {n - 1}", got)
        return positions

    def read_numbers(self, name: str, kind: pa.DataType) -> NDArray[Any]:
        """Return a column of numbers of one type."""
        column = self._read(name)
        if column.type != kind or column.null_count:
            got = f"{column.type} with {column.null_count} missing"
            raise FormatError(self.path, name, f"a full column of {kind}", got)
        return np.asarray(column.to_numpy(zero_copy_only=False))

    def read_lists(self, name: str) -> Float32:
        """Return a column of lists of one length as rows ``(n, d)``."""
        column = self._read(name)
        is_lists = pa.types.is_fixed_size_list(column.type)
        if not is_lists or column.type.value_type != pa.float32() or column.null_count:
            expected = "a full column of fixed-size lists of float"
            raise FormatError(self.path, name, expected, str(column.type))
        values = np.asarray(column.flatten().to_numpy(zero_copy_only=False))
        return values.reshape(-1, column.type.list_size)

    def _read(self, name: str) -> Any:
        names = self.table.column_names
        if name not in names:
            got = f"columns {', '.join(names)}"
            raise FormatError(self.path, name, "a column of this name", got)
        return self.table[name].combine_chunks()
