"""Read the keypoint tables of DeepLabCut, ``.csv`` and ``.h5``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from murid.core.extras import import_extra
from murid.core.types import Float64
from murid.datasets.deeplabcut_pickle import restrict_unpickling
from murid.datasets.text import read_rows, to_decimal_points
from murid.errors import FormatError

# Levels of the header; "individuals" is missing in projects of one animal.
_LEVELS = ("scorer", "individuals", "bodyparts", "coords")

# Columns of tables of other programs, in lower case, and what they are.
_OTHER_TABLES = (
    (
        {"region_shape_attributes"},
        "a VGG Image Annotator table, which murid does not read: export it as COCO",
    ),
    (
        {"frame_idx", "instance.score"},
        "a SLEAP table, which murid does not read: export a SLEAP analysis HDF5 file",
    ),
    (
        {"filename", "class", "xmin", "ymin"},
        "a TensorFlow table of boxes, which murid does not read: export Pascal VOC or COCO",
    ),
    (
        {"track_id", "identity_probability"},
        "tracks that murid has exported: give the run itself",
    ),
)


class Column(NamedTuple):
    """Individual, body part and coordinate of a column of values."""

    individual: str
    body_part: str
    coord: str


@dataclass(frozen=True, eq=False)
class KeypointTable:
    """The keypoints of one video, or of the images of a project.

    Attributes
    ----------
    columns : list of Column
    keys : list of str
        Key of each row: the path of an image, or the number of a frame.
    values : ndarray
        ``(rows, columns)`` float64; NaN = missing.
    locations : list of str
        Line or row in the file of each row.
    """

    columns: list[Column]
    keys: list[str]
    values: Float64
    locations: list[str]

    @property
    def individuals(self) -> list[str]:
        """Names of the individuals, in the order of their columns."""
        return list(dict.fromkeys(column.individual for column in self.columns))

    def get_keypoints(self, individual: str, min_likelihood: float) -> tuple[list[str], Float64]:
        """Return the keypoints of an individual.

        Returns
        -------
        names : list of str
            Names of the K body parts.
        points : ndarray
            ``(rows, K, 2)`` float64 pixels; NaN = not visible, or less likely than
            `min_likelihood`.
        """
        values = {
            (column.body_part, column.coord): self.values[:, k]
            for k, column in enumerate(self.columns)
            if column.individual == individual
        }
        names = list(dict.fromkeys(body_part for body_part, _ in values))
        points = np.full((len(self.keys), len(names), 2), np.nan)
        for k, name in enumerate(names):
            points[:, k, 0] = values[name, "x"]
            points[:, k, 1] = values[name, "y"]
            likelihood = values.get((name, "likelihood"))
            if likelihood is not None:
                points[~(likelihood >= min_likelihood), k] = np.nan
        return names, points


def read_keypoint_table(path: Path) -> KeypointTable:
    """Read a table; raises `FormatError`, or `MissingExtraError` for ``.h5`` without pandas."""
    return _read_csv(path) if path.suffix.lower() == ".csv" else _read_h5(path)


def _read_csv(path: Path) -> KeypointTable:
    lines = read_rows(path)
    header = {
        cells[0].lower(): cells
        for _, cells, _ in lines[: len(_LEVELS)]
        if cells[0].lower() in _LEVELS
    }
    if not header:
        kind = _describe(lines[0][1] if lines else [])
        if kind is not None:
            raise FormatError(path, "format", "a table of DeepLabCut", kind)
    # The path of an image fills one cell, or one for each of its folders: the columns of values
    # begin where the row "coords" has its first entry.
    coords = header.get("coords", [])
    n_key_cells = next((k for k, cell in enumerate(coords) if k and cell), 0)
    columns = _parse_header(path, {name: cells[n_key_cells:] for name, cells in header.items()})
    keys = []
    rows = []
    locations = []
    for number, cells, delimiter in lines[len(header) :]:
        rows.append(_parse_values(path, number, cells, delimiter, n_key_cells, len(columns)))
        keys.append("/".join(cells[:n_key_cells]))
        locations.append(f"line {number}")
    values = np.array(rows, np.float64).reshape(len(rows), len(columns))
    return KeypointTable(columns, keys, values, locations)


def _describe(first_row: list[str]) -> str | None:
    """Return what a table with another header is; None if that is not known."""
    names = {name.lower() for name in first_row}
    for wanted, kind in _OTHER_TABLES:
        if wanted <= names:
            return kind
    return None


def _parse_values(
    path: Path,
    number: int,
    cells: list[str],
    delimiter: str,
    n_key_cells: int,
    n_columns: int,
) -> list[float]:
    n_expected = n_key_cells + n_columns
    if len(cells) != n_expected:
        raise FormatError(path, f"line {number}, columns", str(n_expected), str(len(cells)))
    try:
        texts = (to_decimal_points(cell, delimiter) for cell in cells[n_key_cells:])
        return [float(text) if text else np.nan for text in texts]
    except ValueError as error:
        raise FormatError(path, f"line {number}, points", "numbers", str(error)) from error


def _read_h5(path: Path) -> KeypointTable:
    pandas = import_extra("pandas", "pandas")
    import_extra("tables", "tables")
    try:
        # pandas unpickles parts of the file, which could otherwise run any code.
        with restrict_unpickling():
            frame = pandas.read_hdf(path)
        header = {
            str(name): [str(label) for label in frame.columns.get_level_values(name)]
            for name in frame.columns.names
        }
        keys = [
            "/".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in frame.index
        ]
        values = frame.to_numpy(np.float64)
    except Exception as error:  # pandas and HDF5 raise many types for a file of another kind
        got = f"{type(error).__name__}: {error}"
        raise FormatError(path, "file", "a DeepLabCut table", got) from error
    locations = [f"row {number}" for number in range(1, len(keys) + 1)]
    return KeypointTable(_parse_header(path, header), keys, values, locations)


def _parse_header(path: Path, header: Mapping[str, Sequence[str]]) -> list[Column]:
    """Return the columns from the rows of the header by level; raises `FormatError`."""
    if not {"bodyparts", "coords"} <= set(header) or not header["coords"]:
        expected = "rows of scorer, bodyparts and coords"
        raise FormatError(path, "head", expected, ", ".join(header) or "none of them")
    individuals = header.get("individuals", [""] * len(header["coords"]))
    cells = zip(individuals, header["bodyparts"], header["coords"], strict=True)
    columns = [Column(*column) for column in cells]
    known = set(columns)
    for column in columns:
        if not {column._replace(coord="x"), column._replace(coord="y")} <= known:
            field = f"head, {column.body_part}"
            raise FormatError(path, field, "columns x and y", "one of them")
    return columns
