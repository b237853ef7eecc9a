"""DeepLabCut's table of an analysed video: ``.csv`` or ``.h5``.

The header has the levels scorer, individual, body part and coordinate. A box has three body parts:
``center``, ``top_left`` and ``bottom_right``, each with the score of the box as its likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np

from murid.core.extras import import_extra
from murid.core.files import replace_on_success
from murid.core.types import Float64, Int64, Trajectories
from murid.datasets.deeplabcut import SUFFIXES
from murid.export.checks import check_has_tracks, check_libraries, check_max_tracks, check_suffix
from murid.export.corrections_file import write_corrections_file
from murid.export.recording import TrackedRecording
from murid.export.trajectories import iterate_trajectories

LEVELS = ("scorer", "individuals", "bodyparts", "coords")
# Offset of each body part from the centre of the box, as a fraction of its width and height.
BODY_PARTS = {"center": 0.0, "top_left": -0.5, "bottom_right": 0.5}
COORDS = ("x", "y", "likelihood")
# The key under which DeepLabCut stores its own tables in HDF5.
KEY = "df_with_missing"
# PyTables keeps the header in one HDF5 attribute, which holds at most 64 kB.
MAX_H5_TRACKS = 200

Columns = Sequence[tuple[str, ...]]


def export_deeplabcut(path: str | Path, recording: TrackedRecording) -> None:
    """Write tracks as DeepLabCut stores an analysed video, atomically.

    One row per frame, counted from 0; missing animals are empty (NaN). Corrections of identities
    are described as JSON in the attribute ``murid_corrections`` of the table in ``.h5``, and in a
    file beside ``.csv`` (`murid.export.corrections_file`).

    Parameters
    ----------
    path : str or Path
        The file, ``.csv`` or ``.h5``; an existing one is replaced.
    recording : TrackedRecording

    Raises
    ------
    FormatError
        If the suffix is another, there is no track, or there are more than ``.h5`` can hold.
    MissingExtraError
        If pandas or PyTables is not installed, for ``.h5``.
    StorageError
        If the file cannot be written.
    """
    suffix = check_suffix(path, SUFFIXES)
    check_has_tracks(recording)
    scorer = f"murid-{version('murid')}"
    columns = list(product([scorer], recording.names, BODY_PARTS, COORDS))
    if suffix == ".csv":
        _write_csv(path, recording, columns)
    else:
        expected = f"at most {MAX_H5_TRACKS} for .h5, or a .csv"
        check_max_tracks(path, recording, MAX_H5_TRACKS, expected)
        check_libraries("deeplabcut", pandas="pandas", tables="tables")
        _write_h5(path, recording, columns)


def _write_csv(path: str | Path, recording: TrackedRecording, columns: Columns) -> None:
    with (
        replace_on_success(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        for level, labels in zip(LEVELS, zip(*columns, strict=True), strict=True):
            file.write(",".join([level, *labels]) + "\n")
        for frames, table in _iterate_tables(recording):
            for frame, values in zip(frames.tolist(), table.tolist(), strict=True):
                cells = ("" if math.isnan(value) else f"{value:.4f}" for value in values)
                file.write(f"{frame}," + ",".join(cells) + "\n")
    write_corrections_file(path, recording)


def _write_h5(path: str | Path, recording: TrackedRecording, columns: Columns) -> None:
    pandas = import_extra("pandas", "pandas", "deeplabcut")
    header = pandas.MultiIndex.from_tuples(columns, names=LEVELS)
    with replace_on_success(path) as temporary, pandas.HDFStore(str(temporary), "w") as store:
        for frames, table in _iterate_tables(recording):
            store.append(KEY, pandas.DataFrame(table, frames, header), format="table")
        if recording.corrections:
            attributes = store.get_storer(KEY).attrs
            attributes.murid_corrections = recording.corrections.to_json()


def _iterate_tables(recording: TrackedRecording) -> Iterator[tuple[Int64, Float64]]:
    """Yield the frames of the video and the table ``(F, columns)`` of each chunk."""
    tables = iterate_trajectories(recording)
    for chunk, (_, trajectories) in zip(recording, tables, strict=True):
        yield chunk.video_frames, _to_table(trajectories)


def _to_table(trajectories: Trajectories) -> Float64:
    """Return columns ordered by individual, body part and coordinate, ``(F, columns)``."""
    centre = trajectories.position.transpose(0, 2, 1)
    size = trajectories.shape.transpose(0, 2, 1)
    likelihood = trajectories.confidence[..., None]
    parts = [
        np.concatenate([centre + size * offset, likelihood], axis=2)
        for offset in BODY_PARTS.values()
    ]
    table: Float64 = np.stack(parts, axis=2)
    return table.reshape(len(centre), -1)
