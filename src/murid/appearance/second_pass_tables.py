"""Results of the second pass, in the side tables of a run.

Side tables name a detection by its frame and its row in that frame. The results name it by its row
in the table of all detections.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from murid.appearance.fur_descriptors import DESCRIPTOR_SIZE
from murid.core.ranges import concatenate_ranges, find_run_starts
from murid.core.types import DetectionTable, Int64
from murid.errors import RunError
from murid.identification.appearance_models.tracklet_features import FurDescriptors
from murid.identification.point_matches import N_VISITS, PointMatchCounter, PointMatches
from murid.store import RunDirectory
from murid.store.side_tables import FUR_DESCRIPTORS, POINT_MATCHES

Columns = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False, slots=True)
class SecondPassResult:
    """Results of the second pass over a video; both are empty where the camera moves."""

    fur_descriptors: FurDescriptors
    point_matches: PointMatches

    @classmethod
    def empty(cls) -> SecondPassResult:
        """Return the result where the camera moves."""
        none = np.zeros(0, np.int64)
        values = np.zeros((0, DESCRIPTOR_SIZE), np.float32)
        return cls(FurDescriptors(none, values), PointMatchCounter(1).finish())


def read_second_pass(run: RunDirectory, table: DetectionTable) -> SecondPassResult | None:
    """Return the stored result; None if there is none. Raises `RunError` if it is damaged."""
    fur_columns = run.side_tables.read(FUR_DESCRIPTORS)
    match_columns = run.side_tables.read(POINT_MATCHES)
    if fur_columns is None or match_columns is None:
        return None
    rows = _find_table_rows(
        fur_columns["frame"], fur_columns["row"], table, run, FUR_DESCRIPTORS.name
    )
    return SecondPassResult(
        FurDescriptors(rows, fur_columns["fur_descriptor"]),
        _from_match_columns(match_columns, table, run),
    )


def write_second_pass(run: RunDirectory, result: SecondPassResult, table: DetectionTable) -> None:
    """Store a result; raises `StorageError`."""
    frames, rows = _find_frame_rows(result.fur_descriptors.rows, table)
    values = np.asarray(result.fur_descriptors.values, np.float32)
    run.side_tables.write_second_pass(
        {"frame": frames, "row": rows, "fur_descriptor": values},
        _to_match_columns(result.point_matches, table),
    )


def _find_frame_rows(rows: Int64, table: DetectionTable) -> tuple[Int64, Int64]:
    """Return the frame of each row of the table, and its row in that frame."""
    frames = table.frame_numbers[rows]
    return frames, rows - table.frame_offsets[frames]


def _find_table_rows(
    frames: Int64, rows: Int64, table: DetectionTable, run: RunDirectory, name: str
) -> Int64:
    """Return rows of the table; raises `RunError` if one does not exist."""
    is_frame = (frames >= 0) & (frames < table.n_frames)
    known_frames = np.where(is_frame, frames, 0)
    table_rows: Int64 = table.frame_offsets[known_frames] + rows
    is_row = (rows >= 0) & (table_rows < table.frame_offsets[known_frames + 1])
    if not (is_frame & is_row).all():
        raise RunError(run.path, name, "rows of the run's detections", "others")
    return table_rows


def _to_match_columns(point_matches: PointMatches, table: DetectionTable) -> Columns:
    """Return columns with one row for each visit of each match."""
    matches, visits = np.nonzero(point_matches.before >= 0)
    frames, rows = _find_frame_rows(point_matches.after[matches], table)
    frames_before, rows_before = _find_frame_rows(point_matches.before[matches, visits], table)
    return {
        "match": matches.astype(np.int64),
        "frame": frames,
        "row": rows,
        "frame_before": frames_before,
        "row_before": rows_before,
        "points": point_matches.counts[matches, visits],
    }


def _from_match_columns(
    columns: Mapping[str, Int64], table: DetectionTable, run: RunDirectory
) -> PointMatches:
    """Return the point matches of columns; raises `RunError` if they are not valid."""
    name = POINT_MATCHES.name
    numbers = columns["match"]
    # Rows of one match are consecutive.
    starts = find_run_starts(numbers)
    n_visits = np.diff(np.append(starts, len(numbers)))
    if (n_visits > N_VISITS).any():
        expected = f"at most {N_VISITS} rows of a match"
        raise RunError(run.path, name, expected, str(n_visits.max()))
    after = _find_table_rows(columns["frame"], columns["row"], table, run, name)
    earlier = _find_table_rows(columns["frame_before"], columns["row_before"], table, run, name)
    matches = np.repeat(np.arange(len(starts)), n_visits)
    visits = concatenate_ranges(n_visits)
    before = np.full((len(starts), N_VISITS), -1, np.int64)
    before[matches, visits] = earlier
    counts = np.zeros((len(starts), N_VISITS), np.float32)
    counts[matches, visits] = columns["points"]
    return PointMatches(after[starts], before, counts)
