"""Import of optional dependencies, those that an extra of murid installs."""

from __future__ import annotations

import importlib
from typing import Any

from murid.errors import MissingExtraError


def import_extra(module: str, package: str, extra: str = "data") -> Any:
    """Import a library of an extra; raises `MissingExtraError` if it is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(package, extra) from error
