"""Results on disk: one JSON file a result, named after what was run and a hash of its whole configuration."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from murid.core.files import make_directory, write_text

FORMAT = 1

Plain = Mapping[str, Any]


def compute_key(configuration: Plain) -> str:
    """Twelve hexadecimal digits that stand for a configuration of plain values."""
    text = json.dumps(configuration, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class ResultCache:
    """A directory of results ``<name>-<key>.json``."""

    directory: Path

    def locate(self, name: str, configuration: Plain) -> Path:
        """Path of a result, whether it is there or not."""
        return self.directory / f"{name}-{compute_key(configuration)}.json"

    def load(self, name: str, configuration: Plain) -> dict[str, Any] | None:
        """Return a result of this very configuration; None where there is none, or it is damaged."""
        try:
            document = json.loads(self.locate(name, configuration).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        whole = isinstance(document, dict) and document.get("format") == FORMAT
        result = (
            document.get("result")
            if whole and document.get("configuration") == _to_json(configuration)
            else None
        )
        return result if isinstance(result, dict) else None

    def save(self, name: str, configuration: Plain, result: Plain) -> None:
        """Keep a result; raises `StorageError`."""
        make_directory(self.directory)
        document = {
            "format": FORMAT,
            "name": name,
            "configuration": configuration,
            "result": result,
        }
        write_text(
            self.locate(name, configuration), json.dumps(document, indent=1, allow_nan=False) + "\n"
        )


def _to_json(configuration: Plain) -> Any:
    """A configuration as it comes back from a file: tuples are lists."""
    return json.loads(json.dumps(configuration))
