"""The formats of labelled data murid reads and writes, recognised by suffix or by the layout of a directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from murid.datasets import animaltrack, coco, coco_writer, deeplabcut, mot, sleap, yolo
from murid.datasets.checks import finish
from murid.datasets.labels import LabelledSequence, Problem
from murid.datasets.raw_labels import RawLabels, ReadOptions
from murid.errors import ConfigError, FormatError


class Reader(Protocol):
    """A module that reads a format."""

    def recognise(self, path: Path) -> bool:
        """Whether a path that exists is of this format, by its suffix or layout."""
        ...

    def find(self, path: Path, options: ReadOptions, /) -> list[Path]:
        """Return the label files of such a path; raises `FormatError` if it has no such split."""
        ...

    def read(self, path: Path, options: ReadOptions, /) -> list[RawLabels]:
        """Read one of these files; raises `FormatError` if it cannot be read at all."""
        ...


class Writer(Protocol):
    """A module that writes a format."""

    def place(self, sequence: str, frame: int, suffix: str) -> str:
        """Where the image of a frame has to lie, from the directory of the data set."""
        ...

    def write(self, directory: Path, sequences: Sequence[LabelledSequence]) -> None:
        """Write the labels of all sequences; raises `FormatError` if something is missing, `StorageError`."""
        ...


@dataclass(frozen=True, slots=True)
class DataFormat:
    """A way to keep labelled data.

    Attributes
    ----------
    name : str
        What the user calls it.
    reader : Reader
    writer : Writer or None
        Where murid can write it.
    is_gapless : bool
        Whether every frame from the first to the last is held to be labelled.
    """

    name: str
    reader: Reader
    writer: Writer | None = None
    is_gapless: bool = False


DATA_FORMATS = {
    known.name: known
    for known in (
        DataFormat("animaltrack", animaltrack),
        DataFormat("yolo", yolo, yolo),
        DataFormat("mot", mot, mot, is_gapless=True),
        DataFormat("sleap", sleap),
        DataFormat("deeplabcut", deeplabcut),
        DataFormat("coco", coco, coco_writer),
    )
}
"""Every format by its name, in the order in which they are tried."""


def find_data_format(name: str) -> DataFormat:
    """Return the format of this name if murid writes it; raises `ConfigError` naming those it does."""
    known = DATA_FORMATS.get(name)
    if known is None or known.writer is None:
        writable = " or ".join(each.name for each in DATA_FORMATS.values() if each.writer)
        raise ConfigError(f"format: expected {writable}, got {name!r}")
    return known


def recognise_data(path: Path) -> DataFormat | None:
    """Return the format of a path, None if there is nothing or it is of none."""
    return next(
        (
            known
            for known in DATA_FORMATS.values()
            if path.exists() and known.reader.recognise(path)
        ),
        None,
    )


def read_dataset(
    paths: Sequence[str | Path], options: ReadOptions | None = None
) -> tuple[list[LabelledSequence], list[Problem]]:
    """Read labelled data in any of the formats.

    Parameters
    ----------
    paths : sequence of path
        Files or directories.
    options : ReadOptions, optional

    Returns
    -------
    sequences : list of LabelledSequence
        All that is sound, each under a name of its own.
    problems : list of Problem
        All that is not, and was left out. `murid.datasets.refuse` makes an error of them.

    Raises
    ------
    FormatError
        If a path is not there, or of no known format, or has no such split.
    MissingExtraError
        If a format needs a library that is not installed.
    """
    options = options or ReadOptions()
    sequences: list[LabelledSequence] = []
    problems: list[Problem] = []
    for path in map(Path, paths):
        for draft in _read_raw_labels(path, options, problems):
            draft.name = choose_name(draft.name, {sequence.name for sequence in sequences})
            sequence, found = finish(draft, options)
            problems += found
            sequences += [] if sequence is None else [sequence]
    if not any(map(len, sequences)):
        where = Path(paths[0]) if paths else Path()
        problems.append(Problem(where, "", "data set", "at least one labelled animal", "none"))
    return sequences, problems


def _read_raw_labels(path: Path, options: ReadOptions, problems: list[Problem]) -> list[RawLabels]:
    """Drafts of one path; a file that cannot be read at all becomes a problem, lest it hide those of others."""
    known = recognise_data(path)
    if known is None:
        names = ", ".join(DATA_FORMATS)
        got = "something else" if path.exists() else "nothing there"
        raise FormatError(path, "format", f"labelled data ({names})", got)
    drafts = []
    for file in known.reader.find(path, options):
        try:
            drafts += known.reader.read(file, options)
        except FormatError as error:
            problems.append(Problem.from_error(error))
    return drafts


def choose_name(name: str, taken: set[str]) -> str:
    """The name, or the name with the first number that makes it new."""
    names = (name if k == 1 else f"{name}-{k}" for k in range(1, len(taken) + 2))
    return next(candidate for candidate in names if candidate not in taken)
