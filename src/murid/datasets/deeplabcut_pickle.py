"""PyTables keeps what HDF5 has no type for as pickles; here they may be numbers, text and lists of these, not code."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from murid.core.extras import import_extra


class _Plain(pickle.Unpickler):
    """Knows no class and no function, so that nothing can be called."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        raise pickle.UnpicklingError(f"{module_name}.{global_name} in a table")


@contextmanager
def only_plain_values() -> Iterator[None]:
    """While the block lasts, PyTables makes plain values of pickles and refuses all others; not for several threads.

    Raises `MissingExtraError` if PyTables is not installed.
    """
    import_extra("tables", "tables")
    rooms = [import_extra(f"tables.{name}", "tables") for name in ("attributeset", "atom")]
    plain = SimpleNamespace(
        **{name: getattr(pickle, name) for name in ("dumps", "HIGHEST_PROTOCOL", "UnpicklingError")}
    )
    plain.loads = lambda content, **options: _Plain(io.BytesIO(bytes(content)), **options).load()
    for room in rooms:
        room.pickle = plain
    try:
        yield
    finally:
        for room in rooms:
            room.pickle = pickle
