"""Read MOT Challenge text files. `murid.export.mot` writes them.

A result has the columns ``frame, id, left, top, width, height, score, -1, -1, -1``; ground truth
has ``frame, id, left, top, width, height, flag`` and, optionally, class, visibility and one more.
Frames count from 1, boxes are in pixels, a row with flag 0 is not scored. Semicolons or tabs may be
between the columns; then a comma is a decimal comma.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from murid.core.boxes import from_xywh
from murid.core.types import DetectionTable, Float64, Int64
from murid.datasets.text import (
    find_delimiter,
    parse_number,
    read_lines,
    split_cells,
    to_decimal_points,
)
from murid.errors import FormatError
from murid.metrics import LabelledBoxes

COLUMNS = (
    "frame",
    "id",
    "left",
    "top",
    "width",
    "height",
    "flag",
    "class",
    "visibility",
    "column 10",
)
# Class and visibility are optional.
MIN_COLUMNS = 7


class MotRow(NamedTuple):
    """One row of a MOT Challenge text file, before it is checked.

    Attributes
    ----------
    path : Path
    line : int
        Number of the line, from 1.
    frame, track_id : float
        Frame from 1; whole numbers once `check` has passed.
    left, top, width, height : float
        Pixels.
    flag : float
        The seventh column: score of a result, flag of ground truth.
    class_id, visibility : float or None
        None where the row has no such column.
    """

    path: Path
    line: int
    frame: float
    track_id: float
    left: float
    top: float
    width: float
    height: float
    flag: float
    class_id: float | None = None
    visibility: float | None = None

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Xyxy in pixels."""
        return self.left, self.top, self.left + self.width, self.top + self.height

    def make_error(self, column: str, expected: str, got: str) -> FormatError:
        """Return an error about one column of this row."""
        return FormatError(self.path, f"line {self.line}, {column}", expected, got)

    def check(
        self,
        n_frames: int | None = None,
        min_id: int = 0,
        limit_name: str = "the length of the video",
    ) -> None:
        """Raise `FormatError` if the frame, the id or the size is out of range.

        `n_frames` is the maximum frame number. The error message calls it `limit_name`.
        """
        is_beyond_end = n_frames is not None and self.frame > n_frames
        if self.frame < 1 or self.frame % 1 or is_beyond_end:
            expected = "a frame number from 1"
            if n_frames is not None:
                expected += f" to {n_frames}, {limit_name}"
            raise self.make_error("frame", expected, f"{self.frame:g}")
        if self.track_id < min_id or self.track_id % 1:
            expected = f"a whole number from {min_id}"
            raise self.make_error("id", expected, f"{self.track_id:g}")
        if self.width < 0:
            raise self.make_error("width", "a number from 0", f"{self.width:g}")
        if self.height < 0:
            raise self.make_error("height", "a number from 0", f"{self.height:g}")


@dataclass(frozen=True, eq=False, slots=True)
class MotTable:
    """All rows of a MOT Challenge text file.

    Attributes
    ----------
    boxes : LabelledBoxes
        Frames from 0, boxes xyxy.
    scores : ndarray
        ``(N,)`` float64: the seventh column, scores of a result, flags of ground truth.
    class_ids : ndarray
        ``(N,)`` int64; -1 where no class is given.
    """

    boxes: LabelledBoxes
    scores: Float64
    class_ids: Int64


def read_mot(path: str | Path, n_frames: int | None = None) -> LabelledBoxes:
    """Return the scored boxes of a ground truth file in MOT Challenge text: rows with flag > 0.

    Raises
    ------
    FormatError
        As `read_mot_table`, and if there are no rows.
    """
    table = read_mot_table(path, n_frames)
    if not len(table.boxes):
        expected = "rows of frame, id, left, top, width, height, flag"
        raise FormatError(path, "file", expected, "no rows")
    return table.boxes.select(table.scores != 0)


