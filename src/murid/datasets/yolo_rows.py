"""The columns of YOLO label rows, which no file declares.

A row is ``class centre_x centre_y width height``, in fractions of the image. Programs add columns
or replace the box, and the number of columns does not always tell them apart:

==================================  =========================================================
row                                 who writes it
==================================  =========================================================
box                                 everyone
box, score                          predictions of ultralytics
box, track id                       "Ultralytics YOLO Detection Track" of CVAT
box, score, track id                predictions of ultralytics with tracking
box, keypoints                      pose sets; ``kpt_shape`` in ``data.yaml``
corners of a polygon                segmentation sets, and oriented boxes (four corners)
==================================  =========================================================

So the meaning is found from all rows of the data set together (`find_columns`), and each row is
then read by it (`Columns.parse`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from murid.datasets.labels import UNKNOWN_TRACK_ID
from murid.datasets.raw_labels import Box
from murid.datasets.text import parse_number
from murid.errors import FormatError

BOX_COLUMNS = ("class", "centre x", "centre y", "width", "height")

# Polygons and oriented boxes may reach over the edge, but not by half an image: such a number is
# no fraction of the image.
_MIN_FRACTION = -0.5
_MAX_FRACTION = 1.5

# Values of visibility of a keypoint: not labelled, hidden, visible.
_VISIBILITIES = (0.0, 1.0, 2.0)

_WHOLE_NUMBER = re.compile(r"-?\d+(\.0*)?$")


class Row(NamedTuple):
    """The cells of a line of a label file.

    Attributes
    ----------
    path : Path
    line : int
        From 1.
    cells : list of str
    """

    path: Path
    line: int
    cells: list[str]

    def make_error(self, field: str, expected: str, got: str) -> FormatError:
        """Return an error about one column of this row."""
        return FormatError(self.path, f"line {self.line}, {field}", expected, got)


class ParsedRow(NamedTuple):
    """The values of a row.

    Attributes
    ----------
    class_id : float
    box : tuple of float
        xyxy, in fractions of the image.
    track_id : int
        `UNKNOWN_TRACK_ID` where the row has none.
    is_polygon : bool
    """

    class_id: float
    box: Box
    track_id: int
    is_polygon: bool


@dataclass(frozen=True)
class Columns:
    """The meaning of the columns in one data set.

    Attributes
    ----------
    n_keypoint_values : int
        Columns of keypoints after the box; 0 = none.
    has_score, has_track_id : bool
        Whether rows with one column more than a box, a box with keypoints, or a polygon end with a
        score, or with a track id. If neither, such rows are invalid.
    has_both : bool
        Whether rows with an odd number of columns, such as seven, end with a score and a track id.
        Otherwise they are polygons.
    """

    n_keypoint_values: int = 0
    has_score: bool = False
    has_track_id: bool = False
    has_both: bool = False

    def parse(self, row: Row) -> ParsedRow:
        """Return the values of a row; raises `FormatError` for a wrong number of columns."""
        n_extra = self._count_extra(row)
        n_values = len(row.cells) - n_extra
        names = BOX_COLUMNS if n_values <= self._n_box else ("class",)
        columns = [*names, *(f"column {k}" for k in range(len(names) + 1, len(row.cells) + 1))]
        values = [
            parse_number(row.path, row.line, column, cell)
            for column, cell in zip(columns, row.cells, strict=True)
        ]
        if n_extra == 1 and not self.has_score and not self.has_track_id:
            expected = "a score from 0 to 1, or a track id that occurs once in a file"
            raise row.make_error(columns[-1], expected, row.cells[-1])
        track_id = UNKNOWN_TRACK_ID
        if n_extra == 2 or (n_extra == 1 and self.has_track_id):
            track_id = self._get_track_id(row, values[-1])
        is_polygon = n_values > self._n_box
        box = self._get_bounds(row, values[1:n_values]) if is_polygon else _to_xyxy(values[1:5])
        return ParsedRow(values[0], box, track_id, is_polygon)

    @property
    def _n_box(self) -> int:
        return len(BOX_COLUMNS) + self.n_keypoint_values

    def _count_extra(self, row: Row) -> int:
        """Return how many columns at the end are score and track id."""
        n_more = len(row.cells) - self._n_box
        if n_more < 0 or (self.n_keypoint_values and n_more > 2):
            expected = f"{self._n_box}, between spaces"
            raise row.make_error("columns", expected, str(len(row.cells)))
        if n_more == 0:
            return 0
        is_odd = n_more % 2 == 1
        if self.n_keypoint_values or n_more == 1:
            return n_more
        # A polygon has pairs of columns after the class.
        return 1 if is_odd else 2 * self.has_both

    def _get_track_id(self, row: Row, value: float) -> int:
        if value % 1 or value < UNKNOWN_TRACK_ID:
            raise row.make_error("track id", "a whole number from 0", row.cells[-1])
        return int(value)

    def _get_bounds(self, row: Row, values: Sequence[float]) -> Box:
        if min(values) < _MIN_FRACTION or max(values) > _MAX_FRACTION:
            expected = (
                "corners of a polygon in fractions of the image; for keypoints, kpt_shape has to "
                "be in data.yaml"
            )
            raise row.make_error("columns", expected, f"{len(row.cells)} columns")
        return min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])


def _to_xyxy(values: Sequence[float]) -> Box:
    x, y, width, height = values
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def find_columns(files: Iterable[Sequence[Row]], n_keypoint_values: int) -> Columns:
    """Return the meaning of the columns of a data set.

    Parameters
    ----------
    files : iterable of sequence of Row
        The rows of each label file: a track id occurs once in a file at most.
    n_keypoint_values : int
        From ``kpt_shape`` in ``data.yaml``; 0 without it.
    """
    by_file = [list(rows) for rows in files]
    lengths = {len(row.cells) for rows in by_file for row in rows}
    if not n_keypoint_values:
        n_keypoint_values = _find_keypoints(by_file, lengths)
    n_box = len(BOX_COLUMNS) + n_keypoint_values
    single = [_select(rows, n_box, is_odd=True) for rows in by_file]
    double = [_select(rows, n_box, is_odd=False) for rows in by_file]
    has_both = any(double) and _are_track_ids(double)
    has_track_id = any(single) and _are_track_ids(single)
    has_score = any(single) and not has_track_id and _are_scores(single)
    return Columns(
        n_keypoint_values,
        has_score=has_score or has_both,
        has_track_id=has_track_id,
        has_both=has_both,
    )


def _select(rows: Sequence[Row], n_box: int, *, is_odd: bool) -> list[Row]:
    """Return rows longer than a box by an odd, or by an even, number of columns."""
    differences = [(row, len(row.cells) - n_box) for row in rows]
    return [row for row, n_more in differences if n_more > 0 and n_more % 2 == is_odd]


def _find_keypoints(by_file: Sequence[Sequence[Row]], lengths: set[int]) -> int:
    """Return the number of columns of keypoints that no ``data.yaml`` declares; 0 = none.

    All rows have one length then, and every third value is a visibility, which no polygon has.
    """
    if len(lengths) != 1:
        return 0
    n_values = lengths.pop() - len(BOX_COLUMNS)
    if n_values < 3 or n_values % 3:
        return 0
    cells = [
        cell for rows in by_file for row in rows for cell in row.cells[len(BOX_COLUMNS) + 2 :: 3]
    ]
    return n_values if all(_to_float(cell) in _VISIBILITIES for cell in cells) else 0


def _are_track_ids(by_file: Sequence[Sequence[Row]]) -> bool:
    """Whether the last column holds track ids: whole numbers, each once in a file.

    A score of 1 is a whole number too, so that numbers with decimals, such as ``1.000``, need one
    above 1 among them.
    """
    cells = [row.cells[-1] for rows in by_file for row in rows]
    if not all(_WHOLE_NUMBER.match(cell) for cell in cells):
        return False
    for rows in by_file:
        numbers = [float(row.cells[-1]) for row in rows]
        known = [number for number in numbers if number >= 0]
        if len(set(known)) < len(known):
            return False
    return any(float(cell) > 1 for cell in cells) or not any("." in cell for cell in cells)


def _are_scores(by_file: Sequence[Sequence[Row]]) -> bool:
    return all(0 <= _to_float(row.cells[-1]) <= 1 for rows in by_file for row in rows)


def _to_float(cell: str) -> float:
    """Return the number in a cell; -1 for other text."""
    try:
        return float(cell)
    except ValueError:
        return -1.0
