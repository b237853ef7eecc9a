"""Restrict the unpickling of PyTables, so that an HDF5 file cannot run code.

PyTables pickles values for which HDF5 has no type. Only numbers, text, and lists of these are
loaded here.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from murid.core.extras import import_extra

# Modules of PyTables that use `pickle`.
_PICKLING_MODULES = ("attributeset", "atom")


class _RestrictedUnpickler(pickle.Unpickler):
    """Raises `UnpicklingError` for every class and function, so that none can be called."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        raise pickle.UnpicklingError(f"{module_name}.{global_name} in a table")


def _load_plain(content: bytes, **options: Any) -> Any:
    return _RestrictedUnpickler(io.BytesIO(bytes(content)), **options).load()


@contextmanager
def restrict_unpickling() -> Iterator[None]:
    """Let PyTables unpickle plain values only within a ``with`` block.

    It replaces the `pickle` module inside PyTables, so it is not thread-safe. Raises
    `MissingExtraError` if PyTables is not installed.
    """
    import_extra("tables", "tables")
    modules = [import_extra(f"tables.{name}", "tables") for name in _PICKLING_MODULES]
    plain_pickle = SimpleNamespace(
        dumps=pickle.dumps,
        loads=_load_plain,
        HIGHEST_PROTOCOL=pickle.HIGHEST_PROTOCOL,
        UnpicklingError=pickle.UnpicklingError,
    )
    for module in modules:
        module.pickle = plain_pickle
    try:
        yield
    finally:
        for module in modules:
            module.pickle = pickle
