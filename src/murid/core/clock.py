"""The clock of a recording: times as people write them, limits in seconds, and gaps."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from murid.core.types import Float64, Int64
from murid.core.validation import to_array
from murid.errors import ArrayError, ConfigError

# More frame intervals than any recording has: keeps sums of gaps within 64 bits.
_MAX_STEPS = 2**40

# An interval of so many usual intervals is a gap: at least one frame is missing in it.
GAP_INTERVALS = 1.5


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


@dataclass(frozen=True, eq=False, slots=True)
class ClockGaps:
    """Where frames are missing in a recording.

    Attributes
    ----------
    frames : ndarray
        ``(G,)`` int64: the frames after which others are missing.
    n_missing : ndarray
        ``(G,)`` int64: how many are missing, 1 or more.
    gaps_s : ndarray
        ``(G,)`` float64: seconds from the frame before the gap to the one after it.
    """

    frames: Int64
    n_missing: Int64
    gaps_s: Float64

    def __len__(self) -> int:
        return len(self.frames)


def find_gaps(times_s: Float64, fps: float) -> ClockGaps:
    """Return where the interval between two frames is at least 1.5 times the usual one.

    Parameters
    ----------
    times_s : ndarray
        ``(F,)`` float64 times of the frames in seconds, ascending.
    fps : float
        Frames per second: the reciprocal of the usual interval.
    """
    intervals = np.diff(times_s)
    # A thousandth less, because times are rounded.
    frames = np.flatnonzero(intervals * fps >= GAP_INTERVALS * (1 - 1e-3))
    n_missing = np.maximum(np.rint(intervals[frames] * fps) - 1, 1).astype(np.int64)
    return ClockGaps(frames, n_missing, intervals[frames])


# Seconds of the units that a time may be given in.
_UNITS_S = {"s": 1.0, "min": 60.0, "h": 3600.0}


def parse_time(name: str, time: float | str | None) -> float | None:
    """Return a time in seconds; None for None.

    It is given as seconds, as ``HH:MM:SS`` or ``MM:SS``, or with a unit: ``90s``, ``5min``, ``1h``.

    Raises
    ------
    ConfigError
        If it is no time; the message begins with `name`.
    """
    if time is None or isinstance(time, int | float):
        return time
    text = time.strip()
    expected = "seconds, a time such as 90s or 5min, or hours, minutes and seconds as 00:03:12.5"
    with_unit = re.fullmatch(r"(-?\d+(?:[.,]\d*)?)\s*(s|min|h)", text)
    if with_unit is not None:
        return float(with_unit[1].replace(",", ".")) * _UNITS_S[with_unit[2]]
    if not re.fullmatch(r"-?(\d+:){0,2}(\d+([.,]\d*)?|[.,]\d+)", text):
        raise ConfigError(f"{name}: expected {expected}, got {time!r}")
    sign = -1.0 if text.startswith("-") else 1.0
    parts = [float(part) for part in text.lstrip("-").replace(",", ".").split(":")]
    if len(parts) > 1 and max(parts[1:]) >= 60:
        raise ConfigError(f"{name}: expected minutes and seconds below 60, got {time!r}")
    return sign * math.fsum(part * 60.0**k for k, part in enumerate(reversed(parts)))
