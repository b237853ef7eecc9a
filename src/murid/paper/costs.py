"""Costs of detectors that were run outside, as their recipe has counted them by the same tool."""

from __future__ import annotations

import json
import math
from pathlib import Path

from murid.errors import FormatError

COST = "cost.json"
"""File beside a detector's boxes: ``{"parameters": 7012822, "gflops": 15.8}``."""


def read_peer_cost(directory: Path) -> dict[str, float] | None:
    """Read the cost of a detector; None where nobody has counted it, `FormatError` if the file is damaged."""
    path = directory / COST
    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        cost = {name: float(document[name]) for name in ("parameters", "gflops")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        got = f"{type(error).__name__}: {error}"
        raise FormatError(path, "file", '{"parameters": number, "gflops": number}', got) from error
    for name, value in cost.items():
        if not (math.isfinite(value) and value > 0):
            raise FormatError(path, name, "a number above 0", f"{value:g}")
    return cost
