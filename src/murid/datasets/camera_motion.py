"""Camera motion in: one affine map a frame, as BoT-SORT keeps it (``gmc.txt``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from murid.core.types import Float64
from murid.datasets.mot_text import read_lines
from murid.errors import FormatError

_COLUMNS = ("frame", "a", "b", "x", "c", "d", "y")


def read_camera_motion(path: str | Path, n_frames: int | None = None) -> Float64:
    """Read how the camera moves.

    Parameters
    ----------
    path : str or Path
        Text with a row ``frame a b x c d y`` for each frame, between blanks or commas; frames count
        from 0, and ``(a b x; c d y)`` carries a point of the frame before to this one, in pixels.
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
        something other than a number, a frame outside the video or twice, or a map that squeezes
        the image flat.
    """
    path = Path(path)
    maps: dict[int, list[float]] = {}
    for number, line in read_lines(path):
        frame, *values = _parse(path, number, line)
        last = "" if n_frames is None else f" to {n_frames - 1}, the end of the video"
        if frame < 0 or frame % 1 or (n_frames is not None and frame >= n_frames):
            raise FormatError(
                path, f"line {number}, frame", f"a frame number from 0{last}", f"{frame:g}"
            )
        if int(frame) in maps:
            raise FormatError(path, f"line {number}, frame", "each frame once", f"{frame:g} again")
        if abs(values[0] * values[4] - values[1] * values[3]) < 1e-6:
            raise FormatError(
                path, f"line {number}, a b c d", "a map that can be undone", line.strip()
            )
        maps[int(frame)] = values
    if not maps:
        raise FormatError(path, "file", f"rows of {' '.join(_COLUMNS)}", "no rows")
    motion = np.tile(np.eye(2, 3), (max(maps) + 1 if n_frames is None else n_frames, 1, 1))
    motion[list(maps)] = np.array(list(maps.values())).reshape(-1, 2, 3)
    return motion


def _parse(path: Path, number: int, line: str) -> list[float]:
    cells = line.replace(",", " ").split()
    if len(cells) != len(_COLUMNS):
        raise FormatError(
            path, f"line {number}, columns", " ".join(_COLUMNS), f"{len(cells)} columns"
        )
    values = []
    for column, cell in zip(_COLUMNS, cells, strict=True):
        try:
            values.append(float(cell))
        except ValueError:
            values.append(np.nan)
        if not np.isfinite(values[-1]):
            raise FormatError(path, f"line {number}, {column}", "a number", repr(cell))
    return values
