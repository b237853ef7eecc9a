"""Smooth positions, to remove the jitter of boxes that looks like movement of resting animals."""

from __future__ import annotations

import numpy as np

from murid.analysis.gaps import find_missing, find_runs
from murid.core.types import Float64
from murid.errors import ArrayError

# Order of the fitted polynomial: a parabola preserves speed and acceleration.
ORDER = 2


def compute_window_frames(time_s: Float64, window_s: float) -> int:
    """Return the odd number of frames nearest to `window_s` at the median frame rate."""
    if not window_s >= 0:
        raise ArrayError("window_s", "0 or more", f"{window_s:g}")
    if len(time_s) < 2 or window_s == 0:
        return 1
    n_frames = window_s / float(np.median(np.diff(time_s)))
    return 2 * round((n_frames - 1) / 2) + 1


def smooth(position: Float64, time_s: Float64, window_s: float) -> Float64:
    """Return positions smoothed by a Savitzky-Golay filter of order 2.

    Parameters
    ----------
    position : ndarray
        ``(F, 2, I)`` in any unit of length, NaN = missing.
    time_s : ndarray
        ``(F,)`` seconds.
    window_s : float
        Length of the window. Windows of 3 frames or fewer, including 0, change nothing.

    Returns
    -------
    ndarray
        Smoothed positions. Every interval between gaps is smoothed on its own. An interval shorter
        than the window is smoothed with the largest window that fits.

    Notes
    -----
    Savitzky and Golay (1964), Analytical Chemistry 36:1627, by `scipy.signal.savgol_filter`. The
    filter treats frames as equally spaced.
    """
    from scipy.signal import savgol_filter

    window_frames = compute_window_frames(time_s, window_s)
    smoothed = position.copy()
    missing = find_missing(position)
    for animal in range(position.shape[2]):
        for first, end in find_runs(~missing[:, animal]):
            n_frames = end - first
            max_odd = n_frames if n_frames % 2 else n_frames - 1
            window = min(window_frames, max_odd)
            if window > ORDER + 1:
                interval = position[first:end, :, animal]
                smoothed[first:end, :, animal] = savgol_filter(interval, window, ORDER, axis=0)
    return smoothed
