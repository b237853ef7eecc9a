import numpy as np
import pytest

from murid.errors import ArrayError
from murid.tracking.assignment import Matches


def test_matches_check_their_columns():
    none = np.zeros(0, np.int64)
    Matches(none, none, np.zeros(0), none, none)
    with pytest.raises(ArrayError, match=r"Matches\.costs"):
        Matches(none, none, np.zeros(1), none, none)
