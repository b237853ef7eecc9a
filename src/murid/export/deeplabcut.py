"""DeepLabCut's table of an analysed video: ``.csv`` or ``.h5``.

The header has the levels scorer, individual, body part and coordinate. A box has three body parts:
``center``, ``top_left`` and ``bottom_right``, each with the score of the box as its likelihood. In
a recording with keypoints, ``nose``, ``centre`` and ``tail_base`` come first, each with its own
confidence as its likelihood, and ``centre`` takes the place of ``center``.
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
from murid.core.keypoints import KEYPOINTS
from murid.core.types import Float64, Int64, Trajectories
from murid.datasets.deeplabcut import SUFFIXES
from murid.export.checks import check_has_tracks, check_libraries, check_max_tracks, check_suffix
from murid.export.corrections_file import write_corrections_file
from murid.export.recording import TrackedRecording
from murid.export.trajectories import iterate_trajectories

LEVELS = ("scorer", "individuals", "bodyparts", "coords")
# Offset of each body part from the centre of the box, as a fraction of its width and height.
BODY_PARTS = {"center": 0.0, "top_left": -0.5, "bottom_right": 0.5}
# Of these, the body parts that stay beside keypoints.
CORNERS = ("top_left", "bottom_right")
COORDS = ("x", "y", "likelihood")
# The key under which DeepLabCut stores its own tables in HDF5.
KEY = "df_with_missing"
# PyTables keeps the header in one HDF5 attribute, which holds at most 64 kB.
MAX_H5_COLUMNS = 1800

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
    body_parts = list_body_parts(has_keypoints=recording.summary.has_keypoints)
    columns = list(product([scorer], recording.names, body_parts, COORDS))
    if suffix == ".csv":
        _write_csv(path, recording, columns)
    else:
        max_tracks = MAX_H5_COLUMNS // (len(body_parts) * len(COORDS))
        expected = f"at most {max_tracks} for .h5, or a .csv"
        check_max_tracks(path, recording, max_tracks, expected)
        check_libraries("deeplabcut", pandas="pandas", tables="tables")
        _write_h5(path, recording, columns)


def list_body_parts(*, has_keypoints: bool) -> tuple[str, ...]:
    """Return the names of the body parts, in the order of the columns."""
    return (*KEYPOINTS, *CORNERS) if has_keypoints else tuple(BODY_PARTS)


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
    boxes = {
        name: np.concatenate([centre + size * offset, likelihood], axis=2)
        for name, offset in BODY_PARTS.items()
    }
    parts = list(boxes.values())
    keypoints = trajectories.keypoints
    confidence = trajectories.keypoint_confidence
    if keypoints is not None and confidence is not None:
        points = np.concatenate([keypoints, confidence[:, None]], axis=1)
        parts = [points[:, :, k].swapaxes(1, 2) for k in range(len(KEYPOINTS))]
        parts += [boxes[name] for name in CORNERS]
    table: Float64 = np.stack(parts, axis=2)
    return table.reshape(len(centre), -1)
