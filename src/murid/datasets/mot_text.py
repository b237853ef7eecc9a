"""MOT Challenge text: results out, ground truth in, row by row.

A result has the columns ``frame, id, left, top, width, height, score, -1, -1, -1``; ground truth
has ``frame, id, left, top, width, height, flag`` and, as far as given, class, visibility and one
more. Frames count from 1, boxes are in pixels, a row with flag 0 is not to be scored.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from murid.core.boxes import from_xywh
from murid.core.types import DetectionTable, Float64, Int64
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
MIN_COLUMNS = 7

Row = list[float]


@dataclass(frozen=True, eq=False, slots=True)
class MotTable:
    """All rows of a MOT Challenge text.

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
    """Read ground truth from MOT Challenge text, as `read_mot_table` does; rows with flag 0 are dropped.

    Raises
    ------
    FormatError
        As `read_mot_table`, and if there are no rows.
    """
    table = read_mot_table(path, n_frames)
    if not len(table.boxes):
        raise FormatError(
            path, "file", "rows of frame, id, left, top, width, height, flag", "no rows"
        )
    return table.boxes[table.scores != 0]


def read_mot_table(
    path: str | Path, n_frames: int | None = None, length: str = "the length of the video"
) -> MotTable:
    """Read ground truth or a result from MOT Challenge text.

    Parameters
    ----------
    path : str or Path
        The file; one without rows is a table without rows.
    n_frames : int, optional
        Frames of the video; a row beyond is an error.
    length : str
        What `n_frames` is, for the error.

    Raises
    ------
    FormatError
        If the file cannot be read, or a row has the wrong number of columns, something other than a
        number, a frame outside the video, a negative id or size, or an id twice in a frame.
    """
    path = Path(path)
    rows, lines = [], dict[tuple[float, float], int]()
    for number, line in read_lines(path):
        row = parse_row(path, number, line)
        check_row(path, number, row, n_frames, length=length)
        earlier = lines.setdefault((row[0], row[1]), number)
        if earlier != number:
            raise _error(
                path, number, "id", "each id once in a frame", f"{row[1]:.0f}, as in line {earlier}"
            )
        rows.append(row[:8] if len(row) > MIN_COLUMNS else [*row, -1])
    table = np.array(rows, np.float64).reshape(-1, MIN_COLUMNS + 1)
    frames, ids = table[:, 0].astype(np.int64) - 1, table[:, 1].astype(np.int64)
    boxes = from_xywh(table[:, 2:6]).astype(np.float64, copy=False)
    return MotTable(
        LabelledBoxes(frames, ids, boxes), table[:, 6].copy(), table[:, 7].astype(np.int64)
    )


def read_mot_detections(path: str | Path, n_frames: int | None = None) -> DetectionTable:
    """Read detections from MOT Challenge text: ids, -1 by custom, say nothing; the seventh column holds scores.

    Parameters
    ----------
    path : str or Path
        The file; one without rows holds no detections.
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
    for number, line in read_lines(path):
        row = parse_row(path, number, line)
        check_row(path, number, row, n_frames, lowest_id=-1)
        if not 0 <= row[6] <= 1:
            raise _error(path, number, "score", "a number from 0 to 1", f"{row[6]:g}")
        rows.append(row[:MIN_COLUMNS])
    table = np.array(rows, np.float64).reshape(-1, MIN_COLUMNS)
    frames = table[:, 0].astype(np.int64) - 1
    order = np.argsort(frames, kind="stable")
    counts = np.bincount(frames, minlength=n_frames or 0)
    boxes, scores = (
        from_xywh(table[order, 2:6]).astype(np.float32),
        table[order, 6].astype(np.float32),
    )
    return DetectionTable(
        boxes, scores, None, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    )


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number, from 1, and text of each line that is not blank; raises `FormatError` if it is no text file."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(path, "file", "a readable text file", str(error)) from error


def parse_row(path: Path, number: int, line: str) -> Row:
    """Numbers in the columns of a line; raises `FormatError` if these are too few or too many, or no numbers."""
    cells = line.split(",")
    if not MIN_COLUMNS <= len(cells) <= len(COLUMNS):
        raise _error(
            path,
            number,
            "columns",
            f"{MIN_COLUMNS} to {len(COLUMNS)}, between commas",
            str(len(cells)),
        )
    return [_parse_number(path, number, *pair) for pair in zip(COLUMNS, cells, strict=False)]


def _parse_number(path: Path, number: int, column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _error(path, number, column, "a number", repr(cell.strip()))
    return value


def check_row(
    path: Path,
    number: int,
    row: Row,
    n_frames: int | None = None,
    lowest_id: int = 0,
    length: str = "the length of the video",
) -> None:
    """Raise `FormatError` if the frame, the id or the size of a row cannot be."""
    frame, track_id, _, _, width, height = row[:6]
    if frame < 1 or frame % 1 or (n_frames is not None and frame > n_frames):
        expected = "a frame number from 1" + (
            "" if n_frames is None else f" to {n_frames}, {length}"
        )
        raise _error(path, number, "frame", expected, f"{frame:g}")
    if track_id < lowest_id or track_id % 1:
        raise _error(path, number, "id", f"a whole number from {lowest_id}", f"{track_id:g}")
    for column, size in (("width", width), ("height", height)):
        if size < 0:
            raise _error(path, number, column, "a number from 0", f"{size:g}")


def _error(path: Path, number: int, column: str, expected: str, got: str) -> FormatError:
    return FormatError(path, f"line {number}, {column}", expected, got)
