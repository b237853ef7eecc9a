"""OpenVINO, imported without its telemetry.

By itself ``import openvino`` reports its use to its makers and leaves an identifier in the user's home directory. Where
the package ``openvino_telemetry`` cannot be imported it does neither, so it is hidden for the moment of the import.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

_TELEMETRY = "openvino_telemetry"


def _import_openvino() -> Any:
    if "openvino" in sys.modules or _TELEMETRY in sys.modules:
        return import_module("openvino")
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        return import_module("openvino")
    finally:
        del sys.modules[_TELEMETRY]


openvino: Any = _import_openvino()
