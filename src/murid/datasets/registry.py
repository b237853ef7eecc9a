"""The formats of labelled data, recognised by suffix or by the layout of a directory."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Protocol

from murid.core.plurals import format_count
from murid.datasets import (
    animaltrack,
    coco,
    coco_writer,
    cvat,
    deeplabcut,
    label_studio,
    labelme,
    mot,
    sleap,
    voc,
    yolo,
    yolo_writer,
)
from murid.datasets.checks import check_raw_labels
from murid.datasets.labels import LabelledSequence, Problem
from murid.datasets.raw_labels import RawLabels, ReadOptions
from murid.errors import ConfigError, FormatError


class Reader(Protocol):
    """A module that reads a format."""

    def recognise(self, path: Path) -> bool:
        """Whether an existing path has this format, by its suffix or layout."""
        ...

    def find_files(self, path: Path, options: ReadOptions, /) -> list[Path]:
        """Return the label files at a path; raises `FormatError` if the split is unknown."""
        ...

    def read(self, path: Path, options: ReadOptions, /) -> list[RawLabels]:
        """Read one label file; raises `FormatError` if it cannot be read at all."""
        ...


class Writer(Protocol):
    """A module that writes a format."""

    def get_image_path(self, sequence: str, frame: int, suffix: str) -> str:
        """Return the path of the image of a frame, relative to the data set."""
        ...

    def write(self, directory: Path, sequences: Sequence[LabelledSequence]) -> None:
        """Write the labels of all sequences; raises `FormatError` or `StorageError`."""
        ...


@dataclass(frozen=True, slots=True)
class DataFormat:
    """A file format for labelled data.

    Attributes
    ----------
    name : str
        The name that users give, as in ``--to coco``.
    reader : Reader
    writer : Writer or None
        None if murid cannot write the format.
    is_gapless : bool
        Whether every frame from the first to the last counts as labelled in this format.
    """

    name: str
    reader: Reader
    writer: Writer | None = None
    is_gapless: bool = False


# Formats are tried in this order: AnimalTrack before MOT, whose text files it also contains; COCO
# last, as it takes any JSON file, to say what it is.
_ALL_FORMATS = (
    DataFormat("animaltrack", animaltrack),
    DataFormat("yolo", yolo, yolo_writer),
    DataFormat("mot", mot, mot, is_gapless=True),
    DataFormat("sleap", sleap),
    DataFormat("deeplabcut", deeplabcut),
    DataFormat("cvat", cvat),
    DataFormat("voc", voc),
    DataFormat("labelme", labelme),
    DataFormat("labelstudio", label_studio),
    DataFormat("coco", coco, coco_writer),
)

# Formats that recognise each other's files.
_FAMILIES = (
    {"animaltrack", "mot"},
    {"labelme", "labelstudio", "coco"},
)

# Formats that divide a data set into parts for training and testing.
_FORMATS_WITH_PARTS = ("animaltrack", "yolo", "voc", "coco")

DATA_FORMATS = {data_format.name: data_format for data_format in _ALL_FORMATS}
"""Every format by its name, in the order in which they are tried."""


def find_data_format(name: str) -> DataFormat:
    """Return the format of this name, if murid can write it; raises `ConfigError`."""
    data_format = DATA_FORMATS.get(name)
    if data_format is None or data_format.writer is None:
        writable = " or ".join(each.name for each in DATA_FORMATS.values() if each.writer)
        raise ConfigError(f"format: expected {writable}, got {name!r}")
    return data_format


def recognise_data(path: Path) -> DataFormat | None:
    """Return the format of a path; None if it does not exist or has no known format."""
    if not path.exists():
        return None
    for data_format in DATA_FORMATS.values():
        if data_format.reader.recognise(path):
            return data_format
    return None


def read_dataset(
    paths: Sequence[str | Path], options: ReadOptions | None = None
) -> tuple[list[LabelledSequence], list[Problem]]:
    """Read labelled data in any of the formats.

    Parameters
    ----------
    paths : sequence of str or Path
        Files or directories.
    options : ReadOptions, optional

    Returns
    -------
    sequences : list of LabelledSequence
        All valid labels; each sequence has a unique name.
    problems : list of Problem
        Labels and files that were left out. `murid.datasets.labels.raise_problems` raises them as
        one error.

    Raises
    ------
    FormatError
        If a path does not exist, has no known format, or has no such split.
    MissingExtraError
        If a format needs a library that is not installed.
    """
    options = options or ReadOptions()
    sequences: list[LabelledSequence] = []
    problems: list[Problem] = []
    for path in map(Path, paths):
        for raw in _read_raw_labels(path, options, problems):
            raw.name = choose_name(raw.name, {sequence.name for sequence in sequences})
            sequence, found = check_raw_labels(raw, options)
            problems += found
            if sequence is not None:
                sequences.append(sequence)
    sequences = _note_shared_images(sequences)
    if not any(map(len, sequences)):
        where = Path(paths[0]) if paths else Path()
        problems.append(Problem(where, "", "data set", "at least one labelled animal", "none"))
    return sequences, problems


def _note_shared_images(sequences: Sequence[LabelledSequence]) -> list[LabelledSequence]:
    """Return the sequences, with a note where images are in an earlier one too.

    A sequence without labels, of images that have labels in another, is left out: its images would
    count as images without animals.
    """
    labelled = [sequence for sequence in sequences if len(sequence)]
    kept: list[LabelledSequence] = []
    dropped: list[str] = []
    for sequence in sequences:
        images = set(sequence.image_paths)
        is_labelled = not images or len(sequence) > 0
        if not is_labelled and any(images <= set(other.image_paths) for other in labelled):
            dropped.append(sequence.name)
            continue
        notes = list(sequence.notes)
        for other in kept:
            n_shared = len(images.intersection(other.image_paths))
            if n_shared:
                shared = format_count(n_shared, "image is", "images are")
                notes.append(f"{sequence.name}: {shared} in {other.name} too")
        kept.append(replace(sequence, notes=tuple(notes)))
    if dropped:
        names = ", ".join(dropped)
        note = f"{names}: left out, without labels of images that have labels elsewhere"
        kept[0] = replace(kept[0], notes=(*kept[0].notes, note))
    return kept


def _read_raw_labels(path: Path, options: ReadOptions, problems: list[Problem]) -> list[RawLabels]:
    """Read all label files at a path; a file that cannot be read is added to `problems`.

    The other files are still read, so that the user sees all problems at once.
    """
    data_format = recognise_data(path)
    if data_format is None:
        names = ", ".join(DATA_FORMATS)
        got = "something else" if path.exists() else "nothing there"
        if path.is_file() and zipfile.is_zipfile(path):
            got = "a ZIP archive: unpack it first"
        raise FormatError(path, "format", f"labelled data ({names})", got)
    all_labels = []
    for file in data_format.reader.find_files(path, options):
        try:
            all_labels += data_format.reader.read(file, options)
        except FormatError as error:
            problems.append(Problem.from_error(error))
    if options.split is not None and data_format.name not in _FORMATS_WITH_PARTS and all_labels:
        all_labels[0].notes.append(
            f"{path.name}: read completely, as {data_format.name} has no split {options.split!r}"
        )
    others = _list_other_formats(path, data_format.name)
    if others and all_labels:
        all_labels[0].notes.append(
            f"{path.name}: read as {data_format.name}; its labels in {' and '.join(others)} are "
            "not read (name their file or folder to read them)"
        )
    return all_labels


def _list_other_formats(path: Path, name: str) -> list[str]:
    """Return the names of other formats in which a directory has labels, beside the one read."""
    if not path.is_dir():
        return []
    same = next((family for family in _FAMILIES if name in family), {name})
    names = [other for other in DATA_FORMATS if other not in same]
    found = [other for other in names if DATA_FORMATS[other].reader.recognise(path)]
    # Any JSON file may be COCO, but settings and results of programs are JSON files as well.
    if "coco" in found and not coco.has_images(path):
        found.remove("coco")
    return found


def choose_name(name: str, taken: Collection[str]) -> str:
    """Return the name, or the name with the lowest number from 2 that is not taken."""
    if name not in taken:
        return name
    numbered = (f"{name}-{number}" for number in count(2))
    return next(candidate for candidate in numbered if candidate not in taken)
