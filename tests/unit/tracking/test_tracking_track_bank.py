import dataclasses

import numpy as np
import pytest

from murid.errors import ArrayError
from murid.tracking.track_bank import TrackBank


def test_selecting_tracks_of_a_bank_selects_rows_of_every_column():
    m = 3
    rows = np.arange(m, dtype=np.int64)
    bank = TrackBank(
        rows,
        rows,
        np.zeros((m, 8)),
        np.zeros((m, 8, 8)),
        np.zeros((m, 0), np.float32),
        *[rows] * 3,
        np.zeros((m, 2)),
        rows,
        np.zeros(m),
    )
    assert bank.select(rows != 1).ids.tolist() == [0, 2]
    assert bank.select(rows != 1).covariances.shape == (2, 8, 8)
    with pytest.raises(ArrayError, match=r"TrackBank\.means"):
        dataclasses.replace(bank, means=np.zeros((m, 7)))
