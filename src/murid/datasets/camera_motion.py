"""Read camera motion: one affine map per frame, in the file format of BoT-SORT (``gmc.txt``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from murid.core.plurals import format_count
from murid.core.types import Float64
from murid.datasets.text import find_delimiter, parse_number, read_lines
from murid.errors import FormatError

_COLUMNS = ("frame", "a", "b", "x", "c", "d", "y")
# A map with a smaller determinant collapses the image to a line and cannot be inverted.
_MIN_DETERMINANT = 1e-6


def read_camera_motion(path: str | Path, n_frames: int | None = None) -> Float64:
    """Return the camera motion between consecutive frames.

    Parameters
    ----------
    path : str or Path
        Text with a row ``frame a b x c d y`` for each frame, separated by spaces, commas or
        semicolons; frames count from 0, and ``(a b x; c d y)`` maps a point of the previous frame
        to this one, in pixels.
    n_frames : int, optional
        Frames of the video; a row beyond is an error. Up to the last row by default.

    Returns
    -------
    ndarray
        ``(F, 2, 3)`` float64; the identity for frames without a row.

    Raises
    ------
    FormatError
        If the file cannot be read or has no rows, or a row has the wrong number of columns,
        something other than a number, a frame outside the video or twice, or a map that is not
        invertible.
    """
    path = Path(path)
    maps: dict[int, list[float]] = {}
    for line, text in read_lines(path):
        frame, *values = _parse_row(path, line, text)
        if frame < 0 or frame % 1 or (n_frames is not None and frame >= n_frames):
            expected = "a frame number from 0"
            if n_frames is not None:
                expected += f" to {n_frames - 1}, the end of the video"
            raise FormatError(path, f"line {line}, frame", expected, f"{frame:g}")
        if int(frame) in maps:
            raise FormatError(path, f"line {line}, frame", "each frame once", f"{frame:g} again")
        a, b, _, c, d, _ = values
        if abs(a * d - b * c) < _MIN_DETERMINANT:
            raise FormatError(path, f"line {line}, a b c d", "an invertible map", text.strip())
        maps[int(frame)] = values
    if not maps:
        raise FormatError(path, "file", f"rows of {' '.join(_COLUMNS)}", "no rows")
    motion = np.tile(np.eye(2, 3), (max(maps) + 1 if n_frames is None else n_frames, 1, 1))
    motion[list(maps)] = np.array(list(maps.values())).reshape(-1, 2, 3)
    return motion


def _parse_row(path: Path, line: int, text: str) -> list[float]:
    # Commas are decimal commas where something else is between the columns.
    is_spaced = len(text.split()) == len(_COLUMNS) and not text.count(", ")
    has_decimal_commas = find_delimiter(text) == ";" or is_spaced
    cells = text.replace(",", "." if has_decimal_commas else " ").replace(";", " ").split()
    if len(cells) != len(_COLUMNS):
        got = format_count(len(cells), "column")
        raise FormatError(path, f"line {line}, columns", " ".join(_COLUMNS), got)
    return [
        parse_number(path, line, column, cell) for column, cell in zip(_COLUMNS, cells, strict=True)
    ]
