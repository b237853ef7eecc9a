"""Records of arrays: selection and concatenation."""

from dataclasses import dataclass

import numpy as np
import pytest

from murid.core.records import ArrayRecord


@dataclass(frozen=True, eq=False, slots=True)
class Places(ArrayRecord):
    xy: np.ndarray


@dataclass(frozen=True, eq=False, slots=True)
class Visits(ArrayRecord):
    frames: np.ndarray
    places: Places


VISITS = Visits(np.array([3, 5, 8], np.int32), Places(np.arange(6.0).reshape(3, 2)))


@pytest.mark.parametrize(
    "rows", [np.array([2, 0]), np.array([True, False, True]), slice(0, 3, 2), np.zeros(0, int)]
)
def test_all_columns_are_selected(rows):
    selected = VISITS.select(rows)
    np.testing.assert_array_equal(selected.frames, VISITS.frames[rows])
    np.testing.assert_array_equal(selected.places.xy, VISITS.places.xy[rows])
    assert isinstance(selected, Visits)


def test_all_columns_are_concatenated():
    both = Visits.concatenate([VISITS, VISITS.select(slice(1))])
    np.testing.assert_array_equal(both.frames, [3, 5, 8, 3])
    np.testing.assert_array_equal(both.places.xy[:, 0], [0, 2, 4, 0])
    assert both.frames.dtype == np.int32
