"""Smooth positions, to remove the jitter of boxes that looks like movement of resting animals."""

from __future__ import annotations

import numpy as np

from murid.analysis.gaps import find_missing, find_runs
from murid.core.types import Float64
from murid.errors import ArrayError

# Order of the fitted polynomial: a parabola preserves speed and acceleration.
ORDER = 2
# Frames count as equally spaced if no interval differs from the median by more than this fraction.
# Times in whole milliseconds differ by up to 10 % at 100 frames/s, and it changes nothing there.
_MAX_DEVIATION = 0.1
# Positions that are fitted at once: limits the memory to some 100 MB.
_MAX_FITTED = 1_000_000
# Singular values below this fraction of the largest one are rounding errors.
_MIN_SINGULAR = 1e-12


def compute_window_frames(interval_s: float, window_s: float) -> int:
    """Return the odd number of frames nearest to `window_s`, from the time between two frames."""
    if not window_s >= 0:
        raise ArrayError("window_s", "0 or more", f"{window_s:g}")
    if interval_s == 0 or window_s == 0:
        return 1
    n_frames = window_s / interval_s
    return 2 * round((n_frames - 1) / 2) + 1


def smooth(
    position: Float64, time_s: Float64, window_s: float, interval_s: float | None = None
) -> Float64:
    """Return positions smoothed by parabolas that are fitted in a moving window.

    Parameters
    ----------
    position : ndarray
        ``(F, 2, I)`` in any unit of length, NaN = missing.
    time_s : ndarray
        ``(F,)`` seconds.
    window_s : float
        Length of the window. Windows of 3 frames or fewer, including 0, change nothing.
    interval_s : float, optional
        Normal time between two frames; by default the median.

    Returns
    -------
    ndarray
        Smoothed positions. Every interval between gaps is smoothed on its own. An interval shorter
        than the window is smoothed with the largest window that fits.

    Notes
    -----
    Savitzky and Golay (1964), Analytical Chemistry 36:1627, by `scipy.signal.savgol_filter`, where
    frames are equally spaced. Elsewhere the same parabolas are fitted by least squares to the
    positions at their times, in windows of equal duration; a window of 3 frames or fewer changes
    nothing.
    """
    from scipy.signal import savgol_filter

    if interval_s is None:
        interval_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    window_frames = compute_window_frames(interval_s, window_s)
    smoothed = position.copy()
    missing = find_missing(position)
    for animal in range(position.shape[2]):
        for first, end in find_runs(~missing[:, animal]):
            n_frames = end - first
            max_odd = n_frames if n_frames % 2 else n_frames - 1
            window = min(window_frames, max_odd)
            if window <= ORDER + 1:
                continue
            interval = position[first:end, :, animal]
            times_s = time_s[first:end]
            deviation = np.abs(np.diff(times_s) - interval_s)
            if (deviation <= _MAX_DEVIATION * interval_s).all():
                values = savgol_filter(interval, window, ORDER, axis=0)
            else:
                values = _fit_parabolas(interval, times_s, window_frames * interval_s)
            smoothed[first:end, :, animal] = values
    return smoothed


def _fit_parabolas(values: Float64, time_s: Float64, window_s: float) -> Float64:
    """Return values ``(n, 2)`` at any times ``(n,)``, smoothed by local least-squares parabolas.

    As with the filter of Savitzky and Golay, the windows at both ends are moved inwards.
    """
    # A window of k frames covers k intervals, half of one before its first frame.
    half_s = 0.5 * window_s
    margin_s = 0.5 * float(np.median(np.diff(time_s)))
    last_start_s = max(time_s[0] - margin_s, time_s[-1] + margin_s - window_s)
    window_start_s = np.clip(time_s - half_s, time_s[0] - margin_s, last_start_s)
    first = np.searchsorted(time_s, window_start_s, "left")
    end = np.searchsorted(time_s, window_start_s + window_s, "right")
    n_in_window = end - first

    smoothed = values.copy()
    rows_at_once = max(1, _MAX_FITTED // int(n_in_window.max()))
    for start in range(0, len(values), rows_at_once):
        rows = np.arange(start, min(start + rows_at_once, len(values)))
        rows = rows[n_in_window[rows] > ORDER + 1]
        if not len(rows):
            continue
        members = first[rows, None] + np.arange(n_in_window[rows].max())
        weights = (members < end[rows, None]).astype(np.float64)
        members = np.minimum(members, len(values) - 1)
        # Times and values relative to the row itself keep the numbers small, and the value of the
        # parabola there is its constant term.
        times = (time_s[members] - time_s[rows, None]) / half_s
        powers = np.stack([times**order for order in range(ORDER + 1)], axis=2)
        normal = np.einsum("rm,rmi,rmj->rij", weights, powers, powers)
        relative = values[members] - values[rows, None]
        moments = np.einsum("rm,rmi,rmx->rix", weights, powers, relative)
        inverse = np.linalg.pinv(normal, rcond=_MIN_SINGULAR, hermitian=True)
        smoothed[rows] += (inverse @ moments)[:, 0]
    return smoothed
