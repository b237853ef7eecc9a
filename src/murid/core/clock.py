"""The clock of a recording: limits in seconds as frames, and gaps between the times of frames."""

from __future__ import annotations

import numpy as np

from murid.core.types import Float64, Int64
from murid.core.validation import to_array
from murid.errors import ArrayError

# More frame intervals than any recording has: keeps sums of gaps within 64 bits.
_MAX_STEPS = 2**40


def to_frames(seconds: float, fps: float, at_least: float) -> float:
    """Return a limit in seconds as a number of frames, not rounded.

    Below some frame rate a limit in seconds is shorter than a frame, and would then let nothing or
    everything pass. So every limit in seconds also has a minimum in frames. A limit of 0 seconds is
    switched off, and stays 0.

    Parameters
    ----------
    seconds : float
        The limit.
    fps : float
        Frames per second.
    at_least : float
        Minimum in frames. It has no effect at rates of `at_least / seconds` and more.
    """
    if seconds <= 0:
        return 0.0
    return max(seconds * fps, at_least)


def count_steps(times_s: Float64, fps: float) -> Int64:
    """Return how many frame intervals lie between consecutive frames, at least 1 each.

    Parameters
    ----------
    times_s : ndarray
        ``(F,)`` float64 times of the frames in seconds, ascending.
    fps : float
        Frames per second: the reciprocal of the usual interval.

    Returns
    -------
    ndarray
        ``(F - 1,)`` int64. 1 where frames follow each other as usual, up to jitter of half an
        interval; n + 1 where n frames are missing.

    Raises
    ------
    ArrayError
        If the times are not finite or not in order.
    """
    times_s = to_array("times_s", times_s, np.float64, (None,))
    intervals = np.diff(times_s)
    if not np.isfinite(times_s).all() or (intervals < 0).any():
        raise ArrayError("times_s", "finite times in ascending order", "others")
    return np.clip(np.rint(intervals * fps), 1, _MAX_STEPS).astype(np.int64)


class StepCounter:
    """Counts the frame intervals from each frame to the next, chunk by chunk.

    Parameters
    ----------
    fps : float
        Frames per second.
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._last_s: float | None = None

    def count(self, times_s: Float64 | None, n_frames: int) -> Int64:
        """Return the steps ``(F,)`` int64 into each frame of the next chunk.

        The first frame of all, and every frame without a time, is one step from the one before.

        Parameters
        ----------
        times_s : ndarray or None
            ``(F,)`` float64 seconds, as of `count_steps`.
        n_frames : int
            Number of frames, F.

        Raises
        ------
        ArrayError
            If there is not one time per frame, or as `count_steps`.
        """
        if times_s is None:
            self._last_s = None
            return np.ones(n_frames, np.int64)
        times_s = to_array("times_s", times_s, np.float64, (n_frames,))
        if not n_frames:
            return np.ones(0, np.int64)
        before_s = times_s[0] if self._last_s is None else self._last_s
        steps = count_steps(np.append(before_s, times_s), self._fps)
        self._last_s = float(times_s[-1])
        return steps
