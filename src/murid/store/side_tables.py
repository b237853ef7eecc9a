"""Side tables: results of a run that lie in one Parquet file each, beside its parts.

Every side table is listed in `SIDE_TABLES` with what it was computed from. When that changes, the
table is removed: by `SideTables.remove_dependents`, called wherever parts are written or removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from murid.core.files import storage_errors
from murid.errors import ArrayError, RunError
from murid.store import migrate
from murid.store.parquet import read_columns, read_metadata, to_numbers, write_columns
from murid.store.run_state import RunState

Origin = Literal["clock", "detections", "tracks", "identities"]
Columns = Mapping[str, NDArray[Any]]

# Key in the Parquet metadata of tables that are only valid together.
GENERATION = "murid.generation"


@dataclass(frozen=True)
class SideTable:
    """One Parquet file beside the parts of a run.

    Attributes
    ----------
    name : str
        Name of the file, without its suffix.
    origin : {"clock", "detections", "tracks", "identities"}
        What the table is computed from; when that changes, the table is removed.
    columns : mapping of str to type
        Columns of one number a row, and their NumPy types.
    vectors : mapping of str to type
        Columns of one vector a row, all of one length, and the types of their values.
    optional : mapping of str to type
        Columns as `columns`, that older runs do not have.
    """

    name: str
    origin: Origin
    columns: Mapping[str, type[np.generic]]
    vectors: Mapping[str, type[np.floating]] = field(default_factory=dict)
    optional: Mapping[str, type[np.generic]] = field(default_factory=dict)

    def path(self, run: Path) -> Path:
        """Path of the file in a run directory."""
        return run / f"{self.name}.parquet"

    def write(self, run: Path, columns: Columns, metadata: Mapping[str, str]) -> None:
        """Write the file atomically; raises `ArrayError` and `StorageError`."""
        missing = [name for name in (*self.columns, *self.vectors) if name not in columns]
        if missing:
            raise ArrayError(f"{self.name}.{missing[0]}", "a column of this name", "none")
        arrays: dict[str, Any] = {}
        for name, dtype in {**self.columns, **self.optional}.items():
            if name in columns:
                arrays[name] = pa.array(np.asarray(columns[name], dtype))
        for name, value_dtype in self.vectors.items():
            values = np.asarray(columns[name], value_dtype)
            flat = pa.array(values.reshape(-1))
            arrays[name] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
        write_columns(self.path(run), arrays, metadata)

    def read(self, run: Path) -> dict[str, NDArray[Any]] | None:
        """Return the columns, or None if there is no file; raises `RunError` if it is damaged."""
        path = self.find(run)
        if path is None:
            return None
        names = [*self.columns, *self.vectors]
        arrays = read_columns(path, names, list(self.optional), migrate.COLUMNS)
        columns = {}
        for name, number_dtype in {**self.columns, **self.optional}.items():
            if name in arrays:
                columns[name] = to_numbers(arrays, name, number_dtype, path)
        for name, dtype in self.vectors.items():
            columns[name] = _to_vectors(arrays, name, dtype, path)
        return columns

    def find(self, run: Path) -> Path | None:
        """Path of the file under its name in this run, or None if there is no file."""
        for path in self._possible_paths(run):
            if path.is_file():
                return path
        return None

    def remove(self, run: Path) -> None:
        """Remove the file, if there is one; raises `StorageError`."""
        with storage_errors(self.path(run)):
            for path in self._possible_paths(run):
                path.unlink(missing_ok=True)

    def _possible_paths(self, run: Path) -> list[Path]:
        """Paths under the name of this format version and that of version 1, newest first."""
        path = self.path(run)
        old_name = migrate.FILES.get(path.name)
        return [path] if old_name is None else [path, run / old_name]


# Times of all frames of the video, where they come from a file of timestamps.
FRAME_TIMES = SideTable("frame_times", "clock", {"frame": np.int64, "time_s": np.float64})

# Doubtful crossings: two animals that may have been swapped between two frames.
CROSSINGS = SideTable(
    "crossings",
    "identities",
    {
        "first_frame": np.int64,
        "last_frame": np.int64,
        "identity_a": np.int64,
        "identity_b": np.int64,
        "swap_probability": np.float32,
    },
    optional={"lasting_probability": np.float32, "interval_frames": np.float32},
)

# Colours and size of some detections, for re-identification between recordings.
COLOUR_FEATURES = SideTable(
    "colour_features",
    "detections",
    {"frame": np.int64, "row": np.int64},
    {"colour_features": np.float32},
)

# Fur of some detections, for the appearance model of the recording. Half precision: the table holds
# up to 100 000 rows.
FUR_DESCRIPTORS = SideTable(
    "fur_descriptors",
    "detections",
    {"frame": np.int64, "row": np.int64},
    {"fur_descriptor": np.float16},
)

# Points that were tracked from earlier detections (the latest first) onto a later one. Rows of one
# match have the same number.
POINT_MATCHES = SideTable(
    "point_matches",
    "detections",
    {
        "match": np.int64,
        "frame": np.int64,
        "row": np.int64,
        "frame_before": np.int64,
        "row_before": np.int64,
        "points": np.float32,
    },
)

# Foreground of frames in which an animal was not detected, as runs of cells in the rows of a grid.
# A frame without foreground has one empty run; row -1: it cannot be told from the background.
GAP_FOREGROUND = SideTable(
    "gap_foreground",
    "detections",
    {
        "frame": np.int64,
        "row": np.int64,
        "first_column": np.int64,
        "end_column": np.int64,
        "cell_px": np.float32,
    },
)

# Sums over the frames of each track or identity, so that a listing need not read all parts.
_SUMMARY_COLUMNS: dict[str, type[np.generic]] = {
    "id": np.int64,
    "first_frame": np.int64,
    "last_frame": np.int64,
    "n_frames": np.int64,
    "n_interpolated": np.int64,
    "n_merged": np.int64,
    "score_sum": np.float64,
    "identity_probability_sum": np.float64,
}
TRACK_SUMMARY = SideTable("summary-tracks", "tracks", _SUMMARY_COLUMNS)
IDENTITY_SUMMARY = SideTable("summary-identities", "identities", _SUMMARY_COLUMNS)

# All side tables. One that is missing here is neither removed nor upgraded.
SIDE_TABLES = (
    FRAME_TIMES,
    CROSSINGS,
    COLOUR_FEATURES,
    FUR_DESCRIPTORS,
    POINT_MATCHES,
    GAP_FOREGROUND,
    TRACK_SUMMARY,
    IDENTITY_SUMMARY,
)

# Tables that one pass over the video computes together and that are only valid together.
SECOND_PASS = (FUR_DESCRIPTORS, POINT_MATCHES)


class SideTables:
    """The side tables of one run.

    Everything that writes raises `RunError` if the run is not open for writing, and `StorageError`
    if the disk is full or writing is not permitted.
    """

    def __init__(self, state: RunState) -> None:
        self._state = state

    def read(self, table: SideTable) -> dict[str, NDArray[Any]] | None:
        """Return the columns of a table, or None if it was not computed.

        A table of `SECOND_PASS` counts as not computed if the other one is missing or of another
        generation. Raises `RunError` if the file is damaged.
        """
        if table in SECOND_PASS and not self._is_of_one_generation():
            return None
        return table.read(self._state.path)

    def _is_of_one_generation(self) -> bool:
        paths = [table.find(self._state.path) for table in SECOND_PASS]
        if any(path is None for path in paths):
            return False
        # Runs of format version 1 have no generation; there both are None.
        generations = {read_metadata(path).get(GENERATION) for path in paths if path is not None}
        return len(generations) == 1

    def write(self, table: SideTable, columns: Columns) -> None:
        """Write a table that is valid by itself."""
        self._state.check_writable()
        self._state.check_detected()
        table.write(self._state.path, columns, {})

    def write_second_pass(self, fur_descriptors: Columns, point_matches: Columns) -> None:
        """Write the tables of `SECOND_PASS`; a kill in between leaves none that counts."""
        self._state.check_writable()
        self._state.check_detected()
        metadata = {GENERATION: _compute_generation(fur_descriptors, point_matches)}
        FUR_DESCRIPTORS.write(self._state.path, fur_descriptors, metadata)
        POINT_MATCHES.write(self._state.path, point_matches, metadata)

    def remove_dependents(self, origin: Origin) -> None:
        """Remove the tables that are computed from parts of the given kind."""
        for table in SIDE_TABLES:
            if table.origin == origin:
                table.remove(self._state.path)


def remove_all(run: Path) -> None:
    """Remove all side tables of a run directory; raises `StorageError`."""
    for table in SIDE_TABLES:
        table.remove(run)


def _compute_generation(*tables: Columns) -> str:
    """Hash of the content, so that the same content gives the same files."""
    digest = sha256()
    for columns in tables:
        for name, values in columns.items():
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:32]


def _to_vectors(
    arrays: Mapping[str, Any], name: str, dtype: type[np.floating], path: Path
) -> NDArray[Any]:
    kind = arrays[name].type
    if not (pa.types.is_fixed_size_list(kind) and pa.types.is_floating(kind.value_type)):
        raise RunError(path, name, "a fixed-size list of floats", str(kind))
    values = arrays[name].flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values.reshape(-1, kind.list_size), dtype)
