"""Frame rate of a recording from the times of its frames."""

from __future__ import annotations

import numpy as np

from murid.core.types import Float64

# Below so many ticks a tick is the interval itself, as in AVI, not the precision of the times: an
# interval of two ticks is then a dropped frame.
_MIN_ROUNDED_TICKS = 1.5


def compute_median_fps(times_s: Float64, tick_s: float) -> float | None:
    """Return the reciprocal of the median interval between frames; None if there is no interval.

    Files round times to ticks, so the intervals of a constant rate differ by one tick: 33 and 34 ms
    at 30 frames/s in Matroska. The median interval is therefore the mean of all intervals that are
    within one tick of the median.

    Parameters
    ----------
    times_s : ndarray
        ``(n_frames,)`` float64 seconds, ascending.
    tick_s : float
        The unit of the times in the file, seconds.
    """
    intervals = np.diff(times_s)
    if len(intervals) == 0 or times_s[-1] <= times_s[0]:
        return None
    median = np.median(intervals)
    # A hundredth more, because the times are binary fractions.
    tolerance = (1.01 if median >= _MIN_ROUNDED_TICKS * tick_s else 0.01) * tick_s
    is_typical = np.abs(intervals - median) <= tolerance
    if is_typical.all():
        return float(len(intervals) / (times_s[-1] - times_s[0]))
    # Between two different intervals in the middle of the order there may be none.
    interval = intervals[is_typical].mean() if is_typical.any() else median
    return float(1 / interval)
