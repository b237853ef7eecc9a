"""Checks and conversion of arrays and lists, with errors that name the field."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from murid.errors import ArrayError, ConfigError

T = TypeVar("T")

# Shapes that arrays must have; None = any size.
Shape = tuple[int | None, ...]

# Kinds of NumPy types that hold numbers: signed and unsigned integers, floating point.
_INTEGERS = "iu"
_FLOATS = "f"


def check_array(field: str, array: Any, dtype: Any, shape: Shape) -> None:
    """Raise `ArrayError` unless `array` is a NumPy array of this dtype and shape."""
    if not isinstance(array, np.ndarray):
        raise ArrayError(field, "a NumPy array", type(array).__name__)
    if array.dtype != dtype:
        raise ArrayError(field, f"dtype {np.dtype(dtype)}", f"dtype {array.dtype}")
    _check_shape(field, array, shape)


def to_array(field: str, values: Any, dtype: Any, shape: Shape) -> NDArray[Any]:
    """Return a list or an array of numbers as an array of this dtype and shape.

    An array that has the dtype already is returned as it is, not copied. An empty list fits each
    shape whose first size may be 0. Floating-point numbers are rounded to the precision of
    `dtype`; every other loss is an error.

    Parameters
    ----------
    field : str
        What errors call the values, such as ``"Detections.boxes"``.
    values : array_like
        Nested lists, an array, or what NumPy makes an array of.
    dtype : type
        ``np.float32``, ``np.float64``, ``np.int64`` or ``np.bool_``.
    shape : tuple of int or None
        Size along each axis, None = any.

    Returns
    -------
    ndarray

    Raises
    ------
    ArrayError
        If the values are no numbers, have another shape, or do not fit in `dtype`.
    """
    array: NDArray[Any] = values
    if type(values) is not np.ndarray or values.dtype != dtype:
        array = _convert(field, values, np.dtype(dtype))
    if array.ndim == 1 and not len(array) and len(shape) > 1 and not shape[0]:
        array = array.reshape([size or 0 for size in shape])
    _check_shape(field, array, shape)
    return array


def _convert(field: str, values: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return values as an array of `dtype`; raises `ArrayError` as `to_array` does."""
    expected = f"numbers that fit in {dtype}"
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ArrayError(field, expected, "a masked array (fill it first)")
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        # Rows of different lengths, or an array on a GPU.
        got = f"{type(values).__name__} that is no regular array of numbers"
        raise ArrayError(field, expected, got) from error
    if not array.size and not isinstance(values, np.ndarray):
        # NumPy gives an empty list the type float64.
        return array.astype(dtype)
    is_number = array.dtype.kind in _INTEGERS + _FLOATS
    if not is_number and array.dtype.kind != dtype.kind:
        raise ArrayError(field, expected, _describe_type(values, array))
    with np.errstate(invalid="ignore", over="ignore"):
        converted = array.astype(dtype)
    _check_loss(field, array, converted)
    return converted


def _check_loss(field: str, array: NDArray[Any], converted: NDArray[Any]) -> None:
    """Raise `ArrayError` where a number became another one, other than by rounding of floats."""
    if array.dtype.kind in _FLOATS and converted.dtype.kind in _FLOATS:
        # Rounding is expected of floats, infinity for a finite number is not.
        is_lost = np.isfinite(array) & ~np.isfinite(converted)
    else:
        is_lost = converted != array
    if is_lost.any():
        got = str(array[is_lost].flat[0])
        raise ArrayError(field, f"numbers that fit in {converted.dtype}", got)


def _describe_type(values: Any, array: NDArray[Any]) -> str:
    """Return in words what cannot be converted to numbers."""
    if array.dtype.kind == "O":
        # Objects come from None among numbers, for example.
        stranger = next((value for value in array.flat if not isinstance(value, Real)), values)
        return type(stranger).__name__
    kinds = {"U": "text", "S": "text", "b": "truth values"}
    return kinds.get(array.dtype.kind, f"dtype {array.dtype}")


def to_count(field: str, value: Any) -> int | None:
    """Return a number of animals, frames and so on as an int; None stays None.

    Parameters
    ----------
    field : str
        What errors call the number.
    value : int, float or None
        A whole number, 1 or more, also one of NumPy.

    Raises
    ------
    ConfigError
        If it is no such number.
    """
    if value is None:
        return None
    is_number = isinstance(value, Real | np.number) and not isinstance(value, bool)
    # An infinite number and NaN are no whole numbers either.
    if not is_number or not value >= 1 or value == np.inf or value != int(value):
        raise ConfigError(f"{field}: expected a whole number, 1 or more, got {value!r}")
    return int(value)


def convert_field(
    owner: Any, name: str, dtype: Any, shape: Shape, *, optional: bool = False
) -> None:
    """Convert a field of a frozen dataclass as `to_array` does, in place.

    Raises
    ------
    ArrayError
        As `to_array`; names the class and the field.
    """
    values = getattr(owner, name)
    is_absent = optional and values is None
    has_type = type(values) is np.ndarray and values.dtype == dtype
    # Most values are made inside the package and are right: nothing is made for them.
    if is_absent or (has_type and _has_shape(values.shape, shape)):
        return
    array = to_array(f"{type(owner).__name__}.{name}", values, dtype, shape)
    object.__setattr__(owner, name, array)


def _has_shape(shape: tuple[int, ...], expected: Shape) -> bool:
    """Whether the sizes are those expected, where these are not None."""
    # A plain loop, since this is called several times for every frame.
    if len(shape) != len(expected):
        return False
    for size, wanted in zip(shape, expected, strict=True):
        if wanted is not None and size != wanted:
            return False
    return True


def _check_shape(field: str, array: NDArray[Any], shape: Shape) -> None:
    """Raise `ArrayError` unless an array has this shape."""
    if not _has_shape(array.shape, shape):
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ArrayError(field, f"shape ({wanted})", f"shape {array.shape}")


def find_repeated(values: Sequence[T]) -> T | None:
    """Return the first value that equals an earlier one, or None if all are different."""
    return next((value for k, value in enumerate(values) if value in values[:k]), None)
