"""Assignment of detections to tracks with the minimum total cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from murid.core.types import Float64, Int64
from murid.core.validation import check_array

# Forbidden pairs cost this much more than the maximum cost. The solver needs finite costs, and a
# margin that is small against all cost differences makes a forbidden pair equal to no pair.
FORBIDDEN_MARGIN = 1e-5


@dataclass(frozen=True, eq=False, slots=True)
class Matches:
    """Result of an assignment between tracks (rows) and detections (columns).

    Attributes
    ----------
    track_rows, detection_rows : ndarray
        ``(k,)`` int64: the matched pairs.
    costs : ndarray
        ``(k,)`` float64: the cost of each pair.
    unmatched_tracks, unmatched_detections : ndarray
        int64 rows without a match, ascending.
    """

    track_rows: Int64
    detection_rows: Int64
    costs: Float64
    unmatched_tracks: Int64
    unmatched_detections: Int64

    def __post_init__(self) -> None:
        check_array("Matches.track_rows", self.track_rows, np.int64, (None,))
        check_array(
            "Matches.detection_rows", self.detection_rows, np.int64, (len(self.track_rows),)
        )
        check_array("Matches.costs", self.costs, np.float64, (len(self.track_rows),))
        check_array("Matches.unmatched_tracks", self.unmatched_tracks, np.int64, (None,))
        check_array("Matches.unmatched_detections", self.unmatched_detections, np.int64, (None,))


def assign(
    costs: Float64,
    max_cost: float,
    track_rows: Int64 | None = None,
    detection_rows: Int64 | None = None,
) -> Matches:
    """Match tracks and detections so that the total cost is minimal.

    Costs above `max_cost` are clamped just above it, the linear assignment problem is solved, and
    clamped pairs are dropped. The result is that of a problem in which an unmatched track or
    detection costs half of `max_cost` (the ``cost_limit`` of the `lap` package).

    Parameters
    ----------
    costs : ndarray
        ``(m, n)`` float64; rows are tracks, columns are detections, infinity forbids a pair.
    max_cost : float
        Maximum cost of a match, inclusive.
    track_rows, detection_rows : ndarray, optional
        ``(m,)`` and ``(n,)`` int64: row numbers of the tracks and detections in the matrix;
        0, 1, ... by default.

    Returns
    -------
    Matches
        In the given row numbers.
    """
    if track_rows is None:
        track_rows = np.arange(costs.shape[0])
    if detection_rows is None:
        detection_rows = np.arange(costs.shape[1])

    allowed = costs <= max_cost
    clamped = np.where(allowed, costs, max_cost + FORBIDDEN_MARGIN)
    rows, columns = linear_sum_assignment(clamped)

    matched = allowed[rows, columns]
    rows = rows[matched]
    columns = columns[matched]
    return Matches(
        track_rows[rows],
        detection_rows[columns],
        costs[rows, columns],
        np.delete(track_rows, rows),
        np.delete(detection_rows, columns),
    )
