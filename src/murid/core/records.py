"""Records of arrays: dataclasses whose fields are columns with one row per item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from murid.core.types import Index


@dataclass(frozen=True, eq=False, slots=True)
class ArrayRecord:
    """Base of dataclasses whose fields are arrays, or other such records, of the same length."""

    def select(self, rows: Index) -> Self:
        """Return the items at some rows, given as a mask, a slice or row numbers."""
        columns = {name: _select(getattr(self, name), rows) for name in self._names()}
        return type(self)(**columns)

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Return the items of all parts, in order; there must be at least one part."""
        columns = {
            name: _concatenate([getattr(part, name) for part in parts]) for name in cls._names()
        }
        return cls(**columns)

    @classmethod
    def _names(cls) -> list[str]:
        return [field.name for field in fields(cls)]


def _select(column: Any, rows: Index) -> Any:
    return column.select(rows) if isinstance(column, ArrayRecord) else column[rows]


def _concatenate(columns: list[Any]) -> Any:
    first = columns[0]
    return first.concatenate(columns) if isinstance(first, ArrayRecord) else np.concatenate(columns)
