"""Durations on the command line, such as ``5min``."""

from __future__ import annotations

import re

from murid.errors import ConfigError

_SECONDS = {"": 1.0, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}


def parse_seconds(text: str, option: str) -> float:
    """Return the seconds of ``60s``, ``5min``, ``1h`` or ``0.5``; raises `ConfigError`."""
    found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*(ms|s|min|h|)\s*", text)
    if found is None:
        raise ConfigError(f"{option}: expected a time such as 60s, 5min or 1h, got {text!r}")
    return float(found[1]) * _SECONDS[found[2]]
