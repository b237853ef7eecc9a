"""What associations frame by frame have seen: which detections they followed one animal through without losing it."""

from __future__ import annotations

import numpy as np

from murid.core.types import Int32, Int64

LONGEST_LOSS_S = 0.3
"""Time without the animal after which an association that finds it again is no longer believed."""


def split_tracks(ids: Int32, frames: Int64, fps: float) -> Int32:
    """Cut tracks where they were lost for a while.

    Parameters
    ----------
    ids : ndarray
        ``(W, N)`` int32 ids of tracks; -1 = none.
    frames : ndarray
        ``(N,)`` int64 frame of each detection.
    fps : float
        Frames per second.

    Returns
    -------
    ndarray
        ``(W, N)`` int32 numbers of the stretches; -1 = none.
    """
    stretches = np.full(ids.shape, -1, np.int32)
    for own, told in zip(stretches, ids, strict=True):
        rows = np.flatnonzero(told >= 0)
        rows = rows[np.lexsort((frames[rows], told[rows]))]
        lost = (np.diff(frames[rows]) > LONGEST_LOSS_S * fps) | (np.diff(told[rows]) != 0)
        own[rows] = np.append(0, np.cumsum(lost))[: len(rows)]
    return stretches
