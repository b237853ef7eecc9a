"""Trembling of boxes smoothed away: without it, an animal at rest walks."""

from __future__ import annotations

import numpy as np

from murid.analysis.gaps import find_missing, find_runs
from murid.core.types import Float64
from murid.errors import ArrayError

ORDER = 2
"""Of the polynomial that is fitted: speed and acceleration are kept."""


def count_window(time_s: Float64, window_s: float) -> int:
    """Frames of a smoothing window: the odd number nearest to `window_s` at the median frame rate."""
    if not window_s >= 0:
        raise ArrayError("window_s", "0 or more", f"{window_s:g}")
    if len(time_s) < 2:
        return 1
    return 2 * round((window_s / float(np.median(np.diff(time_s))) - 1) / 2) + 1 if window_s else 1


def smooth(position: Float64, time_s: Float64, window_s: float) -> Float64:
    """Fit a parabola to each stretch of a track, window by window.

    Parameters
    ----------
    position : ndarray
        ``(F, 2, I)`` in any unit of length, NaN = missing.
    time_s : ndarray
        ``(F,)`` seconds.
    window_s : float
        Length of the window. Windows of 3 frames or fewer, 0 among them, change nothing.

    Returns
    -------
    ndarray
        Smoothed positions. Nothing is carried over a gap; a stretch shorter than the window is
        fitted with the longest window that it holds.

    Notes
    -----
    Savitzky and Golay (1964), Analytical Chemistry 36:1627, by `scipy.signal.savgol_filter`.
    """
    from scipy.signal import savgol_filter

    window = count_window(time_s, window_s)
    smoothed, missing = position.copy(), find_missing(position)
    for animal in range(position.shape[2]):
        for first, after in find_runs(~missing[:, animal]):
            fits = min(window, after - first - (after - first + 1) % 2)
            if fits > ORDER + 1:
                stretch = position[first:after, :, animal]
                smoothed[first:after, :, animal] = savgol_filter(stretch, fits, ORDER, axis=0)
    return smoothed
