"""A file beside an export, for formats that have no place for the corrections of identities."""

from __future__ import annotations

import json
from pathlib import Path

from murid.core.files import storage_errors, write_text
from murid.export.recording import TrackedRecording

_SUFFIX = ".corrections.json"


def get_corrections_path(path: str | Path) -> Path:
    """Return ``cage.csv.corrections.json`` for ``cage.csv``."""
    path = Path(path)
    return path.with_name(path.name + _SUFFIX)


def write_corrections_file(path: str | Path, recording: TrackedRecording) -> None:
    """Write how many corrections the tracks in a file follow from, by whom, and since when.

    Without corrections there is no such file, and that of an earlier export is deleted.

    Parameters
    ----------
    path : str or Path
        The file with the tracks.
    recording : TrackedRecording

    Raises
    ------
    StorageError
        If it cannot be written or deleted.
    """
    beside = get_corrections_path(path)
    if recording.corrections is None:
        with storage_errors(beside):
            beside.unlink(missing_ok=True)
        return
    document = json.dumps(recording.corrections.to_plain(), indent=2, ensure_ascii=False)
    write_text(beside, document + "\n")
