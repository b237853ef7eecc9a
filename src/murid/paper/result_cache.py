"""Cache of results: one JSON file per result, named by a hash of its configuration."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from murid.core.files import make_directory, write_text

# Version of the files. Results of another version are computed again.
FORMAT = 1

# Hexadecimal digits of a key; 48 bits make a collision among some thousand results very unlikely.
_N_KEY_DIGITS = 12

Plain = Mapping[str, Any]


def compute_key(configuration: Plain) -> str:
    """Return twelve hexadecimal digits that identify a configuration of plain values."""
    text = json.dumps(configuration, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_N_KEY_DIGITS]


@dataclass(frozen=True, slots=True)
class ResultCache:
    """Directory of results ``<name>-<key>.json``."""

    directory: Path

    def locate(self, name: str, configuration: Plain) -> Path:
        """Return the path of a result, whether it exists or not."""
        return self.directory / f"{name}-{compute_key(configuration)}.json"

    def load(self, name: str, configuration: Plain) -> dict[str, Any] | None:
        """Return the result of exactly this configuration; None if it is missing or damaged."""
        try:
            document = json.loads(self.locate(name, configuration).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            return None
        # Compare the configuration itself, since two could have the same key.
        if document.get("configuration") != _to_json(configuration):
            return None
        result = document.get("result")
        return result if isinstance(result, dict) else None

    def save(self, name: str, configuration: Plain, result: Plain) -> None:
        """Write a result; raise `StorageError` if it cannot be written."""
        make_directory(self.directory)
        document = {
            "format": FORMAT,
            "name": name,
            "configuration": configuration,
            "result": result,
        }
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
        write_text(self.locate(name, configuration), text)


def _to_json(configuration: Plain) -> Any:
    """Return a configuration as it is read from a file, with lists in place of tuples."""
    return json.loads(json.dumps(configuration))