def read_mot_table(
    path: str | Path, n_frames: int | None = None, limit_name: str = "the length of the video"
) -> MotTable:
    """Read ground truth or a result from MOT Challenge text.

    Parameters
    ----------
    path : str or Path
        The file; it may have no rows.
    n_frames : int, optional
        Frames of the video; a row beyond is an error.
    limit_name : str
        Name of `n_frames` in the error message.

    Raises
    ------
    FormatError
        If the file cannot be read, or a row has the wrong number of columns, something other than a
        number, a frame outside the video, a negative id or size, or an id twice in a frame.
    """
    path = Path(path)
    rows = []
    lines: dict[tuple[float, float], int] = {}
    for line, text in read_lines(path):
        row = parse_row(path, line, text)
        row.check(n_frames, limit_name=limit_name)
        earlier_line = lines.setdefault((row.frame, row.track_id), line)
        if earlier_line != line:
            got = f"{row.track_id:.0f}, as in line {earlier_line}"
            raise row.make_error("id", "each id once in a frame", got)
        rows.append(row)
    frames = np.array([row.frame for row in rows], np.float64).astype(np.int64) - 1
    ids = np.array([row.track_id for row in rows], np.float64).astype(np.int64)
    boxes = _stack_boxes(rows)
    class_ids = [-1 if row.class_id is None else row.class_id for row in rows]
    return MotTable(
        LabelledBoxes(frames, ids, boxes),
        scores=np.array([row.flag for row in rows], np.float64),
        class_ids=np.array(class_ids, np.float64).astype(np.int64),
    )


def read_mot_detections(path: str | Path, n_frames: int | None = None) -> DetectionTable:
    """Read detections from MOT Challenge text; the seventh column holds the scores.

    Ids, which are -1 in the public detections of MOT Challenge, are ignored.

    Parameters
    ----------
    path : str or Path
        The file; it may have no rows.
    n_frames : int, optional
        Frames of the video; a row beyond is an error. None = up to the last row.

    Raises
    ------
    FormatError
        If the file cannot be read, or a row has the wrong number of columns, something other than a
        number, a frame outside the video, a negative size, or a score outside 0 to 1.
    """
    path = Path(path)
    rows = []
    for line, text in read_lines(path):
        row = parse_row(path, line, text)
        row.check(n_frames, min_id=-1)
        if not 0 <= row.flag <= 1:
            raise row.make_error("score", "a number from 0 to 1", f"{row.flag:g}")
        rows.append(row)
    # The sort is stable, so that boxes of one frame keep the order of their rows.
    rows.sort(key=lambda row: row.frame)
    frames = np.array([row.frame for row in rows], np.float64).astype(np.int64) - 1
    counts = np.bincount(frames, minlength=n_frames or 0)
    return DetectionTable(
        _stack_boxes(rows).astype(np.float32),
        np.array([row.flag for row in rows], np.float64).astype(np.float32),
        None,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
    )


def _stack_boxes(rows: list[MotRow]) -> Float64:
    """Return the boxes of rows, ``(N, 4)`` xyxy."""
    xywh = [(row.left, row.top, row.width, row.height) for row in rows]
    boxes = from_xywh(np.array(xywh, np.float64).reshape(-1, 4))
    return boxes.astype(np.float64, copy=False)


def parse_row(path: Path, line: int, text: str) -> MotRow:
    """Return the columns of a line; raises `FormatError` for a wrong number or a non-number."""
    delimiter = find_delimiter(text)
    cells = split_cells(text, delimiter)
    if not MIN_COLUMNS <= len(cells) <= len(COLUMNS):
        expected = f"{MIN_COLUMNS} to {len(COLUMNS)}, between commas"
        raise FormatError(path, f"line {line}, columns", expected, str(len(cells)))
    values = [
        parse_number(path, line, column, to_decimal_points(cell, delimiter))
        for column, cell in zip(COLUMNS, cells, strict=False)
    ]
    # The tenth column has no meaning in two dimensions.
    return MotRow(path, line, *values[:9])
