"""Export formats for tracks, found by name or by the suffix of a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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


class Exporter(Protocol):
    """Writes the tracks of a recording to a file, atomically."""

    def __call__(self, path: str | Path, recording: TrackedRecording) -> None:
        """Write the file; raises `FormatError`, `MissingExtraError` or `StorageError`."""
        ...


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A file format for tracks.

    Attributes
    ----------
    name : str
        The name that users give, as in ``--format nwb``.
    suffixes : tuple of str
        Suffixes of its files, the preferred one first.
    description : str
        One line for the help page.
    export : Exporter
        Writes tracks: ``export(path, recording)``.
    needs_identities : bool
        Whether each track has to be one animal from the first to the last frame.
    takes_metadata : bool
        Whether it stores metadata of session and animals, see `murid.export.metadata`.
    """

    name: str
    suffixes: tuple[str, ...]
    description: str
    export: Exporter
    needs_identities: bool = False
    takes_metadata: bool = False


_ALL_FORMATS = (
    ExportFormat("mot", (".txt",), "MOT Challenge text, frames from 1", export_mot),
    ExportFormat(
        "csv", (".csv",), "one row per animal and frame: time, centre, size, score", export_csv
    ),
    ExportFormat("parquet", (".parquet",), "the table of csv, with types", export_parquet),
    ExportFormat(
        "movement", (".nc",), "movement's bounding-box dataset as netCDF", export_movement
    ),
    ExportFormat("via", (".csv",), "VIA-tracks CSV, which movement reads too", export_via),
    ExportFormat(
        "nwb",
        (".nwb",),
        "Neurodata Without Borders, with ndx-pose",
        export_nwb,
        needs_identities=True,
        takes_metadata=True,
    ),
    ExportFormat(
        "sleap", (".slp",), "SLEAP project with boxes, tracks and identities", export_sleap
    ),
    ExportFormat(
        "deeplabcut",
        (".h5", ".csv"),
        "DeepLabCut's table of an analysed video",
        export_deeplabcut,
    ),
    ExportFormat(
        "idtracker",
        (".h5",),
        "trajectories.h5 of idtracker.ai",
        export_idtracker,
        needs_identities=True,
    ),
    ExportFormat("coco", (".json",), "COCO-video", export_coco),
)

# Suffixes of tables as text, any of which a format of such tables may have.
_TEXT_SUFFIXES = {".txt", ".csv", ".tsv"}

# Suffixes that name a format which no exporter writes: what is in the file would be another one.
_OTHER_SUFFIXES = {".npy", ".npz", ".mat", ".pkl", ".pickle", ".xlsx", ".xml", ".zip", ".mp4"}

EXPORT_FORMATS = {export_format.name: export_format for export_format in _ALL_FORMATS}
"""Every format by its name."""


def find_export_format(name: str) -> ExportFormat:
    """Return the format of this name; raises `ConfigError` that lists the known names."""
    if name not in EXPORT_FORMATS:
        raise ConfigError(f"format: expected {' or '.join(EXPORT_FORMATS)}, got {name!r}")
    return EXPORT_FORMATS[name]


def check_format_suffix(path: str | Path, export_format: ExportFormat) -> None:
    """Raise `FormatError` if the suffix of a file is that of another format."""
    suffix = Path(path).suffix.lower()
    of_formats = {known for each in EXPORT_FORMATS.values() for known in each.suffixes}
    allowed = set(export_format.suffixes)
    if allowed & _TEXT_SUFFIXES:
        allowed |= _TEXT_SUFFIXES
    if suffix in (of_formats | _OTHER_SUFFIXES) - allowed:
        expected = f"{' or '.join(export_format.suffixes)} for {export_format.name}"
        raise FormatError(path, "suffix", expected, repr(suffix))


def guess_export_format(path: str | Path) -> ExportFormat:
    """Return the format that has the suffix of this path.

    If several formats have the suffix, it stands for the format of the same name, as ``.csv``.

    Raises
    ------
    FormatError
        If no format has this suffix, or several do and none has its name.
    """
    suffix = Path(path).suffix.lower()
    found = [each for each in EXPORT_FORMATS.values() if suffix in each.suffixes]
    if not found:
        known_suffixes = dict.fromkeys(
            known for each in EXPORT_FORMATS.values() for known in each.suffixes
        )
        raise FormatError(path, "suffix", " or ".join(known_suffixes), repr(suffix))
    for each in found:
        if suffix == f".{each.name}":
            return each
    if len(found) > 1:
        names = " or ".join(each.name for each in found)
        expected = f"that of one format, or the format's name ({names})"
        raise FormatError(path, "suffix", expected, repr(suffix))
    return found[0]
