"""DeepLabCut's table of a video out: ``.csv`` or ``.h5``, headed by scorer, individual, body part, coordinate.

A box has three points: ``center``, ``top_left`` and ``bottom_right``, each as likely as the box.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from murid.core.extras import import_extra
from murid.core.files import replace_on_success
from murid.core.types import Float64, Trajectories
from murid.datasets.deeplabcut import SUFFIXES
from murid.errors import FormatError
from murid.export.recording import TrackedRecording
from murid.export.trajectories import iterate_trajectories, require_animals

LEVELS = ("scorer", "individuals", "bodyparts", "coords")
POINTS = {"center": 0.0, "top_left": -0.5, "bottom_right": 0.5}
"""How far each point is from the centre, in widths and heights."""
COORDS = ("x", "y", "likelihood")
KEY = "df_with_missing"
MAX_H5_TRACKS = 200
"""PyTables keeps the header in one attribute of HDF5, which holds 64 kB."""


def export_deeplabcut(path: str | Path, recording: TrackedRecording) -> None:
    """Write tracks as an analysed video of DeepLabCut, atomically; one row a frame, counted from 0.

    Parameters
    ----------
    path : str or Path
        The file, ``.csv`` or ``.h5``; one that is there is replaced.
    recording : TrackedRecording

    Raises
    ------
    FormatError
        If the suffix is another, there is no track, or there are more than ``.h5`` can hold.
    MissingExtraError
        If pandas or PyTables is not installed, for ``.h5``.
    StorageError
        If it cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise FormatError(path, "suffix", " or ".join(SUFFIXES), repr(suffix))
    require_animals(recording)
    scorer = f"murid-{version('murid')}"
    columns = list(product([scorer], recording.names, POINTS, COORDS))
    if suffix == ".csv":
        _write_csv(path, recording, columns)
    elif len(recording.names) > MAX_H5_TRACKS:
        expected = f"at most {MAX_H5_TRACKS} for .h5, or a .csv"
        raise FormatError(path, "tracks", expected, str(len(recording.names)))
    else:
        _write_h5(path, recording, columns)


def _write_csv(
    path: str | Path, recording: TrackedRecording, columns: Sequence[tuple[str, ...]]
) -> None:
    with (
        replace_on_success(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        for level, labels in zip(LEVELS, zip(*columns, strict=True), strict=True):
            file.write(",".join([level, *labels]) + "\n")
        for first, table in _iterate_tables(recording):
            for frame, values in enumerate(table.tolist(), first):
                cells = ("" if value != value else f"{value:.4f}" for value in values)
                file.write(f"{frame}," + ",".join(cells) + "\n")


def _write_h5(
    path: str | Path, recording: TrackedRecording, columns: Sequence[tuple[str, ...]]
) -> None:
    pandas = import_extra("pandas", "pandas", "deeplabcut")
    import_extra("tables", "tables", "deeplabcut")
    header = pandas.MultiIndex.from_tuples(columns, names=LEVELS)
    with replace_on_success(path) as temporary, pandas.HDFStore(str(temporary), "w") as store:
        for first, table in _iterate_tables(recording):
            index = np.arange(first, first + len(table))
            store.append(KEY, pandas.DataFrame(table, index, header), format="table")


def _iterate_tables(recording: TrackedRecording) -> Iterator[tuple[int, Float64]]:
    """First frame and values of each stretch, the columns by individual, point and coordinate."""
    for where, trajectories in iterate_trajectories(recording):
        yield where.start, _to_table(trajectories)


def _to_table(trajectories: Trajectories) -> Float64:
    centre, size = trajectories.position.transpose(0, 2, 1), trajectories.shape.transpose(0, 2, 1)
    likelihood = trajectories.confidence[..., None]
    points: list[Any] = [
        np.concatenate([centre + size * share, likelihood], axis=2) for share in POINTS.values()
    ]
    return np.stack(points, axis=2).reshape(len(centre), -1)
