"""Read metadata of the session and the animals that the user provides in a TOML file.

::

    session_start_time = 2026-05-04T09:00:00+02:00
    experimenter = ["Doe, Jane"]
    institution = "..."

    [subject]                   # every animal
    species = "Mus musculus"

    [subjects.animal_1]         # one animal, by the name murid gave it
    subject_id = "M17"
    sex = "F"
    age = "P90D"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from murid.errors import FormatError

# Fields of an NWB file that the user may set, and their types.
SESSION_FIELDS = {
    "session_start_time": datetime,
    "session_id": str,
    "session_description": str,
    "experiment_description": str,
    "experimenter": list,
    "institution": str,
    "lab": str,
    "keywords": list,
    "notes": str,
    "protocol": str,
    "related_publications": list,
}

# Fields of an NWB subject, and their types.
SUBJECT_FIELDS = {
    "subject_id": str,
    "species": str,
    "strain": str,
    "sex": str,
    "age": str,
    "date_of_birth": datetime,
    "genotype": str,
    "weight": str,
    "description": str,
}


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Return the session and subject fields of a metadata file.

    Parameters
    ----------
    path : str or Path
        A TOML file.

    Returns
    -------
    dict
        Fields of the session; ``"subject"`` and ``"subjects"``, empty if not given, hold those of
        all animals and of single animals.

    Raises
    ------
    FormatError
        If the file cannot be read, or a field is unknown or has the wrong type.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(path, "file", "a readable TOML file", str(error)) from error
    subject = content.pop("subject", {})
    subjects = content.pop("subjects", {})
    _check_fields(path, "", content, SESSION_FIELDS)
    _check_fields(path, "subject.", subject, SUBJECT_FIELDS)
    _check_fields(path, "subjects.", subjects, dict.fromkeys(subjects, dict))
    for name, fields in subjects.items():
        _check_fields(path, f"subjects.{name}.", fields, SUBJECT_FIELDS)
    return content | {"subject": subject, "subjects": subjects}


def _check_fields(path: Path, prefix: str, fields: Any, known: Mapping[str, type]) -> None:
    """Raise `FormatError` unless `fields` is a table of known fields of the right type."""
    if not isinstance(fields, dict):
        raise FormatError(path, prefix.rstrip("."), "a table", repr(fields))
    for name, value in fields.items():
        if name not in known:
            raise FormatError(path, prefix + name, f"one of {', '.join(known)}", "an unknown field")
        if not isinstance(value, known[name]):
            kind = "date and time" if known[name] is datetime else known[name].__name__
            raise FormatError(path, prefix + name, kind, repr(value))
