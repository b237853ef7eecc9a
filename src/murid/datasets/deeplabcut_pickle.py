"""Unpickle plain values only, so that an HDF5 file of PyTables cannot run code.

PyTables stores what HDF5 has no type for as pickles. Here they may be numbers, text, and lists of
these.
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


class _PlainUnpickler(pickle.Unpickler):
    """Refuses all classes and functions, so that nothing can be called."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        raise pickle.UnpicklingError(f"{module_name}.{global_name} in a table")


def _load_plain(content: bytes, **options: Any) -> Any:
    return _PlainUnpickler(io.BytesIO(bytes(content)), **options).load()


@contextmanager
def only_plain_values() -> Iterator[None]:
    """Let PyTables unpickle plain values only, within the block; not safe with several threads.

    Raises `MissingExtraError` if PyTables is not installed.
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
