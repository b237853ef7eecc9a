"""Checks of arrays and lists, with errors that name the field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from murid.errors import ArrayError

T = TypeVar("T")


def check_array(field: str, array: Any, dtype: Any, shape: tuple[int | None, ...]) -> None:
    """Raise `ArrayError` unless `array` is a NumPy array of this dtype and shape (None = any)."""
    if not isinstance(array, np.ndarray):
        raise ArrayError(field, "a NumPy array", type(array).__name__)
    if array.dtype != dtype:
        raise ArrayError(field, f"dtype {np.dtype(dtype)}", f"dtype {array.dtype}")
    fits = array.ndim == len(shape) and all(
        expected is None or size == expected
        for size, expected in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ArrayError(field, f"shape ({wanted})", f"shape {array.shape}")


def check_detection_columns(owner: str, boxes: Any, scores: Any, embeddings: Any) -> None:
    """Raise `ArrayError` unless the columns of `owner` are those of n detections."""
    check_array(f"{owner}.boxes", boxes, np.float32, (None, 4))
    check_array(f"{owner}.scores", scores, np.float32, (len(boxes),))
    if embeddings is not None:
        check_array(f"{owner}.embeddings", embeddings, np.float32, (len(boxes), None))


def find_repeated(values: Sequence[T]) -> T | None:
    """Return the first value that equals an earlier one, or None if all are different."""
    return next((value for k, value in enumerate(values) if value in values[:k]), None)
