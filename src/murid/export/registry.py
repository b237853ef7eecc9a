"""The formats murid writes and reads, found by name or by the suffix of a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from murid.datasets.mot_text import read_mot
from murid.errors import ConfigError, FormatError
from murid.export.coco import export_coco
from murid.export.csv import export_csv
from murid.export.deeplabcut import export_deeplabcut
from murid.export.idtracker import export_idtracker
from murid.export.mot import export_mot
from murid.export.movement import export_movement
from murid.export.nwb import export_nwb
from murid.export.parquet import export_parquet
from murid.export.recording import TrackedRecording
from murid.export.sleap import export_sleap
from murid.export.via import export_via
from murid.metrics import LabelledBoxes

Export = Callable[[str | Path, TrackedRecording], None]
ReadTruth = Callable[[str | Path, int | None], LabelledBoxes]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file.

    Attributes
    ----------
    name : str
        What the user calls it.
    suffixes : tuple of str
        What its files end in, the usual one first.
    description : str
        One line for the help page.
    export : callable
        Writes tracks: ``export(path, recording)``.
    read_truth : callable or None
        Reads ground truth, where murid can: ``read_truth(path, n_frames)``.
    needs_identities : bool
        Whether a track has to be an animal from beginning to end.
    takes_metadata : bool
        Whether it has a place for what the user says of session and animals.
    """

    name: str
    suffixes: tuple[str, ...]
    description: str
    export: Export
    read_truth: ReadTruth | None = None
    needs_identities: bool = False
    takes_metadata: bool = False


FORMATS = {
    known.name: known
    for known in (
        Format("mot", (".txt",), "MOT Challenge text, frames from 1", export_mot, read_mot),
        Format(
            "csv", (".csv",), "one row per animal and frame: time, centre, size, score", export_csv
        ),
        Format("parquet", (".parquet",), "the table of csv, with types", export_parquet),
        Format("movement", (".nc",), "movement's bounding-box dataset as netCDF", export_movement),
        Format("via", (".csv",), "VIA-tracks CSV, which movement reads too", export_via),
        Format(
            "nwb",
            (".nwb",),
            "Neurodata Without Borders, with ndx-pose",
            export_nwb,
            None,
            True,
            True,
        ),
        Format("sleap", (".slp",), "SLEAP project with boxes, tracks and identities", export_sleap),
        Format(
            "deeplabcut",
            (".h5", ".csv"),
            "DeepLabCut's table of an analysed video",
            export_deeplabcut,
        ),
        Format(
            "idtracker",
            (".h5",),
            "trajectories.h5 of idtracker.ai",
            export_idtracker,
            needs_identities=True,
        ),
        Format("coco", (".json",), "COCO-video", export_coco),
    )
}
"""Every format by its name."""


def find_format(name: str) -> Format:
    """Return the format of this name; raises `ConfigError` naming those there are."""
    if name not in FORMATS:
        raise ConfigError(f"format: expected {' or '.join(FORMATS)}, got {name!r}")
    return FORMATS[name]


def guess_format(path: str | Path) -> Format:
    """Return the format whose files end as this path does.

    A suffix that several formats share stands for the one that is called like it, as ``.csv`` does.

    Raises
    ------
    FormatError
        If no format has this suffix, or several do.
    """
    suffix = Path(path).suffix.lower()
    found = [known for known in FORMATS.values() if suffix in known.suffixes]
    if not found:
        known_suffixes = dict.fromkeys(
            each for known in FORMATS.values() for each in known.suffixes
        )
        raise FormatError(path, "suffix", " or ".join(known_suffixes), repr(suffix))
    named = [known for known in found if suffix == f".{known.name}"] or found
    if len(named) > 1:
        choices = " or ".join(known.name for known in named)
        raise FormatError(
            path, "suffix", f"that of one format, or the format's name ({choices})", repr(suffix)
        )
    return named[0]


def read_truth(path: str | Path, n_frames: int | None = None) -> LabelledBoxes:
    """Read ground truth in whatever format the suffix says, as `read_mot` does; raises `FormatError`."""
    known = guess_format(path)
    if known.read_truth is None:
        readable = " or ".join(each.suffixes[0] for each in FORMATS.values() if each.read_truth)
        raise FormatError(
            path, "suffix", f"{readable}, a format of ground truth", repr(known.suffixes[0])
        )
    return known.read_truth(path, n_frames)
