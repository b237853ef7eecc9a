import re

import numpy as np
import pytest

from murid.core.validation import find_repeated, to_array, to_count
from murid.errors import ArrayError, ConfigError


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2]],
        ((1.0, 2.0),),
        np.array([[1, 2]], np.uint8),
        np.array([[1, 2]], np.int64),
        np.array([[1, 2]], np.float64),
        np.array([[1, 2]], ">f4"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_numbers_of_any_type_are_converted(values, dtype):
    array = to_array("boxes", values, dtype, (None, 2))
    assert type(array) is np.ndarray
    assert array.dtype == dtype
    assert array.dtype.isnative
    assert array.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("values", "dtype", "got"),
    [
        (["1", "2"], np.float32, "text"),
        ([1, None], np.float32, "NoneType"),
        ([[1, 2], [3]], np.float32, "list that is no regular array of numbers"),
        ([True, False], np.float32, "truth values"),
        ([1j, 2], np.float32, "dtype complex128"),
        ([1e39, 0], np.float32, "1e+39"),
        ([2**24 + 1, 0], np.float32, "16777217"),
        ([1.5, 2], np.int64, "1.5"),
        ([np.nan, 2], np.int64, "nan"),
        (np.array([2**63, 0], np.uint64), np.int64, "9223372036854775808"),
        ([2, 0], np.bool_, "2"),
        (np.ma.masked_array([1.0, 2], [True, False]), np.float32, "a masked array (fill it first)"),
    ],
)
def test_what_would_be_lost_is_an_error(values, dtype, got):
    message = f"scores: expected numbers that fit in {np.dtype(dtype)}, got {got}"
    with pytest.raises(ArrayError, match=re.escape(message)):
        to_array("scores", values, dtype, (2,))


def test_nan_and_infinity_stay_and_floats_are_rounded():
    array = to_array("position", [np.nan, np.inf, 0.1], np.float32, (3,))
    np.testing.assert_array_equal(array, np.array([np.nan, np.inf, 0.1], np.float32))


def test_shapes_are_checked_after_conversion():
    with pytest.raises(ArrayError, match=re.escape("boxes: expected shape (any, 4), got shape (4")):
        to_array("boxes", [1, 2, 3, 4], np.float32, (None, 4))
    with pytest.raises(ArrayError, match=re.escape("scores: expected shape (2), got shape ()")):
        to_array("scores", 1.0, np.float32, (2,))


def test_empty_lists_are_no_rows():
    assert to_array("boxes", [], np.float32, (None, 4)).shape == (0, 4)
    assert to_array("boxes", np.array([]), np.float32, (None, 4)).shape == (0, 4)
    assert to_array("ids", [], np.int64, (0,)).dtype == np.int64
    with pytest.raises(ArrayError, match=re.escape("expected shape (3, 2), got shape (0,)")):
        to_array("sizes", [], np.float32, (3, 2))


def test_the_first_repeated_value_is_found():
    assert find_repeated(["a", "b", "a"]) == "a"
    assert find_repeated(["a", "b"]) is None


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3), np.uint8(3)])
def test_whole_numbers_are_counts(value):
    count = to_count("animals", value)
    assert count == 3
    assert type(count) is int
    assert to_count("animals", None) is None


@pytest.mark.parametrize("value", ["3", 0, -1, 2.5, True, float("nan"), float("inf"), [3]])
def test_other_values_are_no_counts(value):
    message = f"animals: expected a whole number, 1 or more, got {value!r}"
    with pytest.raises(ConfigError, match=re.escape(message)):
        to_count("animals", value)
