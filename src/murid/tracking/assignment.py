"""The cheapest pairing of tracks and detections under a limit."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from murid.core.types import Float64, Int64, Matches

MARGIN = 1e-5
"""By how much costs that are not allowed lie above the limit."""


def assign(
    costs: Float64,
    limit: float,
    track_rows: Int64 | None = None,
    detection_rows: Int64 | None = None,
) -> Matches:
    """Pair tracks and detections so that the sum of costs is least, where a pair costs at most `limit`.

    Costs above the limit are clamped just above it, the problem is solved, and clamped pairs are
    dropped; this is the same as leaving a track or a detection alone at half the limit each.

    Parameters
    ----------
    costs : ndarray
        ``(m, n)`` float64; rows are tracks, columns are detections, infinity forbids a pair.
    limit : float
        Highest cost of a pair, itself allowed.
    track_rows, detection_rows : ndarray, optional
        ``(m,)`` and ``(n,)`` int64: the row numbers that the matrix stands for; 0, 1, ... by
        default.

    Returns
    -------
    Matches
        In the given row numbers.
    """
    tracks = np.arange(costs.shape[0]) if track_rows is None else track_rows
    detections = np.arange(costs.shape[1]) if detection_rows is None else detection_rows
    allowed = costs <= limit
    rows, columns = linear_sum_assignment(np.where(allowed, costs, limit + MARGIN))
    kept = allowed[rows, columns]
    rows, columns = rows[kept], columns[kept]
    return Matches(
        tracks[rows],
        detections[columns],
        costs[rows, columns],
        np.delete(tracks, rows),
        np.delete(detections, columns),
    )
