"""The formats murid writes and reads, found by name or by the suffix of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from murid.errors import ConfigError, FormatError
from murid.evaluate import LabelledBoxes
from murid.formats.csv import export_csv
from murid.formats.mot import export_mot, read_mot
from murid.formats.stretch import Stretch

Export = Callable[[str | Path, Iterable[Stretch]], None]
ReadTruth = Callable[[str | Path, int | None], LabelledBoxes]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file.

    Attributes
    ----------
    name : str
        What the user calls it.
    suffix : str
        What its files end in.
    description : str
        One line for the help page.
    export : callable
        Writes tracks: ``export(path, stretches)``.
    read_truth : callable or None
        Reads ground truth, where murid can: ``read_truth(path, n_frames)``.
    """

    name: str
    suffix: str
    description: str
    export: Export
    read_truth: ReadTruth | None = None


FORMATS = {
    known.name: known
    for known in (
        Format("mot", ".txt", "MOT Challenge text, frames from 1", export_mot, read_mot),
        Format("csv", ".csv", "one row per animal and frame: time, centre, size, score", export_csv),
    )
}
"""Every format by its name."""


def find_format(name: str) -> Format:
    """Return the format of this name; raises `ConfigError` naming those there are."""
    if name not in FORMATS:
        raise ConfigError(f"format: expected {' or '.join(FORMATS)}, got {name!r}")
    return FORMATS[name]


def guess_format(path: str | Path) -> Format:
    """Return the format whose files end as this path does; raises `FormatError` naming the endings there are."""
    suffix = Path(path).suffix.lower()
    for known in FORMATS.values():
        if known.suffix == suffix:
            return known
    raise FormatError(path, "suffix", " or ".join(known.suffix for known in FORMATS.values()), repr(suffix))


def read_truth(path: str | Path, n_frames: int | None = None) -> LabelledBoxes:
    """Read ground truth in whatever format the suffix says, as `read_mot` does; raises `FormatError`."""
    known = guess_format(path)
    if known.read_truth is None:
        readable = " or ".join(each.suffix for each in FORMATS.values() if each.read_truth)
        raise FormatError(path, "suffix", f"{readable}, a format of ground truth", repr(known.suffix))
    return known.read_truth(path, n_frames)
