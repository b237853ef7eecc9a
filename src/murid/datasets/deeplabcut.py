"""DeepLabCut ``.csv`` and ``.h5`` in: labelled images (``CollectedData_*``) and analysed videos; poses become boxes.

The head of the table names the body parts, and the individuals where there are several. The rows of
labelled images begin with the image's path, those of an analysed video with the number of the
frame; there, points less likely than 0.6, DeepLabCut's own bound, are not seen.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

import numpy as np

from murid.core.extras import import_extra
from murid.core.types import Float64
from murid.datasets.deeplabcut_pickle import only_plain_values
from murid.datasets.keypoints import choose_body_points, make_box, mark_thin_frames
from murid.datasets.labels import UNKNOWN, Problem
from murid.datasets.media import (
    find_images,
    find_video,
    measure_image,
    measure_video,
    number_images,
)
from murid.datasets.raw_labels import Label, RawLabels, ReadOptions, to_name
from murid.errors import FormatError

SUFFIXES = (".csv", ".h5")
LIKELY = 0.6

_HEAD = ("scorer", "individuals", "bodyparts", "coords")
_LANDMARKS = "single"
"""What DeepLabCut calls the owner of body parts that are there once, such as the corners of the
box."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table of poses.

    Attributes
    ----------
    columns : list of tuple of str
        Individual, body part and coordinate of each column.
    keys : list of str
        What each row is of: the path of a image, or the number of a frame.
    values : ndarray
        ``(rows, columns)`` float64; NaN = not there.
    places : list of str
        Where each row is written.
    """

    columns: list[tuple[str, str, str]]
    keys: list[str]
    values: Float64
    places: list[str]


def recognise(path: Path) -> bool:
    """Whether this is a table, a folder with labelled images, or a project with a ``labeled-data`` folder."""
    return path.suffix.lower() in SUFFIXES if path.is_file() else bool(_find_tables(path))


def find(path: Path, _options: ReadOptions) -> list[Path]:
    """Tables below a path; where one is there as ``.csv`` and ``.h5``, the former, which needs no library."""
    return [path] if path.is_file() else _find_tables(path)


def _find_tables(path: Path) -> list[Path]:
    found = [
        file
        for folder in ("", "labeled-data/*/", "*/")
        for file in path.glob(f"{folder}CollectedData_*.*")
    ]
    chosen = {
        file.with_suffix(""): file
        for suffix in reversed(SUFFIXES)
        for file in found
        if file.suffix == suffix
    }
    return sorted(chosen.values())


def read(path: Path, options: ReadOptions) -> list[RawLabels]:
    """Read an analysed video, or each folder of labelled images.

    Raises
    ------
    FormatError
        If the file is no DeepLabCut table.
    MissingExtraError
        If it is an ``.h5`` file, and pandas or tables is not installed.
    """
    table = _read_csv(path) if path.suffix.lower() == ".csv" else _read_h5(path)
    if all(key.isdigit() for key in table.keys):
        drafts = [_start_video(path, table)]
    else:
        folders = list(dict.fromkeys(_split(key)[0] for key in table.keys))
        drafts = [_start_folder(path, table, folder, alone=len(folders) == 1) for folder in folders]
    for draft, rows in drafts:
        _read_animals(draft, rows, table, options)
        mark_thin_frames(draft)
    return [draft for draft, _ in drafts]


def _start_video(path: Path, table: Table) -> tuple[RawLabels, dict[int, int]]:
    """A draft of an analysed video, and the frame of each row."""
    stem = path.stem.partition("DLC")[0] or path.stem
    draft = RawLabels(to_name(stem), path, recording=True, video=find_video(path.parent, stem))
    return draft, {row: int(key) for row, key in enumerate(table.keys)}


def _start_folder(
    path: Path, table: Table, folder: str, alone: bool
) -> tuple[RawLabels, dict[int, int]]:
    """A draft of the images of one folder, and the frame of each row in it."""
    rows = {row: _split(key)[1] for row, key in enumerate(table.keys) if _split(key)[0] == folder}
    place = next(
        (base / folder for base in path.parents[:4] if folder and (base / folder).is_dir()),
        path.parent,
    )
    files = find_images(place)
    numbered = number_images(sorted({*files, *(place / name for name in rows.values())}))
    frames = {image.name: frame for frame, image in numbered.items()}
    name = PureWindowsPath(folder).name or path.stem
    draft = RawLabels(
        to_name(name if not alone or folder else path.parent.name), path, recording=True
    )
    draft.image_paths = {frames[file.name]: file for file in files}
    for file in files:
        if file.name not in rows.values():
            draft.problems.append(Problem(file, "", "labels", f"a row in {path.name}", "none"))
    sizes = {
        frame: measure_image(file)
        for frame, file in draft.image_paths.items()
        if file.name in rows.values()
    }
    draft.measured = {frame: size for frame, size in sizes.items() if size is not None}
    return draft, {row: frames[name] for row, name in rows.items()}


def _read_animals(
    draft: RawLabels, rows: dict[int, int], table: Table, options: ReadOptions
) -> None:
    draft.frames = list(rows.values())
    animals = [
        name for name in dict.fromkeys(column[0] for column in table.columns) if name != _LANDMARKS
    ]
    is_known = len(animals) == 1 or not draft.image_paths or _has_identities(draft.path)
    video = measure_video(draft.video) if draft.video is not None else None
    for number, animal in enumerate(animals):
        names, points = _gather_points(table, animal)
        points = points[:, choose_body_points(names, options.leave_out)]
        for row, frame in rows.items():
            box = make_box(points[row], options, video.size if video else draft.measured.get(frame))
            if box is not None:
                place = ", ".join(filter(None, (table.places[row], animal)))
                draft.labels.append(
                    Label(frame, box, draft.path, place, number if is_known else UNKNOWN)
                )
            elif np.isfinite(points[row]).any():
                draft.incomplete.add(frame)


def _gather_points(table: Table, animal: str) -> tuple[list[str], Float64]:
    """Names of the body parts of an animal, and their places ``(rows, K, 2)`` in pixels; NaN = not seen."""
    columns = {column[1:]: k for k, column in enumerate(table.columns) if column[0] == animal}
    names = list(dict.fromkeys(part for part, _ in columns))
    points = np.full((len(table.keys), len(names), 2), np.nan)
    for k, name in enumerate(names):
        points[:, k] = table.values[:, [columns[name, "x"], columns[name, "y"]]]
        if (name, "likelihood") in columns:
            points[~(table.values[:, columns[name, "likelihood"]] >= LIKELY), k] = np.nan
    return names, points


def _has_identities(path: Path) -> bool:
    """Whether the project says that an individual is the same animal in all images."""
    config = next(
        (
            folder / "config.yaml"
            for folder in path.parents[:3]
            if (folder / "config.yaml").is_file()
        ),
        None,
    )
    return config is not None and bool(
        re.search(r"^identity:\s*true", config.read_text("utf-8"), re.I | re.M)
    )


def _split(key: str) -> tuple[str, str]:
    """Folder and file name of the path of a image, in the spelling of any system."""
    folder, _, name = key.replace("\\", "/").rpartition("/")
    return folder, name


def _read_csv(path: Path) -> Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [(k, cells) for k, cells in enumerate(csv.reader(file), 1) if any(cells)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(path, "file", "a readable DeepLabCut table", str(error)) from error
    head = {
        cells[0].lower(): cells for _, cells in lines[: len(_HEAD)] if cells[0].lower() in _HEAD
    }
    n_keys = next((k for k, cell in enumerate(head.get("coords", [])) if k and cell), 0)
    columns = _check_columns(path, {name: cells[n_keys:] for name, cells in head.items()})
    rows = [
        _parse(path, number, cells, n_keys, len(columns)) for number, cells in lines[len(head) :]
    ]
    values = np.array([row for _, row in rows], np.float64).reshape(len(rows), len(columns))
    return Table(
        columns,
        [key for key, _ in rows],
        values,
        [f"line {number}" for number, _ in lines[len(head) :]],
    )


def _parse(
    path: Path, number: int, cells: list[str], n_keys: int, n_columns: int
) -> tuple[str, list[float]]:
    if len(cells) != n_keys + n_columns:
        raise FormatError(path, f"line {number}, columns", str(n_keys + n_columns), str(len(cells)))
    try:
        return "/".join(cells[:n_keys]), [
            float(cell) if cell else np.nan for cell in cells[n_keys:]
        ]
    except ValueError as error:
        raise FormatError(path, f"line {number}, points", "numbers", str(error)) from error


def _read_h5(path: Path) -> Table:
    """Read a table through pandas, which would take parts of it for pickles of any kind."""
    pandas = import_extra("pandas", "pandas")
    import_extra("tables", "tables")
    try:
        with only_plain_values():
            frame = pandas.read_hdf(path)
        head = {
            str(name): [str(v) for v in frame.columns.get_level_values(name)]
            for name in frame.columns.names
        }
        keys = [
            "/".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in frame.index
        ]
        values = frame.to_numpy(np.float64)
    except Exception as error:  # whatever pandas and HDF5 raise for a file that is none of theirs
        raise FormatError(
            path, "file", "a DeepLabCut table", f"{type(error).__name__}: {error}"
        ) from error
    return Table(
        _check_columns(path, head),
        keys,
        values,
        [f"row {number}" for number in range(1, len(keys) + 1)],
    )


def _check_columns(path: Path, head: dict[str, list[str]]) -> list[tuple[str, str, str]]:
    if not {"bodyparts", "coords"} <= set(head) or not head["coords"]:
        raise FormatError(
            path, "head", "rows of scorer, bodyparts and coords", ", ".join(head) or "none of them"
        )
    animals = head.get("individuals", [""] * len(head["coords"]))
    columns = list(zip(animals, head["bodyparts"], head["coords"], strict=True))
    for animal, part, _ in columns:
        if not {(animal, part, "x"), (animal, part, "y")} <= set(columns):
            raise FormatError(path, f"head, {part}", "columns x and y", "one of them")
    return columns
