"""Import OpenVINO without its telemetry.

``import openvino`` reports its use to its makers and leaves an identifier in the user's home
directory. It does neither if the package ``openvino_telemetry`` cannot be imported, so that package
is hidden during the import.
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
    # None makes `import openvino_telemetry` raise ImportError.
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        return import_module("openvino")
    finally:
        del sys.modules[_TELEMETRY]


def _initialise_bindings() -> None:
    """Pass an array to OpenVINO and back, once, from one thread.

    The first exchange sets up OpenVINO's bindings to NumPy. Two threads that do that at the same
    time can deadlock: one has the lock of Python and one that of the set-up.
    """
    _ = openvino.Tensor(np.zeros(1, np.float32)).data


openvino: Any = _import_openvino()
_initialise_bindings()
