"""Keypoints as columns of Parquet files: position and confidence of each, one column a number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from murid.core.keypoints import KEYPOINTS
from murid.core.types import Float32
from murid.errors import RunError
from murid.store.parquet import to_numbers

VALUES = ("x", "y", "confidence")
"""What is stored of a keypoint, in the order of the last axis of the arrays."""

KEYPOINT_COLUMNS = tuple(f"{keypoint}_{value}" for keypoint in KEYPOINTS for value in VALUES)
"""Names of the columns: ``nose_x, nose_y, nose_confidence, centre_x, …``."""


def to_keypoint_columns(keypoints: Float32 | None) -> dict[str, Any]:
    """Return keypoints ``(n, 3, 3)`` float32 as Arrow arrays; no columns for None."""
    if keypoints is None:
        return {}
    columns = np.ascontiguousarray(keypoints.reshape(len(keypoints), len(KEYPOINT_COLUMNS)).T)
    return {name: pa.array(column) for name, column in zip(KEYPOINT_COLUMNS, columns, strict=True)}


def from_keypoint_columns(columns: Mapping[str, Any], path: Path) -> Float32 | None:
    """Return the keypoints ``(n, 3, 3)`` float32 of Arrow arrays; None if there are no columns.

    Raises `RunError`, which names the file, if only some columns are there, or have another type.
    """
    missing = [name for name in KEYPOINT_COLUMNS if name not in columns]
    if len(missing) == len(KEYPOINT_COLUMNS):
        return None
    if missing:
        expected = "a column of this name, since others of keypoints are there"
        raise RunError(path, missing[0], expected, "none")
    values = [to_numbers(columns, name, np.float32, path) for name in KEYPOINT_COLUMNS]
    return np.column_stack(values).reshape(-1, len(KEYPOINTS), len(VALUES))
