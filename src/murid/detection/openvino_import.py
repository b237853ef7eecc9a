"""OpenVINO, imported without its telemetry.

By itself ``import openvino`` reports its use to its makers and leaves an identifier in the user's
home directory. Where the package ``openvino_telemetry`` cannot be imported it does neither, so it
is hidden for the moment of the import.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import numpy as np

_TELEMETRY = "openvino_telemetry"


def _import_openvino() -> Any:
    if "openvino" in sys.modules or _TELEMETRY in sys.modules:
        return import_module("openvino")
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        return import_module("openvino")
    finally:
        del sys.modules[_TELEMETRY]


def _exchange_array() -> None:
    """Pass an array to OpenVINO and back, once, from one thread.

    The first exchange sets up its bindings to NumPy; two threads that come to it at the same time
    can wait for each other for ever, one with Python's lock and one with that of the set-up.
    """
    _ = openvino.Tensor(np.zeros(1, np.float32)).data


openvino: Any = _import_openvino()
_exchange_array()
