"""Checks of exporters before they write anything: suffix, libraries, tracks, metadata."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from murid.core.extras import import_extra
from murid.errors import FormatError
from murid.export.recording import TrackedRecording


def check_suffix(path: str | Path, suffixes: Sequence[str], expected: str | None = None) -> str:
    """Return the suffix of `path` in lower case; raise `FormatError` if it is not in `suffixes`.

    `expected` replaces the list of suffixes in the error message.
    """
    suffix = Path(path).suffix
    if suffix.lower() not in suffixes:
        raise FormatError(path, "suffix", expected or " or ".join(suffixes), repr(suffix))
    return suffix.lower()


def check_libraries(extra: str, **packages: str) -> None:
    """Raise `MissingExtraError` unless all packages are installed.

    Keywords are the names of modules, their values the names of packages.
    """
    for module, package in packages.items():
        import_extra(module, package, extra)


def check_has_tracks(recording: TrackedRecording) -> None:
    """Raise `FormatError` unless there is at least one track.

    Formats that store arrays with one axis for the animals cannot hold an axis of length 0.
    """
    if not len(recording.summary.track_ids):
        raise FormatError(recording.source, "tracks", "at least one animal", "none in any frame")


def check_max_tracks(
    path: str | Path, recording: TrackedRecording, max_tracks: int, expected: str
) -> None:
    """Raise `FormatError` if there are more tracks than the format can hold."""
    n_tracks = len(recording.summary.track_ids)
    if n_tracks > max_tracks:
        raise FormatError(path, "tracks", expected, str(n_tracks))


def check_subject_names(recording: TrackedRecording) -> None:
    """Raise `FormatError` if the metadata describe an animal that is not in the recording."""
    for name in recording.metadata.get("subjects", {}):
        if name not in recording.names:
            expected = " or ".join(recording.names)
            raise FormatError(recording.source, f"subjects.{name}", expected, "no such animal")
